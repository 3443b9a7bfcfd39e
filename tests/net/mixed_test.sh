#!/usr/bin/env bash
# A mixed cell: the load balancers and b1 on DPDK, b2 and b3 on their kernels; lb1 with two steering threads (two queues).
# What a kernel expects of a host without one: ARP, ping, silence about what is not its own. Failovers, and a host that
# changes its engine.
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/load.sh"
. "$NET_DIR/tshark.sh"
export TERCET_ENGINE=dpdk # who holds the virtual address is asked by ARP

cell_up --set b2:port.engine=uring --set b3:port.engine=mmsg --set lb1:port.steering_threads=2
cell license --firm 10 --product 7 --quantity 50 >/dev/null
log_says() { cell logs "$1" | grep -q "$2"; }
check "lb1 says its engine, device and threads" log_says lb1 'engine dpdk (as configured), net_af_packet0 (net_af_packet), 2 queues'
check "b2 has io_uring or says why not" log_says b2 'engine uring'
check "b3 has mmsg" log_says b3 'engine mmsg'
check_json "all vote" "$all_vote" "$(status)"

# ---- a kernel's view of a host that has none
mac_seen() { at "$1" ip -4 neigh show "$2" dev eth0 | grep -o 'lladdr [^ ]*' | cut -d' ' -f2; }
for host in lb1 lb2 b1; do
  check "client pings $host" quietly at client ping -c 3 -i 0.2 -W 1 "$(at "$host" sed -nE 's/^address = "([^/]*).*/\1/p' "$CELL_DIR/$host/$host.toml")"
done
check "far pings lb1 through the router" quietly at far ping -c 2 -i 0.2 -W 1 198.18.0.1
check "and the virtual IP" quietly at client ping -c 2 -i 0.2 -W 1 198.18.0.100
check "echoes of every size up to the MTU are whole" quietly at client ping -c 2 -i 0.2 -W 1 -s 1472 198.18.0.1
check_equal "the client's neighbour entry is the device's address" "$(mac_of lb1)" "$(mac_seen client 198.18.0.1)"
at client ip neigh flush dev eth0
check "a kernel that forgot finds it again" quietly at client ping -c 1 -W 1 198.18.0.1
# (The kernel puts pieces together before af_packet sees them; that fragments are counted is the stack's own test.)
check_not "a ping that no frame holds is not answered" quietly at client ping -c 1 -W 1 -s 3000 198.18.0.2
check_equal "nobody answers ARP for an address that nobody has" "" "$(at peer "${PROBE[@]}" arp 198.18.0.77)"

# ---- the admin interface, whose own queries no kernel carries
check_json "/v1/licenses of the active one" '.licenses | length == 1' \
  "$(at "$(active)" curl -sf http://127.0.0.1:8220/v1/licenses)"

# ---- --check starts the engine, says what it found, and leaves the interface as it is; so does a server that is killed
interface() { at "$1" ip -d link show eth0 | grep -oE '<[^>]*>|promiscuity [0-9]+'; }
spare=$(standby)
cell kill "$spare"
killed=$(interface "$spare")
check_not "a killed server leaves no flag on its interface" grep -q PROMISC <<<"$killed"
check_code "--check finds nothing bad" 0 quietly at "$spare" tercet-lb --config "$CELL_DIR/$spare/$spare.toml" --check
check "it names the device" grep -q 'engine dpdk (as configured), net_af_packet0' \
  <<<"$(at "$spare" tercet-lb --config "$CELL_DIR/$spare/$spare.toml" --check 2>/dev/null)"
check_equal "and changes nothing of the interface" "$killed" "$(interface "$spare")"
cell start "$spare"
eventually 5 "$spare is back" status_is "$both_lbs"

# ---- what is on the wires, as tshark reads it, and that tercet capture says the same of it, on each engine
# heads FILE: sealed datagrams: whose (session and counter), from where, to where. A frame that holds several shows one.
heads() {
  packets "$1" 'tercet.datagram.counter' -T fields -e tercet.datagram.session -e tercet.datagram.counter -e ip.src \
    -e udp.srcport -e ip.dst -e udp.dstport | sort -u
}
# both_of HOST…: $SCRATCH/HOST.wire, by its kernel, and $SCRATCH/HOST.ours, by tercet capture, at the same time; and the
# client's wire, where ARP and an echo are seen.
both_of() {
  local host wires=() ours=()
  for host in "$@" client; do
    (exec "$ROOT/scripts/cell" pcap --dir "$CELL_DIR" "$host" "$SCRATCH/$host.wire" 2>"$SCRATCH/$host.err") &
    wires+=($!)
  done
  for host in "$@" client; do
    eventually 5 "a capture of $host's wire begins" grep -q listening "$SCRATCH/$host.err"
  done
  for host in "$@"; do
    at "$host" tercet capture "$host" "$SCRATCH/$host.ours" --seconds 1 >/dev/null 2>&1 &
    ours+=($!)
  done
  at client ip neigh flush dev eth0
  quietly at client ping -c 2 -i 0.2 -W 1 198.18.0.100
  wait "${ours[@]}"
  sleep 0.5 # a kernel's capture lags
  kill -INT "${wires[@]}"
  wait "${wires[@]}" || true
}
if have_tshark; then
  who_is_who
  load quiet client --firm 10 --product 7 --rate 200 --seconds 30 --clients 4
  runs_for 0.5
  both_of "$old" b2 b3
  load_stop quiet
  load_end quiet
  for host in "$old" b2 b3; do
    heads "$SCRATCH/$host.wire" >"$SCRATCH/wire"
    heads "$SCRATCH/$host.ours" >"$SCRATCH/ours"
    check "$host: tercet capture names the true addresses and ports" \
      test "$(comm -12 "$SCRATCH/wire" "$SCRATCH/ours" | wc -l)" -ge 100
    # A load balancer counts for each backend by itself: session and counter say which datagram only together with to whom.
    # What the kernel's capture missed (it begins and ends by itself) must at least go where others went.
    check_equal "$host: and no others" "" "$(awk 'NR == FNR { whole[$0]; seen[$1, $2, $5]; place[$5, $6]; next }
      !($0 in whole) && (($1, $2, $5) in seen || !(($5, $6) in place))' "$SCRATCH/wire" "$SCRATCH/ours")"
  done
  # What engines without a kernel sent, where it arrived. Of kernels' frames the
  # checksums are unfinished here.
  from="(eth.src == $(mac_of lb1) || eth.src == $(mac_of lb2) || eth.src == $(mac_of b1))"
  for at in client b2; do
    wrong=$(packets "$SCRATCH/$at.wire" "$from && ($WRONG)")
    check_equal "$at: no frame of an engine is wrong" "" "$wrong"
  done
  packets "$SCRATCH/client.wire" "$from" -T fields -e frame.protocols | sort -u >"$SCRATCH/protocols"
  for kind in arp ip:icmp ip:udp:tercet ip:vrrp; do
    check "client: they sent $kind" grep -q "$kind" "$SCRATCH/protocols"
  done
else
  say "no tshark (scripts/deps): the wires are not read"
fi

# ---- load through both queues, and a failover each way
load both client --firm 10 --product 7 --rate 1000 --seconds 8 --clients 16
runs_for 1.5
for turn in one two; do
  who_is_who
  cell kill "$old"
  eventually 3 "$turn: $new is active" status_is ".active == \"$new\" and .serving"
  eventually 1 "$turn: the address is at $new alone" vip_is_at "$new"
  own=198.18.0.${old#lb}
  check_equal "$turn: a killed process leaves nothing that answers" "" "$(at peer "${PROBE[@]}" arp "$own")"
  cell start "$old"
  eventually 5 "$turn: $old is back as the standby" status_is "$both_lbs"
  runs_for 1
done
load_end both
load_shows both "no error, no seat lost" '.errors == {} and .requests > 6000 and .seats_lost == 0'
load_shows both "silent for 1500 ms at most" '.longest_silence_ms <= 1500'
judge 50 both
eventually 5 "the digests are equal" status_is "$equal_digests"

# ---- a host changes its engine
for engine in uring dpdk; do
  cell kill b1
  eventually 3 "b1 is down" status_is 'any(.backends[]; .name == "b1" and .state == "down")'
  engine b1 $engine
  cell start b1
  eventually 10 "b1 votes on $engine" status_is "$all_vote"
  eventually 3 "client pings it there" quietly at client ping -c 1 -W 1 198.18.0.11
done
check_equal "b1's kernel has no address again" "" "$(at b1 ip -o -4 address show dev eth0)"
