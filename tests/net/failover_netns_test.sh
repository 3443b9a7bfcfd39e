#!/usr/bin/env bash
# Address, VRRP and guard on a network of their own:
#
#      lb1 198.18.0.1      peer 198.18.0.22      client 198.18.0.21
#      vip_probe           keepalived, BACKUP    neighbour table
#          └───────────────────┴── bridge ───────────┘            virtual address 198.18.0.100, VRID 51, 100 ms
#
# Shown: a foreign keepalived (Debian's, VRRPv3) stays BACKUP while ours is active, and takes over after a clean stop, after
# a kill and after a silence; the address comes and goes; the client's neighbour table follows; after kill -9 the guard
# removes the address and says the last words; tshark finds the announcements and no malformed packet.
#
# Usage: failover_netns_test.sh [PROGRAM]; PROGRAM is vip_probe (default: $TERCET_BIN/vip_probe). Needs no root where user
# namespaces are allowed; exit 77 (skipped) where they are not, or where keepalived or tshark is missing.
set -euo pipefail

probe=${1:-${TERCET_BIN:-.}/vip_probe}
if [ "${TERCET_NETNS_INSIDE:-}" != 1 ]; then
  for tool in keepalived dumpcap tshark ip; do
    command -v $tool >/dev/null || { echo "SKIPPED: $tool is missing: ./scripts/deps"; exit 77; }
  done
  [ -x "$probe" ] || { echo "$probe is not there: build the target vip_probe"; exit 1; }
  unshare -Urnm true 2>/dev/null || { echo "SKIPPED: no user and network namespaces here"; exit 77; }
  # Its own namespaces, and its own pid namespace: whatever happens here, nothing stays when it ends.
  TERCET_NETNS_INSIDE=1 exec timeout 120 unshare -Urnmpf --kill-child --mount-proc "$0" "$(readlink -f "$probe")"
fi

# All files on a private tmpfs, which goes with the namespaces, however this ends. TERCET_KEEP=FOLDER keeps copies.
mount -t tmpfs tmpfs /run
scratch=/run/scratch
mkdir /run/netns $scratch
[ -z "${TERCET_KEEP:-}" ] || trap 'cp $scratch/*.{pcap,log} "$TERCET_KEEP"' EXIT

say() { printf '%s\n' "$*"; }
fail() {
  printf 'FAILED: %s\n' "$*" >&2
  for log in "$scratch"/*.log; do
    printf -- '--- %s\n' "${log##*/}" >&2
    tail -n 25 "$log" >&2
  done
  exit 1
}
check() {
  local what=$1
  shift
  "$@" || fail "$what"
  say "ok: $what"
}
check_not() {
  local what=$1
  shift
  ! "$@" || fail "$what"
  say "ok: $what"
}
within() {  # within MS CMD…
  local end=$(($(date +%s%N) / 1000000 + $1))
  shift
  until "$@"; do
    [ $(($(date +%s%N) / 1000000)) -lt "$end" ] || return 1
    sleep 0.01
  done
}
at() {
  local host=$1
  shift
  ip netns exec "$host" "$@"
}
has_vip() { [ -n "$(at "$1" ip -o -4 address show dev eth0 to 198.18.0.100)" ]; }
no_vip() { ! has_vip "$1"; }

# ── the network
ip link add br0 type bridge
ip link set br0 up
declare -A address=([lb1]=01 [peer]=22 [client]=21)
declare -A mac
for host in lb1 peer client; do
  ip netns add $host
  ip link add $host type veth peer name eth0 netns $host
  ip link set $host master br0 up
  at $host ip link set lo up
  at $host ip link set eth0 address 02:00:00:00:00:${address[$host]} up
  at $host ip address add 198.18.0.$((10#${address[$host]}))/24 dev eth0
  mac[$host]=$(at $host cat /sys/class/net/eth0/address)
done
client_sees() { [[ $(at client ip neigh show 198.18.0.100) == *"${mac[$1]}"* ]]; }

# ── a keepalived of another make, lower priority, BACKUP
cat >"$scratch/keepalived.conf" <<CONF
global_defs {
  vrrp_version 3
  vrrp_garp_master_delay 1
  script_user root
}
vrrp_instance cell {
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority 90
  advert_int 0.1
  virtual_ipaddress {
    198.18.0.100/24
  }
}
CONF
# dumpcap, not tcpdump: that one wants to become another user, which a user namespace of one id has not.
at client dumpcap -q -i eth0 -f 'arp or proto 112 or udp' -w "$scratch/packets.pcap" >"$scratch/dumpcap.log" 2>&1 &
dumpcap=$!
within 5000 grep -q '^File:' "$scratch/dumpcap.log" || fail "dumpcap did not start"

start_probe() {
  rm -f "$scratch/words"
  mkfifo "$scratch/words"
  # Held open by this shell, or its first line would be its last.
  exec 9<>"$scratch/words"
  ip netns exec lb1 "$probe" eth0 198.18.0.100/24 51 150 100 198.18.0.1:8210 198.18.0.21:8210 \
    <"$scratch/words" >>"$scratch/probe.log" 2>&1 9>&- &
  lb=$!  # `ip netns exec` becomes it
}
tell() { echo "$*" >&9; }
guards() { grep -lx tercet-guard /proc/[0-9]*/comm 2>/dev/null | wc -l; }
no_guards() { [ "$(guards)" -eq 0 ]; }
one_guard() { [ "$(guards)" -eq 1 ]; }

start_probe
check "a guard stands by" within 2000 one_guard
check_not "not active: no address" has_vip lb1
tell win
check "active: the address is there" within 1000 has_vip lb1
check "198.18.0.100/24 beside the host's own, which stays the source" \
  test "$(at lb1 ip -o route get 198.18.0.21 | grep -o 'src [0-9.]*')" = "src 198.18.0.1"
at lb1 ip -4 address show dev eth0 | sed 's/^/    /'

at peer keepalived --dont-fork --log-console --log-detail --use-file="$scratch/keepalived.conf" \
  --pid=/run/ka.pid --vrrp_pid=/run/ka-vrrp.pid --checkers_pid=/run/ka-check.pid >"$scratch/keepalived.log" 2>&1 &
keepalived=$!
check "keepalived enters BACKUP" within 5000 grep -q 'Entering BACKUP STATE' "$scratch/keepalived.log"
sleep 3
check_not "and stays BACKUP for 3 s of our adverts" grep -q 'Entering MASTER STATE' "$scratch/keepalived.log"
check_not "it has no address" has_vip peer
at client bash -c 'echo x >/dev/udp/198.18.0.100/9'
check "the client's neighbour is lb1" within 2000 client_sees lb1

# ── clean stop
stopped=$(date +%s%N)
kill -TERM $lb
wait $lb || fail "a clean stop exits 0"
check "clean stop: keepalived takes over" within 1000 has_vip peer
say "    $((($(date +%s%N) - stopped) / 1000000)) ms after the stop"
check "our host holds the address no more" no_vip lb1
check "no guard is left" within 1000 no_guards
check "the client's neighbour is the peer" within 2000 client_sees peer

# ── back, above it: it yields to the higher priority, and the client follows
start_probe
within 2000 one_guard || fail "no guard"
tell win 5
check "ours is active again: the address is there" within 1000 has_vip lb1
check "keepalived yields" within 2000 no_vip peer
check "the client's neighbour is lb1" within 3000 client_sees lb1

# ── lost: standby without a stop
tell lose
check "epoch lost: the address goes at once" within 500 no_vip lb1
check "keepalived takes over" within 1000 has_vip peer
check "the guard still stands by" one_guard
tell win 9
check "won again" within 1000 has_vip lb1
check "keepalived yields" within 2000 no_vip peer

# ── cut off: gives the address up, takes it back once confirmed
tell deaf
sleep 0.3
tell cut
check "cut off: the address goes" within 500 no_vip lb1
sleep 0.5
check_not "and stays away without a confirmation" has_vip lb1
tell hear
check "confirmed: it is back" within 1000 has_vip lb1
check "keepalived yields" within 2000 no_vip peer
sleep 1

# ── frozen
kill -STOP $lb
check "frozen for 2 s: keepalived takes over" within 3000 has_vip peer
sleep 1.5
kill -CONT $lb
check "woken and confirmed, ours has the address and keepalived yields" within 3000 no_vip peer
check "the client's neighbour is lb1 again" within 3000 client_sees lb1

# ── killed
sleep 0.5
killed=$(date +%s%N)
kill -KILL $lb
check "kill -9: the guard removes the address" within 1000 no_vip lb1
say "    within $((($(date +%s%N) - killed) / 1000000)) ms"
check "keepalived takes over" within 1000 has_vip peer
say "    within $((($(date +%s%N) - killed) / 1000000)) ms"
{ wait $lb; } 2>/dev/null || true
check "the guard is gone" within 1000 no_guards
check "the client's neighbour is the peer" within 2000 client_sees peer

# ── a stale address of a former life is removed at start
at lb1 ip address add 198.18.0.100/24 dev eth0
start_probe
check "a stale address is removed at start" within 1000 no_vip lb1
kill -TERM $lb
wait $lb || fail "a standby's clean stop exits 0"

kill -TERM $keepalived
wait $keepalived 2>/dev/null || true
sleep 0.3
kill -TERM $dumpcap
wait $dumpcap 2>/dev/null || true

# ── what was on the wire
packets() { tshark -n -r "$scratch/packets.pcap" -o vrrp.v3_checksum_as_in_v2:FALSE -Y "$1" -T fields -e frame.number 2>/dev/null; }
count() { packets "$1" | wc -l; }
check "tshark: no malformed packet" test "$(count '_ws.malformed || _ws.expert.severity == error')" -eq 0
announcements=$(count "arp.isgratuitous == 1 && eth.src == ${mac[lb1]}")
well_formed=$(count "arp.isgratuitous == 1 && eth.src == ${mac[lb1]} && arp.opcode == 1 && eth.dst == ff:ff:ff:ff:ff:ff && arp.src.hw_mac == ${mac[lb1]} && arp.src.proto_ipv4 == 198.18.0.100 && arp.dst.proto_ipv4 == 198.18.0.100")
check "tshark: $announcements gratuitous ARPs of ours, all well-formed" test "$announcements" -eq "$well_formed"
check "tshark: five at each of our 5 promotions at least" test "$announcements" -ge 25
adverts=$(count "vrrp && ip.src == 198.18.0.1")
good=$(count "vrrp && ip.src == 198.18.0.1 && vrrp.version == 3 && ip.ttl == 255 && ip.dst == 224.0.0.18 && vrrp.checksum.status == 1 && vrrp.addr_count == 1 && vrrp.ip_addr == 198.18.0.100")
check "tshark: $adverts adverts of ours, all version 3, TTL 255, checksum right" test "$adverts" -eq "$good" -a "$adverts" -gt 50
check "tshark: priority 0 at clean stop, loss, cut-off and (twice, by the guard) kill" \
  test "$(count 'vrrp.prio == 0 && ip.src == 198.18.0.1')" -eq 5
check "tshark: the last words, twice, only at the kill" test "$(count 'udp.dstport == 8210 && udp.srcport == 8210 && ip.src == 198.18.0.1')" -eq 2
say "all held"
