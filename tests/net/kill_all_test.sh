#!/usr/bin/env bash
# kill -9 of all five servers at a random moment under load, again and again; then of the active load balancer. The
# clients' own record says what became of their seats: never above the quantity, no acknowledged grant lost.
#
#   TERCET_KILLS=N      so many times each (default 20)      TERCET_SEED=S      which moments
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/load.sh"

kills=${TERCET_KILLS:-20}
seed=${TERCET_SEED:-$((SRANDOM % 1000000))}
say "repeat with: TERCET_KILLS=$kills TERCET_SEED=$seed tests/net/kill_all_test.sh"
RANDOM=$seed

cell_up
cell license --firm 10 --product 7 --quantity 60 >/dev/null
servers=(b1 b2 b3 lb1 lb2)

# The load runs over all of the kills: seats live through them. Its end is told by a signal.
load client client --firm 10 --product 7 --rate 600 --seconds 3600 --lease 2m --timeout 3s --clients 4
load far far --firm 10 --product 7 --rate 300 --seconds 3600 --lease 2m --timeout 3s --clients 4
# moment: sleeps a random while; 200 ms to 1.7 s of service between two kills.
moment() {
  local ms=$((200 + RANDOM % 1500))
  sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
}
pids() {
  local host
  for host in "$@"; do cat "$CELL_DIR/$host/pid"; done
}
start_all() {
  local host jobs=()
  for host in "$@"; do
    cell start "$host" &
    jobs+=($!)
  done
  for host in "${jobs[@]}"; do wait "$host" || fail "a server did not start"; done
}
no_pid_files() {
  local host
  for host in "$@"; do [ ! -e "$CELL_DIR/$host/pid" ] || return 1; done
}
grew() { # the load goes on: its record grows again
  local size
  size=$(stat -c %s "$SCRATCH/$1.record")
  [ "$size" -gt "${recorded[$1]}" ]
}
note() {
  local name
  for name in client far; do recorded[$name]=$(stat -c %s "$SCRATCH/$name.record"); done
}
declare -A recorded
at_most_60() { check_json "$1: at most 60 seats in the cell's book" 'length <= 60' "$(leases)"; }

for ((n = 1; n <= kills; n++)); do
  moment
  mapfile -t victims < <(pids "${servers[@]}")
  kill -KILL "${victims[@]}"
  eventually 5 "all $n of $kills: the five are dead" no_pid_files "${servers[@]}"
  start_all "${servers[@]}"
  note
  eventually 15 "all $n: it serves with three backends" status_is "($all_vote) and ($both_lbs)"
  at_most_60 "all $n"
done
eventually 10 "the load goes on" grew client
eventually 10 "that of far, too" grew far
eventually 10 "the digests are equal" status_is "$equal_digests"

for ((n = 1; n <= kills; n++)); do
  moment
  who_is_who
  mapfile -t victims < <(pids "$old")
  kill -KILL "${victims[@]}"
  eventually 5 "active $n of $kills: $old is dead, $new serves" status_is ".active == \"$new\" and .serving"
  start_all "$old"
  note
  eventually 10 "active $n: $old is back as the standby" status_is "($all_vote) and ($both_lbs) and .active == \"$new\""
  at_most_60 "active $n"
done
eventually 10 "the load goes on" grew client
eventually 10 "that of far, too" grew far
eventually 10 "the digests are equal" status_is "$equal_digests"

load_stop client far
load_end client far
judge 60 client far
say "seed $seed"
