#!/usr/bin/env bash
# A host whose only interface is DPDK's keeps its network: what is not Tercet's goes to a tap of the kernel and back. And the
# virtual address with a hardware address of its own (RFC 9568), which a neighbour need not learn anew.
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/load.sh"

cell_up --engine dpdk --set lb1:port.exception=tap --set lb2:port.exception=tap --set lb1:failover.virtual_mac=true \
  --set lb2:failover.virtual_mac=true \
  --set lb1:port.steering_threads=2
cell license --firm 10 --product 7 --quantity 20 >/dev/null
check_equal "the tap has this host's address" "198.18.0.1/24" "$(at lb1 ip -o -4 address show dev tercet0 | awk '{ print $4 }')"
check_equal "and its routes" "198.18.1.0/24 via 198.18.0.254" "$(at lb1 ip route show 198.18.1.0/24 | awk '{ print $1, $2, $3 }')"

# The tap is the only way there: a kernel that heard eth0 itself would answer beside DPDK, and all below would pass without it.
check_equal "pings are answered once each" 3 "$(at client ping -c 3 -i 0.2 -W 1 198.18.0.1 | grep -c 'bytes from')"

# TCP is not Tercet's: a web server stands for the ssh that must go on.
serve() { # serve HOST ADDRESS: docs/
  at "$1" /usr/bin/python3 -I -m http.server 8000 --bind "$2" --directory "$ROOT/docs" >"$SCRATCH/$1.http.out" 2>&1 &
}
served() { # served HOST [ADDRESS]: HOST reads a file there
  [ "$(at "$1" curl -s -m 2 "http://${2:-198.18.0.1}:8000/protocol.md" | cksum)" = "$(cksum <"$ROOT/docs/protocol.md")" ]
}
serve lb1 198.18.0.1
serve client 198.18.0.21
eventually 5 "client reads a file from lb1's kernel over TCP, whole" served client
check "far, behind the router, too" served far
eventually 5 "lb1's kernel reads one from client, whole" served lb1 198.18.0.21
check "lb1's kernel reaches others" quietly at lb1 ping -c 1 -W 1 198.18.0.21

check_equal "--check beside the running server says who has its tap" 1 "$(at lb1 tercet-lb --config "$CELL_DIR/lb1/lb1.toml" --check |
  grep -c '^bad .*another process has the tap tercet0: this very server, if it runs')"

lost=$(metrics lb1 | awk -F '[" ]' '$1 == "tercet_frame_drops_total{reason=" && $2 ~ /^tap_/ { print $2 }' | xargs)
check_equal "what a tap loses is in /metrics" "tap_full tap_refused tap_back_full" "$lost"

# Meanwhile Tercet goes on, and the virtual address keeps its hardware address over a failover.
neighbour() { at "$1" ip -4 neigh show 198.18.0.100 dev eth0 | grep -o 'lladdr [^ ]*' | cut -d' ' -f2; }
load both client --firm 10 --product 7 --rate 500 --seconds 5
runs_for 1
check_equal "the virtual address is at VRRP's own hardware address" 00:00:5e:00:01:33 "$(neighbour client)"
check "files are served beside the load" served client
who_is_who
cell kill "$old"
eventually 3 "$new is active" status_is ".active == \"$new\" and .serving"
check_equal "the neighbour entry is as it was" 00:00:5e:00:01:33 "$(neighbour client)"
check_equal "$old's tap is gone with its process" "" "$(at "$old" ip -o link show type tun)"
load_end both
load_shows both "no error, no seat lost" '.errors == {} and .seats_lost == 0'
load_shows both "silent for 1500 ms at most" '.longest_silence_ms <= 1500'
cell start "$old"
eventually 5 "$old is back" status_is "$both_lbs"
