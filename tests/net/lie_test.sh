#!/usr/bin/env bash
# A backend that computes wrong results is outvoted, named and shut out, and nobody is told what it said. While one of the
# other two is gone as well, nothing is granted at all; service returns with it.
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/load.sh"

cell_up --set lb1:cell.checkpoint_every=1000 --set lb2:cell.checkpoint_every=1000
cell license --firm 10 --product 7 --quantity 12 >/dev/null # fewer than the load would like: denials must be right, too
full=$(cell license --firm 10 --product 8 --quantity 2)
cell license --firm 10 --product 9 --quantity 10 >/dev/null
for n in 1 2; do at client tercet checkout --firm 10 --product 8 --lease 1h >/dev/null; done

# ---- b1 lies under load
load lie client --firm 10 --product 7 --rate 500 --seconds 8 --lease 30s
runs_for 1.5
cell kill b1
cell lie b1
named='any(.backends[]; .slot == 1 and .name == "b1" and .state == "divergent") and any(.outvoted[]; .slot == 1)'
eventually 5 "status names b1 as outvoted and divergent" status_is "$named"
check_json "nobody else" 'all(.outvoted[]; .slot == 1) and ([.backends[] | select(.state == "voting") | .name] == ["b2", "b3"])' "$(status)"
check_json "and the cell serves" .serving "$(status)"
load_end lie
load_shows lie "no error" '.requests > 3500 and .errors == {} and .seats_lost == 0'
load_shows lie "every seat was given back" '.seats_left == 0'
judge 12 lie
check_json "the load left no lease behind" 'map(select(.tmr_id != '"$full"')) == []' "$(leases)"

# ---- b1 lies and b2 is dead
load alone client --firm 10 --product 7 --rate 200 --seconds 9 --lease 30s --timeout 2s
runs_for 1
cell kill b2
eventually 5 "with b1 lying and b2 dead the cell does not serve" status_is '.serving == false'
# It would have to say no here, and b1 would say yes.
for n in 1 2 3; do
  code=0
  said=$(at client tercet checkout --firm 10 --product 8 --json 2>"$SCRATCH/err") || code=$?
  check_equal "checkout $n of a full license: exit 4" 4 "$code"
  check_json "UNAVAILABLE, and no grant" '.code == "UNAVAILABLE" and .handle == null' "$said"
  check_equal "one line says so" 1 "$(grep -c '^tercet: ' "$SCRATCH/err")"
done
code=0
at client tercet checkout --firm 10 --product 9 --json >/dev/null 2>&1 || code=$?
check_equal "nor is a free seat granted on its word" 4 "$code"
code=0
at client tercet leases --json >/dev/null 2>&1 || code=$?
check_equal "nor is it asked what is true" 4 "$code"
cell start b2
eventually 10 "service returns with b2" status_is '.serving and ([.backends[] | select(.state == "voting") | .name] == ["b2", "b3"])'
check_code "the full license is full" 3 quietly at client tercet checkout --firm 10 --product 8
check_json "two seats of two in use" "any(.licenses[]; .tmr_id == $full and .in_use == 2)" "$(at client tercet licenses --json)"
load_end alone
load_shows alone "some were told UNAVAILABLE, none something else" '(.refusals | has("UNAVAILABLE")) and (.errors | keys - ["UNAVAILABLE", "NO_ANSWER"] == [])'
judge 12 alone
check_json "b1 is still outvoted and divergent" "$named" "$(status)"
# From a checkpoint a book is built anew by another life of the process: not one directly after the other.
check "it does not begin anew all the time" test "$(grep -c 'starting over from' "$CELL_DIR/b1/log")" -le 6
