#!/usr/bin/env bash
# Stations, usage periods and units on a real cell: what the book counts is the same after a load balancer and every backend
# died, on all three of them.
. "$(dirname "$0")/lib.sh"

cell_up
shared=$(cell license --firm 10 --product 1 --mode station-share --quantity 2)
exclusive=$(cell license --firm 10 --product 2 --mode exclusive --quantity 2 --units 100)
period=$(cell license --firm 10 --product 3 --quantity 3 --usage-period 6s)

# ask PRODUCT CODE [OPTIONS…]: a checkout that ends so; sets said.
ask() {
  local product=$1 expected=$2 code=0
  shift 2
  said=$(at client tercet checkout --firm 10 --product "$product" --lease 10m --json "$@" 2>/dev/null) || code=$?
  [ $code -eq "$expected" ] || fail "checkout of product $product $*: exit $expected expected, got $code: $said"
}

ask 3 0
first_use=$SECONDS
ask 1 0 --station desk
ask 1 0 --station desk
check_json "two checkouts of a station share one seat" '.seats_left == 1' "$said"
ask 1 0
check_json "without a station the host is one" '.seats_left == 0' "$said"
ask 1 3 --station bench
check_json "a third station is denied, with the numbers" '.code == "NO_FREE_SEAT" and .in_use == 2 and .quantity == 2' "$said"

ask 2 0 --station desk
handle=$(jq -r .handle <<<"$said")
ask 2 3 --station desk
check_json "an exclusive license has one seat a station" \
  ".code == \"STATION_BUSY\" and .in_use == 1 and .quantity == 2 and .tmr_id == $exclusive" "$said"

consume() { at client tercet consume "$handle" --units "$1" --json 2>/dev/null; }
check_json "units are used" '.units_left == 60' "$(consume 40)"
check_json "by running totals" '.units_left == 60' "$(consume 40)"

check_json "which lease tells whoever goes on with the handle" '.units == 40' "$(at client tercet lease "$handle" --json)"

# The active load balancer dies: the same total, asked of another one, uses none.
who_is_who
cell kill "$old"
check_json "and once, whoever orders" '.units_left == 60' "$(consume 40)"
cell start "$old"
code=0
said=$(consume 101) || code=$?
check_equal "what is not left is denied" 3 $code
check_json "whole, with what is left" '.code == "NO_UNITS_LEFT" and .units_left == 60' "$said"

while [ $((SECONDS - first_use)) -lt 8 ]; do sleep 0.2; done
ask 3 3
check_json "the usage period is over" '.code == "USAGE_PERIOD_OVER" and (.usage_until | length > 0)' "$said"
check_json "and the license is not valid any more" 'all(.licenses[]; .product_code != 3)' "$(at client tercet licenses --json)"

usage() { at client tercet usage --json; }
before=$(usage)
row() { jq -c ".usage[] | select(.tmr_id == $1)" <<<"$before"; }
check_json "usage: stations and handles" '.in_use == 2 and .peak == 2 and .handles == 3 and .denied == {NO_FREE_SEAT: 1}' "$(row "$shared")"
check_json "usage: units" '.units == 100 and .units_used == 40 and .units_left == 60 and
  .denied == {NO_UNITS_LEFT: 1, STATION_BUSY: 1}' "$(row "$exclusive")"
check_json "usage: the period" '.usage_until > .usage_from and .denied == {USAGE_PERIOD_OVER: 1}' "$(row "$period")"
check_equal "the admin interface shows the same" "$(jq -S -c . <<<"$before")" \
  "$(at "$(active)" /usr/bin/python3 -I -c 'import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:8220/v1/usage").read().decode())' | jq -S -c .)"

for backend in b1 b2 b3; do cell kill "$backend"; done
for backend in b1 b2 b3; do cell start "$backend"; done
eventually 15 "the three backends vote again" status_is '.serving and ([.backends[] | select(.state == "voting")] | length == 3)'
check_equal "and count the same" "$before" "$(usage)"
ask 2 3 --station desk
check_json "a station that was busy still is" '.code == "STATION_BUSY"' "$said"
check_json "and its units are used" '.units_left == 59' "$(consume 41)"
eventually 5 "the digests of the three books are equal" status_is '.serving and ([.backends[].digest] | unique | length == 1)'
