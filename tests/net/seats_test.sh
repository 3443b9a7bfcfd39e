#!/usr/bin/env bash
# Five seats and twenty who want one at the same moment: five hold one, fifteen are told why not, and all three backends
# have the same book. Then renewals, releases, and a restart of every backend, which changes nothing.
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/load.sh"

cell_up
tmr_id=$(cell license --firm 10 --product 7 --quantity 5)

twenty_ask_for_five
granted=() denied=()
for n in $(seq 20); do
  if [ "$(<"$SCRATCH/seat/$n.code")" = 0 ]; then granted+=("$SCRATCH/seat/$n.json"); else denied+=("$SCRATCH/seat/$n.json"); fi
done
check_json "those who hold one got a handle each, of this license" \
  "(map(.handle) | unique | length == 5) and all(.tmr_id == $tmr_id and .firm_code == 10 and .product_code == 7)" \
  "$(jq -s . "${granted[@]}")"
check_json "the seats left went down one by one" 'map(.seats_left) | sort == [0, 1, 2, 3, 4]' "$(jq -s . "${granted[@]}")"
check_json "the others were told NO_FREE_SEAT, with the numbers" \
  'length == 15 and all(.code == "NO_FREE_SEAT" and .in_use == 5 and .quantity == 5 and (.message | length > 0))' \
  "$(jq -s . "${denied[@]}")"
check "and on stderr, in one line each" \
  bash -c 'for f in "$@"; do [ "$(grep -c "^tercet: NO_FREE_SEAT" "${f%.json}.err")" = 1 ] || exit 1; done' _ "${denied[@]}"

handles=$(jq -s -c 'map(.handle)' "${granted[@]}")
before=$(leases)
check_json "leases shows these five" \
  "length == 5 and all(.tmr_id == $tmr_id) and
   ([.[] | .handle_prefix as \$p | any(${handles}[]; startswith(\$p))] | all)" "$before"
check_json "and not one whole handle" "all(.[]; (.handle_prefix | length) < 32) and (tostring as \$all | all(${handles}[]; inside(\$all) | not))" "$before"
check_json "with their stations" "(map(.station) | unique | length == 5) and all(.station | startswith(\"desk-\"))" "$before"
check_json "licenses shows 5 of 5 in use" \
  "any(.licenses[]; .tmr_id == $tmr_id and .quantity == 5 and .in_use == 5 and .constituents == [true, true, true])" \
  "$(at client tercet licenses --json)"
eventually 5 "the digests of the three books are equal" status_is "($all_vote) and ($equal_digests)"

# Renew, release, and who comes after.
seat=$(cat "${granted[0]}")
handle=$(jq -r .handle <<<"$seat")
sleep 1 # the lease end has whole seconds at least to move by
renewed=$(at client tercet renew "$handle" --json)
check_json "a renewal makes the lease longer" ".handle == \"$handle\" and .tmr_id == $tmr_id and .seats_left == 0 and
  (.lease_end > $(jq .lease_end <<<"$seat"))" "$renewed"
check_code "a sixth is still denied" 3 quietly at far tercet checkout --firm 10 --product 7
check_code "a release" 0 quietly at client tercet release "$handle"
check_json "frees one seat" "any(.licenses[]; .tmr_id == $tmr_id and .in_use == 4)" "$(at client tercet licenses --json)"
sixth=$(at far tercet checkout --firm 10 --product 7 --lease 10m --json)
check_json "which the sixth gets" '.seats_left == 0' "$sixth"
gone=0
said=$(at client tercet renew "$handle" --json 2>/dev/null) || gone=$?
check_equal "the released one is denied" 3 "$gone"
check_json "as UNKNOWN_HANDLE" '.code == "UNKNOWN_HANDLE"' "$said"
check_code "a checkout of a license that is not there" 3 quietly at client tercet checkout --firm 10 --product 8

# Every backend dies and starts again; the disk has it all.
before=$(leases)
for backend in b1 b2 b3; do cell kill "$backend"; done
for backend in b1 b2 b3; do cell start "$backend"; done
eventually 15 "the three backends vote again" status_is "$all_vote"
check_equal "with the same leases" "$before" "$(leases)"
eventually 5 "and equal digests" status_is "$equal_digests"
check_code "and all seats taken, as before" 3 quietly at client tercet checkout --firm 10 --product 7
for backend in b1 b2 b3; do cell kill "$backend" TERM; done
for backend in b1 b2 b3; do cell start "$backend"; done
eventually 15 "after a clean stop of all three they vote again" status_is "$all_vote"
check_equal "with the same leases, too" "$before" "$(leases)"
check_code "the sixth's seat is known to the cell" 0 quietly at far tercet renew "$(jq -r .handle <<<"$sixth")"
