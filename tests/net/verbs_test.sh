#!/usr/bin/env bash
# Every verb of scripts/cell on a real cell, once: does it do what it says, and does it refuse what makes no sense?
. "$(dirname "$0")/lib.sh"

# A wrong key in a configuration: up fails, names it, and leaves nothing.
code=0
said=$(cell up --set lb1:failover.advert_intervall=20ms 2>&1) || code=$?
check "up fails over an unknown key" [ $code -ne 0 ]
check "and names the key" grep -q advert_intervall <<<"$said"
check_not "and leaves nothing" test -e "$CELL_DIR"

# A folder that cannot be: one line, and no stack trace.
for folder in /dev/null/cell /proc/cell "/tmp/$(printf 'x%.0s' {1..300})"; do
  code=0
  said=$("$ROOT/scripts/cell" up --dir "$folder" 2>&1) || code=$?
  check_equal "--dir ${folder:0:20}: exit 2" 2 $code
  check_equal "in one line that says what to do" 1 "$(grep -c 'cannot be made.*choose another --dir' <<<"$said")"
  check_equal "and nothing else" 1 "$(wc -l <<<"$said")"
done

cell_up --durability memory --set lb1:failover.garp_refresh=30s --set lb2:failover.garp_refresh=30s
check "--durability is in the backends' files" grep -q '^durability = "memory"' "$CELL_DIR/b2/b2.toml"
check "--set is in the one file that it names" grep -q '^garp_refresh = "30s"' "$CELL_DIR/lb2/lb2.toml"
check_json "the cell serves with three voters" \
  '.serving and ([.backends[] | select(.state == "voting")] | length == 3) and (.lbs | length == 2)' "$(status)"
check_code "a second up is refused" 2 cell up

tmr_id=$(cell license --firm 10 --product 7 --quantity 2)
check "license prints the TMR-ID alone" grep -qxE '[0-9]+' <<<"$tmr_id"
second=$(cell license --firm 10 --product 7 --quantity 3)
check_equal "the next license has the next TMR-ID" $((tmr_id + 1)) "$second"
check_json "a client far away sees both" '[.licenses[] | select(.product_code == 7) | .quantity] == [2, 3]' \
  "$(at far tercet licenses --json)"

# kill and start.
pid=$(<"$CELL_DIR/b2/pid")
check "b2's pid is a tercet-backend" grep -q tercet-backend "/proc/$pid/cmdline"
cell kill b2
check_not "after kill the process is gone" test -e "/proc/$pid/status"
check_not "and its pid file" test -e "$CELL_DIR/b2/pid"
check_code "killing it twice is refused" 2 cell kill b2
eventually 5 "b2 is down in status" status_is '.serving and any(.backends[]; .name == "b2" and .state == "down")'
cell start b2
check_code "starting it twice is refused" 2 cell start b2
eventually 10 "b2 votes again" status_is '[.backends[] | select(.state == "voting")] | length == 3'
cell kill b3 TERM
check_not "TERM ends a server too" test -e "$CELL_DIR/b3/pid"
cell start b3
eventually 10 "b3 votes again" status_is '[.backends[] | select(.state == "voting")] | length == 3'

# disk: full, and well again; the backend notices both by itself.
check_code "a disk does only what it can do" 2 cell disk b2 broken
check_code "a load balancer has none" 2 cell disk lb1 full
cell disk b2 full
some_load() { at client tercet checkout --firm 10 --product 7 --lease 1s --json >/dev/null 2>&1 || true; }
b2_is() {
  some_load
  status_is "any(.backends[]; .name == \"b2\" and .state == \"$1\")"
}
eventually 10 "b2 stops: its disk is full" b2_is stopped
says_full() { at b2 /usr/bin/python3 -I -c 'import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:8221/v1/status").read().decode())' | jq -e '.why | test("^disk full: ")' >/dev/null; }
eventually 5 "and says so itself" says_full
pid=$(<"$CELL_DIR/b2/pid")
cell disk b2 ok
eventually 15 "b2 votes again when its disk has room" b2_is voting
check_equal "in the same process" "$pid" "$(<"$CELL_DIR/b2/pid")"

# pause and resume, on the standby: nobody has to take over.
paused=$(standby)
cell pause "$paused"
check "a paused server is stopped" grep -q '^State:.T' "/proc/$(<"$CELL_DIR/$paused/pid")/status"
check_json "the cell serves meanwhile" .serving "$(status)"
cell resume "$paused"
check_not "a resumed one is not" grep -q '^State:.T' "/proc/$(<"$CELL_DIR/$paused/pid")/status"

# Nobody answers: status falls back to the processes.
cell kill lb1
cell kill lb2
check_code "without load balancers status exits 4" 4 cell status
check_json "but says which servers run" \
  '.serving == false and ([.processes[] | select(.pid) | .host] == ["b1", "b2", "b3"])' "$(status 2>/dev/null || true)"
cell start lb1
cell start lb2
eventually 10 "the cell serves again" status_is '.serving and ([.lbs[].role] | sort == ["active", "standby"])'
check_json "with both licenses" '[.licenses[] | select(.product_code == 7)] | length == 2' "$(at client tercet licenses --json)"

# lie.
check_code "a running backend is not made to lie" 2 cell lie b1
check_code "a load balancer is not" 2 cell lie lb1
cell kill b1
cell lie b1
lied() {
  at client tercet checkout --firm 10 --product 7 --lease 1s --json >/dev/null || true # something to vote on
  status_is 'any(.outvoted[]; .slot == 1) and any(.backends[]; .slot == 1 and .state == "divergent")'
}
eventually 10 "b1 is outvoted and named" lied

# corrupt and wipe.
for verb in corrupt wipe; do
  check_code "$verb of a running backend is refused" 2 cell $verb b3
  check_code "$verb of a load balancer is refused" 2 cell $verb lb1
done
cell kill b3
check_code "corrupt wants at least a byte" 2 cell corrupt b3 --bytes 0
flipped=$(cell corrupt b3 --bytes 3 --seed 7)
check_equal "corrupt flips as many bytes as it is told" 3 "$(grep -cE '^log-000000.tlog byte [0-9]+ \(sector [0-9]+\): .. -> ..$' <<<"$flipped")"
cell start b3
not_trusted() { cell logs b3 | grep -q "this disk is not trusted: its log is corrupt: .*lost-1"; }
eventually 5 "the backend starts, and says what it found and did" not_trusted
cell kill b3
cell wipe b3
check_equal "wipe leaves an empty folder" "" "$(ls -A "$CELL_DIR/b3/$(sed -nE 's/^dir *= *"(.*)".*/\1/p' "$CELL_DIR/b3/b3.toml")")"
check "and the configuration" test -s "$CELL_DIR/b3/b3.toml"
cell start b3
says_missing() { cell logs b3 | grep -q "container.json is not there: this backend's constituents are missing"; }
eventually 5 "it starts without a container, and says so" says_missing

# start says why a server ended, and nothing of its former lives.
cell kill b3
sed -i 's/^durability = /durabilitee = /' "$CELL_DIR/b3/b3.toml"
code=0
said=$(cell start b3 2>&1) || code=$?
check_equal "start of a server that cannot: exit 1" 1 $code
check "says why" grep -q durabilitee <<<"$said"
check_not "and nothing of a former life" grep -q 'engine uring\|voting' <<<"$said"

check "logs prints a server's log" [ -n "$(cell logs lb1)" ]
cell down
check_not "down leaves no folder" test -e "$CELL_DIR"
