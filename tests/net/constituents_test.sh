#!/usr/bin/env bash
# Constituents that go and come back (DESIGN §3): a container that is lost while its backend runs, a backend that is down for
# long. A license is served by two of three, by one it is not, and leases that run go on to their end.
. "$(dirname "$0")/lib.sh"

cell_up
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
check_json "status says so" 'any(.backends[]; .name == "b2" and .constituents == "absent" and .container == "gone" and .state == "voting")' "$(status)"
check "and b2 what to do" grep -q "container.json is not there: this backend's constituents are missing" "$CELL_DIR/b2/log"
check "two serve" quietly at client tercet checkout --firm 10 --product 7 --lease 1s
lb=$(active)
cell kill "$lb"
eventually 15 "the other load balancer took over" status_is ".active == \"$(other_lb "$lb")\""
cell start "$lb"
check_json "to it the constituents are absent as well" 'any(.backends[]; .name == "b2" and .constituents == "absent")' "$(status)"
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
