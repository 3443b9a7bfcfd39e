#!/usr/bin/env bash
# What a server on DPDK says of itself and of its surroundings: --check names what is wrong; each thread is on its lcore; what
# the device counts is in /metrics; another station that claims its address is named; a link that goes is noticed.
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/load.sh"
export TERCET_ENGINE=dpdk

plain="--no-huge -m 64 --no-pci --no-shconf"
on_eth0="--vdev=net_af_packet0,iface=eth0"
cpus=$(nproc)
# Two CPUs for three lcores, where there are no more.
lcores="--lcores=0@0,1@$((1 % cpus)),2@$((2 % cpus))"
cell_up --set lb1:port.steering_threads=1 --set "lb1:port.eal=$plain $lcores $on_eth0"

# ---- threads and lcores
cpus_of() { # cpus_of HOST THREAD
  local task
  for task in /proc/"$(<"$CELL_DIR/$1/pid")"/task/*; do
    [ "$(<"$task/comm")" != "$2" ] || sed -n 's/^Cpus_allowed_list:\t//p' "$task/status"
  done | sort -u | xargs
}
check_equal "the steering thread is on the second lcore" $((1 % cpus)) "$(cpus_of lb1 steer0)"
check_equal "the quorum thread on the third" $((2 % cpus)) "$(cpus_of lb1 quorum)"
check_equal "the control thread on the first" 0 "$(cpus_of lb1 tercet-lb)"
check_equal "so are the admin interface's threads" 0 "$(cpus_of lb1 admin)"

# ---- what the device counts
check "the device has a link" test "$(metric lb1 tercet_device_link_up)" = 1
buffers=$(metric lb1 tercet_device_buffers)
free=$(metric lb1 tercet_device_free_buffers)
check "of $buffers buffers $free are free" test "$free" -gt 0 -a "$free" -lt "$buffers"
check_json "all vote" "$all_vote" "$(status)"
sleep 2
check_equal "a backend hears no adverts, and loses nothing by it" 0 \
  "$(metrics b1 | awk '$1 == "tercet_frame_drops_total{reason=\"control_full\"}" { print $2 }')"

# ---- a peer's closed port comes back as on the other engines
cell kill b3
engine b3 uring
cell start b3 # eth0 is its kernel's, which says so when a port is closed
cell kill b3
unreachable() { [ "$(metric "$(active)" tercet_port_peer_unreachable_total)" -gt 0 ]; }
eventually 5 "ICMP errors are counted" unreachable
engine b3 dpdk
cell start b3
eventually 10 "the three backends vote again" status_is "$all_vote"

# ---- another station claims an address
claimed="another station, $(mac_of peer), says that 198.18.0.1 is its own"
named() {
  at peer "${PROBE[@]}" claim 198.18.0.1
  grep -q "$claimed" <<<"$(cell logs lb1)"
}
eventually 5 "who claims lb1's address is named in its log" named

# ---- another station takes b1's address: lb1 follows it, and says so
taken="the hardware address of b1 (198.18.0.11) changed from $(mac_of b1) to $(mac_of peer)"
told() {
  at peer "${PROBE[@]}" claim 198.18.0.11
  grep -q "$taken" <<<"$(cell logs lb1)"
}
eventually 5 "who takes b1's address is named in lb1's log" told
moved=$(metrics lb1 | awk '$1 == "tercet_frame_events_total{event=\"arp_moved\"}" { print $2 }')
check "and counted ($moved)" test "$moved" -gt 0
eventually 10 "b1 is asked for again, and all vote" status_is "$all_vote"

# ---- --check: one line that names it
said() { # said HOST KEY=VALUE…: what --check says of the engine with these settings
  local host=$1 file=$CELL_DIR/$1/check.toml setting
  shift
  cp "$CELL_DIR/$host/$host.toml" "$file"
  for setting in "$@"; do sed -i -E "s|^${setting%%=*} *=.*|${setting%%=*} = ${setting#*=}|" "$file"; done
  at "$host" tercet-lb --config "$file" --check 2>"$SCRATCH/check.err" | grep ' engine: ' || true
}
names() { # names WHAT PATTERN HOST KEY=VALUE…
  local what=$1 pattern=$2 line
  shift 2
  line=$(said "$@")
  [[ $line == $pattern ]] || fail "$what: '$pattern' expected, got '$line'"
  check "$what: and no page of usage" test "$(wc -l <"$SCRATCH/check.err")" -lt 12
}
names "an interface that is not there" 'bad *there is no interface nowhere0, on which port.eal puts net_af_packet0: *' \
  lb2 "eal=\"$plain --vdev=net_af_packet0,iface=nowhere0\""
names "queues that nobody reads" 'bad *net_af_packet0 fills 2 queues, of which 1 is read: *: write qpairs=1 in port.eal, or *' \
  lb2 "eal=\"$plain $on_eth0,qpairs=2\""
names "a CPU that is not there" 'bad *DPDK does not start (lcore 120 unavailable): correct port.eal*' \
  lb2 "eal=\"$plain $on_eth0 -l 0,120\""
names "an option that DPDK does not know" "bad *DPDK does not start (unrecognized option '--bogus'): *" \
  lb2 "eal=\"$plain $on_eth0 --bogus\""
found=$(said lb2)
[[ $found == 'ok '*', memory without huge pages, '*'thread 0 on CPU '* ]] || fail "what was found is said: got '$found'"
at lb2 ip link add tercet7 type veth peer name other7
names "a tap's name that is taken" 'bad *the name tercet7 is taken by another interface: *' \
  lb2 'exception="tap"' 'tap="tercet7"'
at lb2 ip link del tercet7

# ---- the link goes, on a host whose only one it is
who_is_who
at "$old" ip link set eth0 down
eventually 3 "$new follows" status_is ".active == \"$new\" and .serving"
noticed() { [ "$(metric "$old" tercet_failover_link_losses_total)" = 1 ]; }
eventually 2 "$old has noticed" noticed
check "and says so" grep -q "the engine's device has no link" <<<"$(cell logs "$old")"
check_equal "and in its metrics" 0 "$(sleep 1.2; metric "$old" tercet_device_link_up)"
names "an interface that is down" "*warning*eth0, on which net_af_packet0 stands, is down: set it up (ip link set eth0 up)" "$old"
cpu_of() { awk '{ print $14 + $15 }' "/proc/$(<"$CELL_DIR/$1/pid")/stat"; }
before=$(cpu_of "$old")
sleep 2
used=$(($(cpu_of "$old") - before)) # in 1/100 s
check "without a link it does not spin ($used hundredths of a second in 2 s)" test $used -lt 60
at "$old" ip link set eth0 up
eventually 5 "$old is back as the standby" status_is "$both_lbs"
check "and says so" grep -q "the engine's device can be reached again" <<<"$(cell logs "$old")"
