#!/usr/bin/env bash
# Somebody ends the guard process of the active load balancer, under load: a successor is there at once, no query
# notices, and when the load balancer itself is killed afterwards, the successor removes the address and says so.
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/load.sh"

# guard_of LB: the pid of its guard, the only child it has.
guard_of() {
  local pid kids
  pid=$(<"$CELL_DIR/$1/pid")
  kids=$(<"/proc/$pid/task/$pid/children") # in one line, without its end
  echo "${kids%% *}"
}
another_guard() { [ -n "$(guard_of "$1")" ] && [ "$(guard_of "$1")" != "$2" ] && [ "$(guards "$1")" -eq 1 ]; }

cell_up
cell license --firm 10 --product 7 --quantity 200 >/dev/null
who_is_who
epoch=$(status | jq '[.failovers[].epoch_after] | max')
load load client --firm 10 --product 7 --rate 1000 --seconds 5 --lease 1m
runs_for 1.5
for time in 1 2; do
  first=$(guard_of "$old")
  check "$time: what is ended is a guard" grep -qx tercet-guard "/proc/$first/comm"
  kill -KILL "$first"
  eventually 2 "$time: it has a successor" another_guard "$old" "$first"
done
check_equal "counted" 2 "$(metric "$old" tercet_failover_guard_restarts_total)"
check "and logged" grep -q "the guard process was ended by somebody: it was started again" "$CELL_DIR/$old/log"
load_end load
load_shows load "no query noticed" '.errors == {} and .seats_lost == 0 and .latency_us.max < 250000'
judge 200 load
check_equal "without a takeover" "$epoch" "$(status | jq '[.failovers[].epoch_after] | max')"

cell kill "$old"
eventually 3 "$new is active" status_is ".active == \"$new\" and .serving"
eventually 1 "and alone holds the address" vip_is_at "$new"
check_json "the successor told it so" '.failovers | max_by(.epoch_after) | .cause == "killed"' "$(status)"
gone() { [ "$(guards "$old")" -eq 0 ]; } # but for a zombie that its new parent has yet to reap
eventually 2 "and is gone" gone
