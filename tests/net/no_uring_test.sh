#!/usr/bin/env bash
# Where io_uring is forbidden (a seccomp filter refuses it, as in many containers) a cell serves all the same: each server
# says in one line that it falls back to mmsg and why, its status and metrics name the engine, seats are granted, and the
# death of the active load balancer is survived. A configuration that insists on io_uring is refused.
#
#   no_uring_test.sh NO_URING     the program that forbids it (tests/net/no_uring_main.cc)
no_uring=$(realpath "${1:?no_uring_test.sh NO_URING: the program that ctest gives it}")
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/load.sh"

code=0
said=$("$no_uring" true 2>&1) || code=$?
if [ $code -eq 126 ]; then
  echo "SKIPPED: $said"
  exit 77
fi

# The programs of this cell: the servers run behind the filter.
programs=$(realpath "${TERCET_BIN:-$ROOT/build/release/bin}")
mkdir "$SCRATCH/bin"
ln -s "$programs/tercet" "$SCRATCH/bin/tercet"
for server in tercet-lb tercet-backend; do
  printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$no_uring" "$programs/$server" >"$SCRATCH/bin/$server"
  chmod +x "$SCRATCH/bin/$server"
done
export TERCET_BIN=$SCRATCH/bin

cell_up
cell license --firm 10 --product 7 --quantity 100 >/dev/null

# ---- it is said
announces='engine mmsg instead of uring \(port\.engine = "auto"; io_uring is forbidden here: a seccomp filter'
http() { # http HOST PATH
  local port=8221
  [[ $1 != lb* ]] || port=8220
  at "$1" /usr/bin/python3 -I -c 'import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())' "http://127.0.0.1:$port$2"
}
for host in lb1 lb2 b1 b2 b3; do
  check_equal "$host runs behind the filter" 2 "$(awk '$1 == "Seccomp:" { print $2 }' "/proc/$(<"$CELL_DIR/$host/pid")/status")"
  check_equal "$host says so in one line" 1 "$(cell logs "$host" | grep -cE "$announces")"
  check "$host: its metrics name the engine" grep -q '^tercet_port_info{engine="mmsg"} 1$' <<<"$(metrics "$host")"
  check_json "$host: its status names the engine" '.engine == "mmsg"' "$(http "$host" /v1/status)"
done
say "    $(cell logs b1 | grep -E "$announces")"

# ---- --check warns, and a configuration that insists on io_uring is refused
checked=$(at b1 tercet-backend --config "$CELL_DIR/b1/b1.toml" --check 2>&1) || true
check "--check warns" grep -qE '^warning engine: no io_uring here \(.*: mmsg will serve' <<<"$checked"
mkdir "$SCRATCH/insists"
cp -p "$CELL_DIR"/b1/*.{toml,key} "$SCRATCH/insists"
sed -i 's|^engine *= *"auto"|engine = "uring"|; s|^dir *=.*|dir = "'"$SCRATCH/insists/store"'"|' "$SCRATCH/insists/b1.toml"
at b1 tercet container init --config "$SCRATCH/insists/b1.toml" >/dev/null
cell kill b1 TERM
code=0
said=$(at b1 timeout 10 tercet-backend --config "$SCRATCH/insists/b1.toml" 2>&1 >/dev/null) || code=$?
check_equal "one that insists on io_uring is refused" 2 "$code"
said=$(grep '^tercet: ' <<<"$said" || true)
check_equal "in one line" 1 "$(grep -c . <<<"$said")"
check "that says what to do" grep -qE 'io_uring is forbidden here.*port\.engine' <<<"$said"
say "    $said"
cell start b1
eventually 10 "b1 votes again" status_is "$all_vote"

# ---- seats
granted=$(at client tercet checkout --firm 10 --product 7 --json)
check_json "a seat is granted" '.seats_left == 99' "$granted"
check_code "and given back" 0 quietly at client tercet release "$(jq -r .handle <<<"$granted")"

# ---- the active load balancer dies under load
who_is_who
load load client --firm 10 --product 7 --rate 500 --seconds 6 --lease 1m
runs_for 2
cell kill "$old"
eventually 3 "$new is active" status_is ".active == \"$new\" and .serving"
check "the address is at $new alone" vip_is_at "$new"
load_end load
load_shows load "no error, a pause of 1.5 s at most" '.errors == {} and .requests > 1500 and .seats_lost == 0 and .longest_silence_ms <= 1500'
judge 100 load
cell start "$old"
eventually 5 "$old is back as the standby" status_is ".active == \"$new\" and ($both_lbs)"
