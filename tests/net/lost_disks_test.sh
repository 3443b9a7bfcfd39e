#!/usr/bin/env bash
# Under load one backend's disk is wiped, another's log is damaged, a third's log is gone, one after the other: each comes
# back under another incarnation, takes the log from the others, is admitted again and votes, by itself and within 30
# seconds; the damaged log is kept aside. Then a store is put back to an older state: the same. The clients' own record says that no seat was lost or given twice.
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/load.sh"

cell_up "${PATIENT[@]}"
cell license --firm 10 --product 7 --quantity 60 >/dev/null
load load client --firm 10 --product 7 --rate 600 --seconds 3600 --lease 2m --timeout 5s --clients 8
runs_for 2

incarnation() { status | jq -r ".backends[] | select(.name == \"$1\") | .incarnation"; }
grew() {
  local before=$size
  size=$(stat -c %s "$SCRATCH/load.record")
  [ "$size" -gt "$before" ]
}
# loses HOST WHAT CMD…: what CMD does to the disk of HOST while it is stopped.
loses() {
  local host=$1 what=$2 before
  shift 2
  before=$(incarnation "$host")
  cell kill "$host"
  "$@"
  size=$(stat -c %s "$SCRATCH/load.record")
  eventually 5 "$host, $what: the other two serve" grew
  cell start "$host"
  eventually 30 "$host, $what: it votes again by itself" status_is "$all_vote"
  [ "$(incarnation "$host")" != "$before" ] || fail "$host, $what: it still has the incarnation $before"
  eventually 10 "$host, $what: the books are equal" status_is "$equal_digests"
}
loses b1 wiped cell wipe b1
check "b1 says that its constituents are missing" grep -q "constituents are missing" "$CELL_DIR/b1/log"
loses b2 damaged cell corrupt b2 --bytes 1
check "b2's damaged log is kept" test -s "$CELL_DIR/b2/store/lost-1/log-000000.tlog"
check "and it says why" grep -q "this disk is not trusted: its log is corrupt" "$CELL_DIR/b2/log"
loses b3 "without log" rm "$CELL_DIR/b3/store/log-000000.tlog"
loses b2 "damaged again" cell corrupt b2 --bytes 20
check "each has a folder of its own" test -s "$CELL_DIR/b2/store/lost-2/log-000000.tlog"

# A copy of a store from a while ago, put back: it looks sound, but a load balancer knows what that backend voted on since.
cell kill b3
cp -a "$CELL_DIR/b3/store" "$SCRATCH/b3.copy"
cell start b3
eventually 15 "b3 votes after a copy of its store was taken" status_is "$all_vote"
sleep 1
put_back() { rm "$CELL_DIR"/b3/store/{identity,log-*} && cp -a "$SCRATCH"/b3.copy/{identity,log-*} "$CELL_DIR/b3/store/"; }
loses b3 "put back to an older state" put_back
check "b3 says what it found out" grep -q "its log ends below what it voted on" "$CELL_DIR/b3/log"

# Their logs are logs like any: the next start finds them sound, and who it was.
for host in b1 b2 b3; do
  before=$(incarnation $host)
  cell kill $host
  cell start $host
  eventually 15 "$host votes after a plain restart" status_is "$all_vote"
  check_equal "$host is who it was" "$before" "$(incarnation $host)"
done
check_json "nobody was outvoted" '.outvoted == []' "$(status)"
load_stop load
load_end load
judge 60 load
