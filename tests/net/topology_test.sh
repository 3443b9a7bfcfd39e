#!/usr/bin/env bash
# The network that scripts/cell makes, without any server of ours:
#
#   client lb1 lb2 b1 b2 b3 peer router ── far         who reaches whom, by IPv4 and IPv6, through which neighbour;
#                                                      what a cut stops and what it leaves; what an ARP entry is worth
. "$(dirname "$0")/lib.sh"

cell_up --bare
check_code "a second up in the same folder is refused" 2 cell up --bare

for host in lb1 lb2 b1 b2 b3 peer far; do probe_serve "$host" 9000; done

# Who reaches whom.
for address in 198.18.0.1 198.18.0.2 198.18.0.11 198.18.0.12 198.18.0.13 198.18.0.22 198.18.1.21; do
  check "client reaches $address" reaches client "$address" 9000
done
for address in 2001:db8::1 2001:db8::2 2001:db8::11 2001:db8::12 2001:db8::13 2001:db8::22 2001:db8:1::21; do
  check "client reaches $address" reaches client "$address" 9000
done
check "far reaches lb1 through the router" reaches far 198.18.0.1 9000
check "far reaches b3 through the router, IPv6" reaches far 2001:db8::13 9000
check "far knows only the router as neighbour" \
  bash -c '[ "$(awk "{print \$1}" <<<"$1" | sort -u)" = 198.18.1.254 ]' _ "$(at far ip -4 neigh show nud reachable nud stale nud delay nud probe)"
check_equal "router has lb1 in its neighbour table" "198.18.0.1" \
  "$(at router ip -4 neigh show 198.18.0.1 dev eth0 | awk '{print $1}')"
for host in client lb1 b1 router far; do
  check_equal "lo is up on $host" "1" "$(at "$host" ip -o link show up dev lo | wc -l)"
done
check_equal "only the router forwards" "0 1" \
  "$(at client cat /proc/sys/net/ipv4/ip_forward) $(at router cat /proc/sys/net/ipv4/ip_forward)"

# A cut of a whole host: both ways, and the link stays up.
cell cut lb1
check_not "client does not reach lb1, which is cut" reaches client 198.18.0.1 9000
check_not "nor by IPv6" reaches client 2001:db8::1 9000
check_not "lb1 reaches nobody" reaches lb1 198.18.0.2 9000
check_equal "lb1's link is up" "LOWER_UP" "$(at lb1 ip link show dev eth0 | grep -o LOWER_UP)"
check "client reaches lb2" reaches client 198.18.0.2 9000
cell cut lb1 # twice is once
cell heal lb1
cell heal lb1
check "client reaches lb1 again" reaches client 198.18.0.1 9000

# A cut between two.
cell cut lb1 b2
check_not "lb1 does not reach b2" reaches lb1 198.18.0.12 9000
check_not "b2 does not reach lb1" reaches b2 198.18.0.1 9000
check_not "lb1 does not reach b2 by IPv6" reaches lb1 2001:db8::12 9000
check "lb1 reaches b1" reaches lb1 198.18.0.11 9000
check "b2 reaches lb2" reaches b2 198.18.0.2 9000
check "client reaches b2" reaches client 198.18.0.12 9000
cell heal b2 lb1 # the order of the two does not matter
check "lb1 reaches b2 again" reaches lb1 198.18.0.12 9000

# Between far and a host behind the router, whatever address that host answers for.
at lb1 ip address add 198.18.0.100/24 dev eth0
cell cut far lb1
check_not "far does not reach lb1" reaches far 198.18.0.1 9000
check_not "far does not reach the virtual address on lb1" reaches far 198.18.0.100 9000
check_not "lb1 does not reach far" reaches lb1 198.18.1.21 9000
check_not "far does not reach lb1 by IPv6" reaches far 2001:db8::1 9000
check "far reaches lb2" reaches far 198.18.0.2 9000
check "client reaches the virtual address" reaches client 198.18.0.100 9000
cell heal far lb1
check "far reaches the virtual address again" reaches far 198.18.0.100 9000

# Cutting far, and the router.
cell cut far
check_not "far, cut off, reaches nobody" reaches far 198.18.0.1 9000
cell heal far
check "far is back" reaches far 198.18.0.1 9000
cell cut router
check_not "without the router nobody reaches far" reaches client 198.18.1.21 9000
cell heal router
check "with it they do" reaches client 198.18.1.21 9000

# The address moves without an announcement: router and client go on to the old owner, whose entry they hold. This is
# what makes `far` worth having: a takeover that forgets the gratuitous ARP stays dark here.
mac_of() { at "$1" cat /sys/class/net/eth0/address; }
check_equal "the router's entry points to lb1" "$(mac_of lb1)" \
  "$(at router ip -4 neigh show 198.18.0.100 dev eth0 | grep -o 'lladdr [^ ]*' | cut -d' ' -f2)"
at lb1 ip address del 198.18.0.100/24 dev eth0
at lb2 ip address add 198.18.0.100/24 dev eth0
check_not "unannounced, far does not find the new owner" reaches far 198.18.0.100 9000

# Captures: each packet at once, ends by interruption.
"$ROOT/scripts/cell" pcap --dir "$CELL_DIR" b1 "$SCRATCH/a.pcap" 2>"$SCRATCH/pcap.log" &
capture=$!
eventually 10 "the capture listens" grep -q "listening on b1" "$SCRATCH/pcap.log"
check "client reaches b1 while captured" reaches client 198.18.0.11 9000
captured() { tcpdump -n -r "$SCRATCH/a.pcap" udp port 9000 2>/dev/null | grep -q "198.18.0.21.*198.18.0.11.9000"; }
eventually 5 "its packet is in the file while the capture still runs" captured
kill -INT $capture
check_code "an interrupted capture ends well" 0 wait $capture

(
  cell pcap b1 "$SCRATCH/b.pcap" 2>"$SCRATCH/pcap.log" || true
  touch "$SCRATCH/pcap.ended"
) &
eventually 10 "another capture listens" grep -q "listening on b1" "$SCRATCH/pcap.log"

# Bad input.
check_code "an unknown host" 2 cell exec nobody -- true
check_code "an unknown verb" 2 cell conquer lb1
check_code "a server that does not run cannot be killed" 2 cell kill b1
check_code "a host without a server" 2 cell kill client
check_code "a bare cell has no servers to start" 2 cell start b1
check_code "a host is not cut from itself" 2 cell cut b1 b1
check_code "exec passes the exit code on" 7 cell exec b1 -- sh -c 'exit 7'
check_equal "exec keeps the working folder" "$PWD" "$(at b1 pwd)"
check_equal "exec passes arguments whole" "a  b|c" "$(at b1 sh -c 'printf "%s|%s" "$@"' _ 'a  b' c)"

cell down
eventually 2 "the capture that still ran ended with the cell" test -e "$SCRATCH/pcap.ended"
check "and its file is whole" tcpdump -n -r "$SCRATCH/b.pcap" -c 1
