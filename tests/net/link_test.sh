#!/usr/bin/env bash
# What a load balancer does about its clients' side: an address that somebody removed is put back and announced; an
# interface that loses its link makes it unfit, so that the other one follows; and while it has no link it claims nothing.
#
# For the second part lb1 keeps the virtual address on an interface of its own (vip0, a veth whose other end, vip1, plays
# the switch's port), so that the link to the clients can go while those to the servers stay.
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/load.sh"

cell_up

# ---- the address is removed by hand
who_is_who
epoch=$(status | jq '[.failovers[].epoch_after] | max')
sleep 7 # the announcements of the promotion and their repetition are over; the next are due in a minute
announced=$(metric "$old" tercet_failover_announcements_total)
sleep 1.2
check_equal "nothing is announced without a reason" "$announced" "$(metric "$old" tercet_failover_announcements_total)"
at "$old" ip address del 198.18.0.100/24 dev eth0
eventually 2 "an address that was removed by hand is put back" vip_is_at "$old"
check_equal "without a takeover" "$epoch" "$(status | jq '[.failovers[].epoch_after] | max')"
check_equal "counted" 1 "$(metric "$old" tercet_failover_addresses_restored_total)"
announced_since() { [ "$(metric "$old" tercet_failover_announcements_total)" -gt "$announced" ]; }
eventually 3 "and announced" announced_since

# ---- lb1's virtual address moves to an interface of its own
cell kill lb1
eventually 3 "lb2 is active" status_is '.active == "lb2" and .serving'
at lb1 ip link add vip0 type veth peer name vip1
at lb1 ip address add 198.18.77.1/24 dev vip0
at lb1 ip link set vip0 up
at lb1 ip link set vip1 up
sed -i 's/^interface = "eth0"/interface = "vip0"/' "$CELL_DIR/lb1/lb1.toml"
check "lb1 is set to vip0" grep -q '^interface = "vip0"' "$CELL_DIR/lb1/lb1.toml"
cell start lb1
eventually 5 "lb1 is back as the standby" status_is "$both_lbs"
cell kill lb2
eventually 3 "lb1 is active" status_is '.active == "lb1" and .serving'
cell start lb2
eventually 5 "lb2 stands by" status_is "$both_lbs"

# ---- its link goes
begun=${EPOCHREALTIME/./}
at lb1 ip link set vip1 down
until status_is '.active == "lb2" and .serving'; do
  [ $(((${EPOCHREALTIME/./} - begun) / 1000)) -lt 3000 ] || fail "lb2 did not follow one without a link"
done
say "ok: lb2 follows within $(((${EPOCHREALTIME/./} - begun) / 1000)) ms (two looks at status included)"
check_json "its receipt says why" '.failovers | max_by(.epoch_after) | .cause == "unfit"' "$(status)"
eventually 2 "lb1 has given the address up" vip_is_at lb2
check "lb1 says so in its log" grep -q "vip0 has no link" "$CELL_DIR/lb1/log"

# ---- without a link it claims nothing, however silent the other one is
cell kill lb2
sleep 1.5
check_equal "nobody holds the address" "" "$(vip_holders)"
at lb1 ip link set vip1 up
eventually 3 "with its link lb1 claims" status_is '.active == "lb1" and .serving'
eventually 2 "and holds the address" vip_is_at lb1
