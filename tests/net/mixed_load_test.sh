#!/usr/bin/env bash
# Mixed cells under load, beside one that is all DPDK, whichever side the kernels are on: a kernel sends runs of datagrams in
# one piece (UDP GSO), which has to be cut before it comes to DPDK. And what makes a host DPDK's: --engine, or --set.
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/load.sh"
export TERCET_ENGINE=dpdk

judge_mix() { # judge_mix NAME DPDK-HOST…: the cell in $CELL_DIR beside that in $SCRATCH/reference
  local name=$1 mix round here=0 there=0 rate
  shift
  cell license --firm 10 --product 7 --quantity 200 >/dev/null
  for mix in 1:8:4:1 1:8:0:1; do
    here=0 there=0
    for round in 1 2; do # the better one of two: the machine may be busy
      rate=$(closed $mix) || fail "$name, mix $mix: $rate"
      [ "$rate" -lt $here ] || here=$rate
      rate=$(CELL_DIR=$SCRATCH/reference closed $mix) || fail "all DPDK, mix $mix: $rate"
      [ "$rate" -lt $there ] || there=$rate
    done
    check "$name, mix $mix: $here requests/s, at least 0.4 of the $there of a cell that is all DPDK" \
      [ $((here * 10)) -ge $((there * 4)) ]
  done
  check_equal "$name: no datagram was forged" 0 "$(dropped forged lb1 lb2 b1 b2 b3)"
  check_equal "$name: no frame was longer than itself" 0 "$(dropped ip_length "$@")"
  check_json "$name: all vote" "$all_vote" "$(status)"
}
log_says() { cell logs "$1" | grep -q "$2"; }

CELL_DIR=$SCRATCH/reference
cell_up --durability memory
cell license --firm 10 --product 7 --quantity 200 >/dev/null

CELL_DIR=$SCRATCH/kernels-behind
cell_up --durability memory --set b1:port.engine=uring --set b2:port.engine=uring --set b3:port.engine=mmsg
capture=$SCRATCH/lb.pcap
"$ROOT/scripts/cell" pcap --dir "$CELL_DIR" lb1 "$capture" 2>"$SCRATCH/pcap.log" &
job=$!
eventually 10 "a capture of lb1 runs" grep -q "listening on lb1" "$SCRATCH/pcap.log"
captured() { tcpdump -n -r "$capture" -c 1 udp and "$1" host 198.18.0.1 2>/dev/null | grep -q 198; }
both_ways() { captured src && captured dst; }
eventually 5 "it has what lb1 receives and what it sends" both_ways
kill -INT $job
check_code "and ends well" 0 wait $job
judge_mix "load balancers on DPDK" lb1 lb2
cell down

CELL_DIR=$SCRATCH/kernels-before
TERCET_ENGINE=uring cell_up --durability memory --set b1:port.engine=dpdk --set b2:port.engine=dpdk --set lb2:port.engine=dpdk
check "--set makes a host DPDK's, with all that this takes" log_says b1 'engine dpdk (as configured), net_af_packet0'
judge_mix "a load balancer on DPDK, one not" lb2 b1 b2
who_is_who
cell kill "$old"
eventually 3 "$new, on the other engine, is active" status_is ".active == \"$new\" and .serving"
