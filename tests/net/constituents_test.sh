#!/usr/bin/env bash
# Constituents that go and come back (DESIGN §3): a container that is lost while its backend runs, a backend that is down for
# long. A license is served by two of three, by one it is not, and leases that run go on to their end.
. "$(dirname "$0")/lib.sh"

cell_up "${PATIENT[@]}"
cell license --firm 10 --product 7 --quantity 4 >/dev/null
licenses() { at client tercet licenses --all --json; }
licenses_are() { licenses 2>/dev/null | jq -e "$1" >/dev/null; }
three_of_three='.licenses | all(.constituents == [true, true, true] and .valid)'
without() { # the license as it is without the constituents of SLOT
  jq -n -r --argjson s "$1" '[range(3) | . != $s - 1] | tostring | ".licenses | all(.constituents == \(.) and .valid)"'
}
eventually 5 "3 of 3" licenses_are "$three_of_three"
held=$(at client tercet checkout --firm 10 --product 7 --lease 1h --json)
handle=$(jq -r .handle <<<"$held")

# A container that goes while its backend runs.
mv "$CELL_DIR/b2/store/container.json" "$SCRATCH/b2.container"
eventually 5 "b2's container is gone: 2 of 3" licenses_are "$(without 2)"
eventually 3 "status says so" status_is 'any(.backends[]; .name == "b2" and .constituents == "absent" and .container == "gone" and .state == "voting")'
eventually 3 "and b2 what to do" grep -q "container.json is not there: this backend's constituents are missing" "$CELL_DIR/b2/log"
check "two serve" quietly at client tercet checkout --firm 10 --product 7 --lease 1s
lb=$(active)
cell kill "$lb"
eventually 15 "the other load balancer took over" status_is ".active == \"$(other_lb "$lb")\""
cell start "$lb"
eventually 3 "to it the constituents are absent as well" status_is 'any(.backends[]; .name == "b2" and .constituents == "absent")'
eventually 5 "2 of 3" licenses_are "$(without 2)"

# With one left nothing is granted; what was granted goes on.
mv "$CELL_DIR/b3/store/container.json" "$SCRATCH/b3.container"
eventually 5 "b3's container is gone, too" licenses_are '.licenses | all(.constituents == [true, false, false] and (.valid | not))'
denied=$(at client tercet checkout --firm 10 --product 7 --json) || true
check_json "a checkout is denied" '.code == "ONLY_ONE_CONSTITUENT"' "$denied"
check_json "the lease runs on" '.leases | length >= 1' "$(at client tercet leases --json)"
mv "$SCRATCH/b3.container" "$CELL_DIR/b3/store/container.json"
eventually 5 "b3's is back: 2 of 3" licenses_are "$(without 2)"
mv "$SCRATCH/b2.container" "$CELL_DIR/b2/store/container.json"
eventually 5 "b2's is back: 3 of 3" licenses_are "$three_of_three"

# A backend that is down.
cell kill b1
sleep 20
check "after 20 seconds its constituents count" licenses_are "$three_of_three"
eventually 25 "after 30 they are absent" licenses_are "$(without 1)"
check "two serve" quietly at client tercet checkout --firm 10 --product 7 --lease 1s
cell start b1
eventually 10 "it votes again: 3 of 3" licenses_are "$three_of_three"
check "the lease was there all the time" quietly at client tercet renew "$handle"

# A container that is lost for good: the vendor reissues the license for a new one.
old=$SCRATCH/b2.container
mv "$CELL_DIR/b2/store/container.json" "$old"
eventually 5 "b2's container is lost: 2 of 3" licenses_are "$(without 2)"
config=$CELL_DIR/b2/b2.toml
check "b2 makes a new container" quietly at b2 tercet container init --config "$config"
at b2 tercet container request --config "$config" >"$SCRATCH/b2.request"
is_foreign() { status_is 'any(.backends[]; .name == "b2" and .container == "foreign" and .constituents == "absent")'; }
eventually 5 "nothing is bound to it yet" is_foreign
leases() { at client tercet leases --json | jq -c '[.leases[] | {handle_prefix, since, lease_end}] | sort'; }
# Those of a second, with which it was asked who serves, have ended by then.
one_lease() { [ "$(leases | jq length)" -eq 1 ]; }
eventually 10 "the lease of an hour is the only one" one_lease
before=$(leases)
reissue() { at client tercet reissue --issuer "$CELL_DIR/issuer" --tmr-id 1 --request "$1" -o "$2" --json; }
check_json "the issuer binds it: the next revision" '.revision == 2 and .slot == 2' "$(reissue "$SCRATCH/b2.request" "$SCRATCH/reissued.lic")"
import() { at client tercet import "$1" --json; }
check_json "all of it is imported" '.taken == 3 and (.notices | all(.taken))' "$(import "$SCRATCH/reissued.lic")"
eventually 5 "3 of 3, of revision 2" licenses_are "($three_of_three) and (.licenses | all(.revision == 2))"
check_equal "with every lease untouched" "$before" "$(leases)"
check "the holder goes on with its lease" quietly at client tercet renew "$handle"

# The old container is brought back.
mv "$CELL_DIR/b2/store/container.json" "$SCRATCH/b2.new"
mv "$old" "$CELL_DIR/b2/store/container.json"
is_revoked() { status_is 'any(.backends[]; .name == "b2" and .container == "revoked" and .constituents == "absent")'; }
eventually 5 "the old container is refused" is_revoked
eventually 3 "with the reason" grep -q "is a container that a reissue has revoked: it is refused" "$CELL_DIR/b2/log"
at b2 tercet container request --config "$config" >"$SCRATCH/b2.old.request"
check_code "its issuer reissues nothing for it" 2 quietly reissue "$SCRATCH/b2.old.request" "$SCRATCH/never.lic"
cell kill b2
cell start b2
eventually 10 "after a start as well" is_revoked
rm "$CELL_DIR/b2/store/container.json"
mv "$SCRATCH/b2.new" "$CELL_DIR/b2/store/container.json"
eventually 5 "the new one is back: 3 of 3" licenses_are "$three_of_three"
code=0
said=$(import "$CELL_DIR/licenses/1.lic") || code=$?
check_equal "the file of before is denied" 3 $code
check_json "for its container was revoked" 'any(.constituents[]; .slot == 2 and .code == "CONTAINER_REVOKED")' "$said"

# The license is withdrawn.
at client tercet run --firm 10 --product 7 --lease 1s -- sleep 60 >/dev/null 2>"$SCRATCH/run.err" &
run=$!
holds() { at client tercet usage --json 2>/dev/null | jq -e '[.. | objects | .in_use? // empty] | max >= 2' >/dev/null; }
eventually 5 "two seats are held" holds
check_json "it is withdrawn by its issuer" '.withdrawn' "$(at client tercet revoke --issuer "$CELL_DIR/issuer" --tmr-id 1 -o "$SCRATCH/withdrawn.lic" --json)"
check_json "the file is imported like any other" '.notices | all(.taken)' "$(import "$SCRATCH/withdrawn.lic")"
no_leases() { at client tercet leases --json | jq -e '.leases == []' >/dev/null; }
eventually 5 "its leases have ended" no_leases
denial() { "$@" 2>/dev/null | jq -r .code; }
check_equal "the holder is told at its renewal" REVOKED "$(denial at client tercet renew "$handle" --json)"
check_equal "and when it asks" REVOKED "$(denial at client tercet lease "$handle" --json)"
check_equal "nothing is given out any more" REVOKED "$(denial at client tercet checkout --firm 10 --product 7 --json)"
check "the license shows as withdrawn" licenses_are '.licenses | all(.withdrawn and (.valid | not))'
wait $run && fail "the command went on without a seat" || true
check "who ran under it was told" grep -q REVOKED "$SCRATCH/run.err"
check_equal "a reissue of it is refused" REVOKED "$(denial import "$SCRATCH/reissued.lic")"
check_equal "all books agree" 1 "$(status | jq '[.backends[].digest] | unique | length')"
