#!/usr/bin/env bash
# Servers die, are cut off and freeze under a load of 1,000 queries a second, open loop, from a client in the cell's own
# network and from `far`, behind a router. What the clients saw: a pause and no wrong answer.
#
#   failover_test.sh [backend|kill|cut|partial|freeze|two|staggered]…     only these (default: all)
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/load.sh"

silence_ms=1500 # of a takeover, for either client
rate=1000
[ $# -gt 0 ] || set -- backend kill cut partial freeze two staggered

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

# two_gone NAME SECONDS: two of three are killed, so long apart: that is said at once, and it ends when one is back.
two_gone() {
  local name=$1 apart=$2 code said took begun of
  both "$name" 8
  runs_for 1
  kill -KILL "$(<"$CELL_DIR/b1/pid")"
  sleep "$apart"
  kill -KILL "$(<"$CELL_DIR/b3/pid")"
  runs_for 1.8
  code=0
  begun=${EPOCHREALTIME/./}
  said=$(at client tercet checkout --firm 10 --product 8 --station "by hand" --timeout 10s --json 2>/dev/null) || code=$?
  took=$(((${EPOCHREALTIME/./} - begun) / 1000))
  check_equal "$name: a checkout without a quorum: exit 4" 4 "$code"
  check_json "$name: UNAVAILABLE, by the load balancer's own word" '.code == "UNAVAILABLE" and .first_unavailable_ms <= 1000' "$said"
  check "$name: within a second ($took ms)" [ $took -le 1000 ]
  check_json "$name: status says so" '.serving == false' "$(status)"
  runs_for 4
  cell start b3
  eventually 3 "$name: service returns when one comes back" status_is .serving
  check_code "$name: a checkout works" 0 quietly at client tercet checkout --firm 10 --product 8 --station "by hand" --lease 1s
  both_end "$name"
  for of in client far; do
    load_shows "$name-$of" "UNAVAILABLE was heard within a second" '.refusals.UNAVAILABLE > 0 and .first_unavailable_ms <= 1000'
    load_shows "$name-$of" "nothing else went wrong" '(.errors | keys - ["UNAVAILABLE"] == []) and .seats_lost == 0'
  done
  cell start b1
  eventually 5 "$name: all three vote again" status_is "$all_vote"
  eventually 5 "$name: the digests are equal" status_is "$equal_digests"
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
    partial) # it reaches one backend and the other load balancer, which wins with the two others
      who_is_who
      both partial 8
      runs_for 2
      cell cut "$old" b1
      cell cut "$old" b2
      eventually 3 "partial: $new is active" status_is ".active == \"$new\" and .serving"
      eventually 1 "partial: $old, which reaches one backend, has given the address up" vip_is_at "$new"
      runs_for 5
      check "partial: seconds later $new alone still holds it" vip_is_at "$new"
      cell heal "$old" b1
      cell heal "$old" b2
      both_end partial
      shows_takeover partial
      settled partial "$old" "$new"
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
    two) two_gone two 0 ;;
    staggered) # the standby may be asking, or have claimed, when the second one dies
      two_gone staggered 0.15
      two_gone staggered-again 0.4
      ;;
    *) fail "there is no $run: backend kill cut partial freeze two staggered" ;;
  esac
done
