#!/usr/bin/env bash
# The disks of two backends fill up at the same moment under full load, as equal disks do: the cell says UNAVAILABLE at
# once and goes on saying so, no load balancer is deposed for it, and with room again two of three serve the same book.
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/load.sh"

cell_up
cell license --firm 10 --product 7 --quantity 500000 >/dev/null
cell license --firm 10 --product 8 --quantity 10 >/dev/null
declare -A disk
for host in b2 b3; do
  cell kill $host TERM
  small_disk $host 100m # the segment that a log begins with, and too little for another
  disk[$host]=$store
  cell start $host
done
eventually 10 "all vote, two of them from small disks" status_is "$all_vote"
before=$(status | jq -c '{active, epoch: ([.failovers[].epoch_after] | max)}')

load load client --firm 10 --product 7 --seconds 150 --clients 16 --outstanding 32 --mix 1:8:0:1 --timeout 3s
stopped() { [ "$(status | jq '[.backends[] | select(.state == "stopped")] | length')" -ge "$1" ]; }
eventually 120 "a disk is full" stopped 1
eventually 3 "the other one, too" stopped 2
for time in 1 2 3; do
  code=0
  begun=${EPOCHREALTIME/./}
  said=$(at client tercet checkout --firm 10 --product 8 --timeout 10s --json 2>/dev/null) || code=$?
  took=$(((${EPOCHREALTIME/./} - begun) / 1000))
  check_equal "$time: a checkout without a quorum: exit 4" 4 $code
  check_json "$time: and says so" '.code == "UNAVAILABLE"' "$said"
  [ $took -le 1200 ] || fail "$time: UNAVAILABLE came after $took ms"
  say "    after $took ms, the start of the program included"
  sleep 1
done
load_stop load
wait "${_load_job[load]}" || true # it could not give its seats back
for host in b2 b3; do
  says_stopped() { [ "$(cell logs $host | grep -ciE 'stopped voting: disk full: .*no space left.*by itself')" -eq 1 ]; }
  eventually 2 "$host says so in one line, with what comes of it" says_stopped
done
check_equal "no load balancer was deposed" "$before" "$(status | jq -c '{active, epoch: ([.failovers[].epoch_after] | max)}')"
check_json "nobody was outvoted" '.outvoted == []' "$(status)"

# Room is all they need: nobody starts them anew.
at_holder mount -o remount,size=400m "${disk[b2]}"
eventually 30 "with room for one of them the cell serves" status_is .serving
check "a checkout" at client tercet checkout --firm 10 --product 8
at_holder mount -o remount,size=400m "${disk[b3]}"
eventually 30 "with room for both, all vote" status_is "$all_vote"
eventually 10 "and their books are equal" status_is "$equal_digests"
judge 500000 load
