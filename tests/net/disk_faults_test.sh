#!/usr/bin/env bash
# Under load one backend's disk is full, another's fails, a third's is slow, one after the other: the cell serves all the
# while, whoever's disk failed says why and votes again by itself when it works, within 30 seconds, and the clients' own record says
# that no seat was lost or given twice.
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/load.sh"

cell_up
cell license --firm 10 --product 7 --quantity 60 >/dev/null
load load client --firm 10 --product 7 --rate 600 --seconds 3600 --lease 2m --timeout 5s --clients 8

state_is() { status_is "any(.backends[]; .name == \"$1\" and .state == \"$2\")"; }
why() { at "$1" /usr/bin/python3 -I -c 'import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:8221/v1/status").read().decode())' | jq -r .why; }
says() { [[ $(why "$1") == "$2"* ]]; }
grew() {
  local before=$size
  size=$(stat -c %s "$SCRATCH/load.record")
  [ "$size" -gt "$before" ]
}
serves_on() {
  size=$(stat -c %s "$SCRATCH/load.record")
  eventually 5 "$1: the load goes on" grew
}
# fails HOST FAULT WHY: until its disk is well again.
fails() {
  local pid
  pid=$(<"$CELL_DIR/$1/pid")
  cell disk "$1" "$2"
  eventually 10 "$1, $2: it stops" state_is "$1" stopped
  eventually 5 "$1, $2: and says why" says "$1" "$3"
  check_json "$1, $2: status says it as well" ".backends[] | select(.name == \"$1\") | .reason == \"$3\"" "$(status)"
  check "$1, $2: also to people" grep -qE "^$1 .*stopped: $3" <<<"$(cell status)"
  check_equal "$1, $2: and the load balancer's metrics" 1 "$(metrics "$(active)" | awk -v name="tercet_lb_backend_stopped{backend=\"$1\",reason=\"$3\"}" 'index($0, name) == 1 { print $NF }')"
  check_equal "$1, $2: in its metrics, too" 1 "$(metrics "$1" | awk -v name="tercet_backend_stopped{reason=\"$3\"}" 'index($0, name) == 1 { print $NF }')"
  serves_on "$1, $2"
  sleep 3 # one look at the disk at least, which fails
  check "$1, $2: it stays stopped as long as the disk is so" state_is "$1" stopped
  cell disk "$1" ok
  eventually 30 "$1, $2: it votes again by itself" status_is "$all_vote"
  check_equal "$1, $2: as the same process" "$pid" "$(<"$CELL_DIR/$1/pid")"
  check_not "$1, $2: with the same disk" test -e "$CELL_DIR/$1/store/lost-1"
}
fails b1 full "disk full"
fails b2 eio "disk failed"

cell disk b3 slow
serves_on "b3, slow"
sleep 2
check "b3, slow: it votes all the same" state_is b3 voting
cell disk b3 ok
check_json "none of them has a reason any more" 'all(.backends[]; .reason == null)' "$(status)"
eventually 30 "all vote" status_is "$all_vote"
eventually 10 "their books are equal" status_is "$equal_digests"
check_json "nobody was outvoted" '.outvoted == []' "$(status)"
load_stop load
load_end load
judge 60 load
