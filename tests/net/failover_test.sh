#!/usr/bin/env bash
# Servers die, are cut off and freeze under a load of 1,000 queries a second, open loop, from a client in the cell's own
# network and from `far`, behind a router. What the clients saw: a pause and no wrong answer.
#
#   failover_test.sh [backend|kill|cut|freeze|two]…     only these (default: all)
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/load.sh"

silence_ms=1500 # of a takeover, for either client
rate=1000
[ $# -gt 0 ] || set -- backend kill cut freeze two

cell_up
cell license --firm 10 --product 7 --quantity 200 >/dev/null
cell license --firm 10 --product 8 --quantity 10 >/dev/null # for single checkouts, which are in no record

# both NAME SECONDS: the load on both clients, on seats that both want.
both() {
  load "$1-client" client --firm 10 --product 7 --rate $rate --seconds "$2" --lease 1m
  load "$1-far" far --firm 10 --product 7 --rate $rate --seconds "$2" --lease 1m
}
both_end() {
  load_end "$1-client" "$1-far"
  judge 200 "$1-client" "$1-far"
  check_json "$1: the load left no lease behind" 'map(select(.station != "by hand")) == []' "$(leases)"
}
# taken_over NAME OLD NEW FROM…: what must hold once OLD is back; FROM: whose table must show NEW.
settled() {
  local name=$1 old=$2 new=$3
  eventually 5 "$name: $old is back as the standby" \
    status_is ".active == \"$new\" and ($both_lbs) and any(.lbs[]; .name == \"$old\" and .role == \"standby\")"
  eventually 2 "$name: $new alone holds the address" vip_is_at "$new"
  eventually 2 "$name: the neighbour tables of client and router point to $new" follows "$new"
  sleep 1
  check "$name: and a second later still" vip_is_at "$new"
  check "$name: the tables, too" follows "$new"
  say "    receipt: $(status | jq -c '.failovers | max_by(.epoch_after)')"
}
shows_takeover() {
  local of
  for of in client far; do
    load_shows "$1-$of" "no error" '.errors == {} and .requests > 3000 and .seats_lost == 0'
    load_shows "$1-$of" "silent for $silence_ms ms at most" ".longest_silence_ms <= $silence_ms"
  done
}

for run in "$@"; do
  case "$run" in
    backend) # one of three dies and comes back: nobody notices
      both backend 8
      runs_for 2
      cell kill b2
      runs_for 4
      cell start b2
      eventually 4 "backend: b2 votes again" status_is "$all_vote"
      both_end backend
      for of in client far; do
        load_shows backend-$of "no error" '.errors == {} and .requests > 7000 and .seats_lost == 0'
        load_shows backend-$of "no request slower than 250 ms" '.latency_us.max <= 250000'
      done
      eventually 5 "backend: the digests are equal" status_is "$equal_digests"
      ;;
    kill)
      who_is_who
      both kill 6
      runs_for 2
      cell kill "$old"
      eventually 3 "kill: $new is active" status_is ".active == \"$new\" and .serving"
      check "kill: the address is at $new alone" vip_is_at "$new"
      both_end kill
      shows_takeover kill
      cell start "$old"
      settled kill "$old" "$new"
      ;;
    cut)
      who_is_who
      both cut 8
      runs_for 2
      cell cut "$old"
      eventually 3 "cut: $new is active" status_is ".active == \"$new\" and .serving"
      eventually 2 "cut: $old, cut off, has given the address up" vip_is_at "$new"
      runs_for 5
      cell heal "$old"
      both_end cut
      shows_takeover cut
      settled cut "$old" "$new"
      ;;
    freeze)
      who_is_who
      both freeze 9
      runs_for 1.5
      cell pause "$old"
      eventually 3 "freeze: $new is active" status_is ".active == \"$new\" and .serving"
      runs_for 6.5
      cell resume "$old"
      both_end freeze
      shows_takeover freeze
      settled freeze "$old" "$new"
      ;;
    two) # two of three are gone: that is said at once, and it ends when one is back
      both two 8
      runs_for 1
      kill -KILL "$(<"$CELL_DIR/b1/pid")" "$(<"$CELL_DIR/b3/pid")" # at the same moment
      runs_for 1.8
      code=0
      begun=${EPOCHREALTIME/./}
      said=$(at client tercet checkout --firm 10 --product 8 --station "by hand" --timeout 10s --json 2>/dev/null) || code=$?
      took=$(((${EPOCHREALTIME/./} - begun) / 1000))
      check_equal "two: a checkout without a quorum: exit 4" 4 "$code"
      check_json "two: UNAVAILABLE, by the load balancer's own word" '.code == "UNAVAILABLE" and .first_unavailable_ms <= 1000' "$said"
      check "two: within a second ($took ms)" [ $took -le 1000 ]
      check_json "two: status says so" '.serving == false' "$(status)"
      runs_for 4
      cell start b3
      eventually 3 "two: service returns when one comes back" status_is .serving
      check_code "two: a checkout works" 0 quietly at client tercet checkout --firm 10 --product 8 --station "by hand" --lease 1s
      both_end two
      for of in client far; do
        load_shows two-$of "UNAVAILABLE was heard within a second" '.refusals.UNAVAILABLE > 0 and .first_unavailable_ms <= 1000'
        load_shows two-$of "nothing else went wrong" '(.errors | keys - ["UNAVAILABLE"] == []) and .seats_lost == 0'
      done
      cell start b1
      eventually 5 "two: all three vote again" status_is "$all_vote"
      eventually 5 "two: the digests are equal" status_is "$equal_digests"
      ;;
    *) fail "there is no $run: backend kill cut freeze two" ;;
  esac
done
