#!/usr/bin/env bash
# Two of three backends lose their logs: b3 is gone, b2 has a new, empty disk. Nobody may decide anything, until the operator
# orders, with the words typed, that the log of b1 alone goes on. Then the cell serves, what b1 had is there, and b3, which
# comes back with its old disk, counts for nothing and is taken in anew.
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/load.sh"

cell_up
cell license --firm 10 --product 7 --quantity 20 >/dev/null
for n in 1 2 3; do at client tercet checkout --firm 10 --product 7 --lease 1h --station "desk-$n" >/dev/null; done
held=$(leases)
check_json "three seats are held" 'length == 3' "$held"
who_is_who
active=$old
incarnation() { status | jq -r ".backends[] | select(.name == \"$1\") | .incarnation"; }
state_is() { status_is "any(.backends[]; .name == \"$1\" and .state == \"$2\")"; }
# force HOST SLOT WORDS FLAG…: what it prints goes to $SCRATCH/force.
force() {
  local host=$1 slot=$2 words=$3
  shift 3
  at "$host" tercet cell force-rejoin "$slot" "$@" <<<"$words" >"$SCRATCH/force" 2>"$SCRATCH/force.err"
}
# epoch_starts HOST: those by an order that came into that backend's log since it started.
epoch_starts() { metric "$1" tercet_backend_forced_starts_total; }

check_code "not while the cell serves" 3 force "$active" b2 ""
check "and it says that nothing needs forcing" grep -q "taken in by itself" "$SCRATCH/force.err"
was_b2=$(incarnation b2)
was_b3=$(incarnation b3)

cell kill b3
cell kill b2
cp -p "$CELL_DIR/b2/store/container.json" "$SCRATCH/container.json"
cell wipe b2
cp -p "$SCRATCH/container.json" "$CELL_DIR/b2/store/" # it was saved: what is lost is the log
cell start b2
eventually 20 "b2 is back without its log" state_is b2 amnesiac
check_not "the cell does not serve" status_is .serving
sleep 3
check_not "and does not begin to by itself" status_is .serving
check_code "a client is told that the outcome is unknown" 4 quietly at client tercet checkout --firm 10 --product 7 --timeout 1s

check_code "b3 is silent: it cannot be taken in" 3 force "$active" b3 "" --json
check_json "with its code" '.code == "not_asking"' "$(cat "$SCRATCH/force")"
check_code "not at the standby" 3 force "$(other_lb "$active")" 2 ""
check "which says so" grep -q "order it at the active one" "$SCRATCH/force.err"
words="force rejoin b2, lose what only b3 knew"
check_code "other words are no order" 2 force "$active" b2 "yes"
check "what may be lost was said" grep -q "What may be lost" "$SCRATCH/force.err"
check "and the words that are wanted" grep -qF "$words" "$SCRATCH/force.err"
check_not "nothing was done" status_is .serving
check_equal "whoever has not the key file orders nothing" 403 "$(at "$active" /usr/bin/python3 -I -c 'import json, sys, urllib.request, urllib.error
url = "http://127.0.0.1:8220/v1/force-rejoin?slot=2"
plan = json.load(urllib.request.urlopen(url))
try:
    print(urllib.request.urlopen(url + "&proof=" + "0" * 64 + "&incarnation=" + plan["incarnation"]).status)
except urllib.error.HTTPError as error:
    print(error.code)')"

check_code "the order" 0 force "$active" 2 "$words" --json
check_json "says whose log goes on" '.survivor == "b1" and .name == "b2" and .gone == "b3"' "$(cat "$SCRATCH/force")"
eventually 20 "the cell serves again" status_is '.serving and ([.backends[] | select(.state == "voting")] | length == 2)'
check_equal "with the seats that were held" "$held" "$(leases)"
at client tercet checkout --firm 10 --product 7 --lease 1h --station desk-4 >/dev/null
check_json "and gives more" 'length == 4' "$(leases)"
[ "$(incarnation b2)" != "$was_b2" ] || fail "b2 still has the incarnation $was_b2"
check_json "there is a receipt" '.failovers[0].cause == "forced"' "$(at client tercet failovers --json)"
check "the load balancer says it loudly" grep -q " critical the operator ordered: $words" "$CELL_DIR/$active/log"
check "and b1, whose log it is" grep -q " critical by the operator's order" "$CELL_DIR/b1/log"
check_equal "and it is counted" 1 "$(metric "$active" tercet_lb_forced_starts_total)"
check_equal "in each backend, too" "1 1" "$(epoch_starts b1) $(epoch_starts b2)"

# b3 comes back with its old disk: it has promised and voted as a member, and must count for nothing now.
held=$(leases)
cell start b3
eventually 30 "b3 votes" status_is "$all_vote"
[ "$(incarnation b3)" != "$was_b3" ] || fail "b3 still has the incarnation $was_b3"
check "its old log is set aside" test -s "$CELL_DIR/b3/store/lost-1/log-000000.tlog"
check_equal "the seats are what they were" "$held" "$(leases)"
eventually 10 "the books are equal" status_is "$equal_digests"

# From here on it is a cell like any: one backend and the active load balancer may go.
cell kill b1
eventually 5 "without b1 it serves" status_is '.serving and any(.backends[]; .name == "b1" and .state == "down")'
check_equal "with all seats" "$held" "$(leases)"
cell kill "$active"
eventually 10 "the other load balancer follows" status_is ".active == \"$(other_lb "$active")\" and .serving"
check_equal "with all seats" "$held" "$(leases)"
cell start b1
eventually 30 "all three vote" status_is "$all_vote"
eventually 10 "the books are equal" status_is "$equal_digests"
check_json "nobody was outvoted" '.outvoted == []' "$(status)"
