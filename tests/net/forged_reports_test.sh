#!/usr/bin/env bash
# Anybody can send an ICMP report that a backend's port is closed: thousands of them a second, to both load balancers and
# about all backends, take nothing from the cell. A backend that is really gone is down soon all the same.
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/load.sh"

cell_up
cell license --firm 10 --product 7 --quantity 100 >/dev/null
forge() {
  at peer /usr/bin/python3 -I -B "$NET_DIR/port_unreachable.py" "$1" 4 3000 "$1" 198.18.0.11,198.18.0.12,198.18.0.13 8210
}
before=$(status)
check_json "the cell serves" .serving "$before"
load forged client --firm 10 --product 7 --rate 500 --seconds 6 --lease 30s
runs_for 0.5
forge 198.18.0.1 >"$SCRATCH/lb1" &
first=$!
forge 198.18.0.2 >"$SCRATCH/lb2" || fail "reports to lb2"
wait $first || fail "reports to lb1"
[ $(($(<"$SCRATCH/lb1") + $(<"$SCRATCH/lb2"))) -ge 8000 ] || fail "too few reports: $(<"$SCRATCH/lb1") and $(<"$SCRATCH/lb2")"
load_end forged
load_shows forged "no error" '.errors == {} and .refusals == {}'
load_shows forged "no silence above 500 ms" '.longest_silence_ms < 500'
judge 100 forged
after=$(status)
check_equal "the epoch stands" "$(jq .epoch <<<"$before")" "$(jq .epoch <<<"$after")"
check_json "all three vote" '[.backends[].state] == ["voting", "voting", "voting"]' "$after"

# ---- the real thing
cell kill b2
eventually 3 "a killed backend is down" status_is 'any(.backends[]; .name == "b2" and .state == "down")'
