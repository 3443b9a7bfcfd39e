#!/usr/bin/env bash
# Debian's keepalived beside real load balancers, as BACKUP for the same virtual router on `peer`: it stays BACKUP while one
# of ours is active, takes the address when both were stopped cleanly, and gives it back. tshark reads all that was sent:
# nothing malformed, and announcements at each promotion. (address, VRRP and guard alone: failover_netns_test.sh)
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/load.sh"

for tool in keepalived tshark; do
  command -v $tool >/dev/null || { echo "SKIPPED: $tool is missing: ./scripts/deps"; exit 77; }
done

cell_up
cell license --firm 10 --product 7 --quantity 100 >/dev/null
check_equal "the servers' VRID and interval are those below" '100ms 51' \
  "$(sed -nE 's/^(vrid|advert_interval) *= *"?([0-9a-z]+).*/\2/p' "$CELL_DIR/lb1/lb1.toml" | sort | xargs)"
cat >"$SCRATCH/keepalived.conf" <<CONF
global_defs {
  vrrp_version 3
  script_user root
}
vrrp_instance cell {
  state BACKUP
  interface eth0
  virtual_router_id 51
  priority 50
  advert_int 0.1
  virtual_ipaddress {
    198.18.0.100/24
  }
}
CONF
pcaps=()
capture() { # capture HOST
  "$ROOT/scripts/cell" pcap --dir "$CELL_DIR" "$1" "$SCRATCH/$1.pcap" 2>"$SCRATCH/$1.pcap.log" &
  pcaps+=($!)
  eventually 10 "a capture runs on $1" grep -q "listening on $1" "$SCRATCH/$1.pcap.log"
}
capture client
capture peer
# exec, so that the job is keepalived itself.
(exec "$ROOT/scripts/cell" exec --dir "$CELL_DIR" peer -- keepalived --dont-fork --log-console --log-detail \
  --use-file="$SCRATCH/keepalived.conf" --pid="$SCRATCH/ka.pid" --vrrp_pid="$SCRATCH/ka-vrrp.pid" \
  --checkers_pid="$SCRATCH/ka-check.pid" >"$SCRATCH/keepalived.log" 2>&1) &
keepalived=$!
states() { grep -o 'Entering [A-Z]* STATE' "$SCRATCH/keepalived.log" | tail -n 1; }
state_is() { [ "$(states)" = "Entering $1 STATE" ]; }
peer_has() { [ -n "$(at peer ip -o -4 address show to 198.18.0.100)" ]; }
peer_has_not() { ! peer_has; }
masters() { grep -c 'Entering MASTER STATE' "$SCRATCH/keepalived.log" || true; }

eventually 5 "keepalived enters BACKUP" state_is BACKUP
check_code "far asks something, so that the router knows the address" 0 quietly at far tercet licenses
load load client --firm 10 --product 7 --rate 300 --seconds 9
runs_for 3
check_equal "and stays BACKUP for 3 s of our adverts" 0 "$(masters)"

# Promotions: each is announced by the one that is promoted. FILE: when, who.
promotions=()
promote() { # promote WHAT CMD…: CMD makes the standby the active one
  local what=$1 new=$2 at=$EPOCHREALTIME
  shift 2
  "$@"
  eventually 5 "$what: $new is active" status_is ".active == \"$new\" and .serving"
  promotions+=("$at $new $what")
}
who_is_who
promote "killed" "$new" cell kill "$old"
cell start "$old"
eventually 5 "$old is back as the standby" status_is "$both_lbs"
who_is_who
promote "stopped" "$new" cell kill "$old" TERM
cell start "$old"
eventually 5 "$old is back as the standby" status_is "$both_lbs"
load_end load
load_shows load "no error over both" '.errors == {}'
judge 100 load
check_equal "keepalived stayed BACKUP over a kill and a stop: another of ours was there" 0 "$(masters)"
check "it has no address" peer_has_not

# Both are stopped cleanly: the address goes to keepalived at once.
who_is_who
cell kill "$new" TERM
begun=$EPOCHREALTIME
cell kill "$old" TERM
eventually 2 "both stopped: keepalived takes over" peer_has
say "    within $(awk -v a="$begun" -v b="$EPOCHREALTIME" 'BEGIN { printf "%d", (b - a) * 1000 }') ms"
check_equal "none of ours holds the address" "" "$(vip_holders)"

# They come back, with the higher priority: keepalived yields, the clients follow.
begun=$EPOCHREALTIME
cell start lb1
cell start lb2
eventually 10 "ours serve again" status_is "($all_vote) and ($both_lbs)"
new=$(active)
promotions+=("$begun $new started")
eventually 3 "keepalived yields" peer_has_not
eventually 3 "the address is at $new alone" vip_is_at "$new"
eventually 3 "client and router follow" follows "$new"
check_code "a checkout works" 0 quietly at client tercet checkout --firm 10 --product 7 --lease 1s
sleep 1

kill -TERM $keepalived
wait $keepalived 2>/dev/null || true
for pcap in "${pcaps[@]}"; do kill -INT "$pcap" && wait "$pcap"; done

# ---- what was on the wire
packets() { # packets HOST FILTER [tshark options]
  local file=$SCRATCH/$1.pcap filter=$2
  shift 2
  # What is ours above UDP is ours alone: no dissector is to guess at it.
  tshark -n -r "$file" -o vrrp.v3_checksum_as_in_v2:FALSE -d udp.port==8200,data -d udp.port==8210,data -Y "$filter" "$@" 2>"$SCRATCH/tshark.err" ||
    fail "tshark: $(cat "$SCRATCH/tshark.err")"
}
count() { packets "$1" "$2" -T fields -e frame.number | wc -l; }
for host in client peer; do
  say "    on $host: $(count $host frame) packets, $(count $host vrrp) adverts, $(count $host arp) ARP"
  check_equal "on $host: nothing malformed" "" "$(packets $host '_ws.malformed || _ws.expert.severity == error')"
  check_equal "on $host: no wrong UDP or IP checksum of ours" 0 \
    "$(count $host '(udp.checksum.status == 0 || ip.checksum.status == 0) && (ip.src == 198.18.0.1 || ip.src == 198.18.0.2)')"
done
check "adverts of ours: all version 3, VRID 51, TTL 255, one address, checksum right" test \
  "$(count peer 'vrrp && (ip.src == 198.18.0.1 || ip.src == 198.18.0.2)')" -eq \
  "$(count peer 'vrrp && (ip.src == 198.18.0.1 || ip.src == 198.18.0.2) && vrrp.version == 3 && vrrp.virt_rtr_id == 51 && ip.ttl == 255 && ip.dst == 224.0.0.18 && vrrp.checksum.status == 1 && vrrp.addr_count == 1 && vrrp.ip_addr == 198.18.0.100')"
check "there are some of either" test "$(count peer 'vrrp && ip.src == 198.18.0.1')" -ge 3 -a "$(count peer 'vrrp && ip.src == 198.18.0.2')" -ge 3
check "priority 0 at the clean stops" test "$(count peer 'vrrp.prio == 0')" -ge 2
for promotion in "${promotions[@]}"; do
  read -r at who what <<<"$promotion"
  for host in client peer; do
    announcements=$(count $host "frame.time_epoch >= $at && frame.time_epoch <= $(awk -v a="$at" 'BEGIN { printf "%.6f", a + 5 }') &&
      eth.src == $(mac_of "$who") && arp.isgratuitous == 1 && arp.opcode == 1 && eth.dst == ff:ff:ff:ff:ff:ff &&
      arp.src.proto_ipv4 == 198.18.0.100 && arp.dst.proto_ipv4 == 198.18.0.100 && arp.src.hw_mac == $(mac_of "$who")")
    check "on $host: $who, promoted ($what), announced itself ($announcements times)" test "$announcements" -ge 1
  done
done
