# shellcheck shell=bash
# What every network test begins with:   . "$(dirname "$0")/lib.sh"
#
# It gives the test a cell of its own in a folder of its own ($CELL_DIR), which is taken down however the test ends (also
# when it is killed); if the test fails, the servers' last log lines are printed first. Where this machine allows no network
# namespaces, the test is skipped, visibly: exit code 77. Programs: $TERCET_BIN if set (as ctest does), else those that
# `scripts/cell up` builds.
set -euo pipefail

NET_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$NET_DIR/../.." && pwd)
SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/tercet-net.XXXXXX")
CELL_DIR=$SCRATCH/cell
PROBE=(/usr/bin/python3 -I -B "$NET_DIR/probe.py")
_cells=()

# cell VERB …: scripts/cell on this test's cell ($CELL_DIR; a test with two sets it for one call: CELL_DIR=… cell …).
cell() {
  local verb=$1
  shift
  "$ROOT/scripts/cell" "$verb" --dir "$CELL_DIR" "$@"
}

# cell_up …: `up` with these options; goes down with the test. Skips the test where there are no namespaces.
# TERCET_ENGINE names the engine of all servers, unless the test does.
cell_up() {
  local code=0 said
  [ -z "${TERCET_ENGINE:-}" ] || set -- --engine "$TERCET_ENGINE" "$@"
  _cells+=("$CELL_DIR")
  said=$(cell up --owner $$ "$@" 2>&1) || code=$?
  if [ $code -eq 2 ] && [[ $said == *"needs network namespaces"* ]]; then
    echo "SKIPPED: $said"
    exit 77
  fi
  [ $code -eq 0 ] || fail "cell up $*: exit $code: $said"
}

# For `cell_up`, in tests that run beside others and are not about takeovers: a busy machine is no reason for one.
PATIENT=(--set lb1:failover.heartbeat=50ms --set lb2:failover.heartbeat=50ms)

# at HOST CMD…: runs CMD there.
at() {
  local host=$1
  shift
  cell exec "$host" -- "$@"
}

# engine HOST NAME: what its file says, from its next start on.
engine() { sed -i "s/^engine = \"[a-z]*\"/engine = \"$2\"/" "$CELL_DIR/$1/$1.toml"; }

# at_holder CMD…: runs CMD where the servers' file systems are, and stay.
at_holder() {
  local state=$CELL_DIR/.holder/state.json enter=(--mount)
  [ "$(jq -r .user_namespace "$state")" = true ] && enter+=(--user --preserve-credentials)
  nsenter --target "$(jq -r .pid "$state")" "${enter[@]}" -- "$@"
}
# small_disk HOST SIZE: the stopped backend's store moves to a file system of its own of that size, seen only in the cell.
# Sets store.
small_disk() {
  store=$(sed -nE 's/^dir *= *"(.*)".*/\1/p' "$CELL_DIR/$1/$1.toml")
  [[ $store == /* ]] || store=$CELL_DIR/$1/$store
  mv "$store" "$SCRATCH/$1.store"
  mkdir "$store"
  at_holder mount -t tmpfs -o "size=$2" small "$store"
  at_holder cp -rp "$SCRATCH/$1.store/." "$store"
}

say() { printf '%s\n' "$*"; }
fail() {
  printf 'FAILED (%s:%s): %s\n' "${BASH_SOURCE[-1]##*/}" "${BASH_LINENO[-2]:-?}" "$*" >&2
  exit 1
}

# check WHAT CMD…: CMD must succeed. check_not: it must fail (not by being absent).
check() {
  local what=$1
  shift
  "$@" || fail "$what: '$*' failed"
  say "ok: $what"
}
check_not() {
  local what=$1 code=0
  shift
  "$@" || code=$?
  [ $code -ne 0 ] || fail "$what: '$*' succeeded"
  [ $code -lt 126 ] || fail "$what: '$*' could not be run"
  say "ok: $what"
}
check_equal() {
  [ "$2" = "$3" ] || fail "$1: '$2' expected, got '$3'"
  say "ok: $1"
}
# check_json WHAT EXPRESSION JSON: the jq expression must hold.
check_json() {
  jq -e "$2" >/dev/null <<<"$3" || fail "$1: not '$2' in: $3"
  say "ok: $1"
}
# check_code WHAT CODE CMD…: the exit code of CMD.
check_code() {
  local what=$1 expected=$2 code=0
  shift 2
  "$@" || code=$?
  check_equal "$what" "$expected" "$code"
}
# quietly CMD…: for those whose words do not matter.
quietly() { "$@" >/dev/null 2>&1; }
# eventually SECONDS WHAT CMD…: CMD must succeed once within that time.
eventually() {
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@"; do
    [ $SECONDS -lt "$end" ] || fail "$what: '$*' did not come true in time"
    sleep 0.05
  done
  say "ok: $what"
}

# ---- the cell as it says it is ----
status() { cell status --json; }
# status_is EXPRESSION: quietly, for `eventually`.
status_is() { status 2>/dev/null | jq -e "$1" >/dev/null; }
active() { status | jq -r .active; }
other_lb() { if [ "$1" = lb1 ]; then echo lb2; else echo lb1; fi; }
standby() { other_lb "$(active)"; }
# who_is_who: sets old, the active one, and new, the standby that is to follow it.
who_is_who() {
  eventually 10 "one load balancer is active, the other stands by" status_is '[.lbs[].role] | sort == ["active", "standby"]'
  old=$(active)
  while [[ $old != lb[12] ]]; do # it may have changed between the two questions
    sleep 0.1
    old=$(active)
  done
  new=$(other_lb "$old")
}

# guards [HOST]: how many guard processes this cell has (on that host).
guards() {
  local file environment count=0 id
  id=$(jq -r .id "$CELL_DIR/.holder/state.json")
  for file in $(grep -lx tercet-guard /proc/[0-9]*/comm 2>/dev/null); do
    environment=$(tr '\0' '\n' 2>/dev/null <"${file%comm}environ") || continue
    grep -qx "TERCET_CELL_ID=$id" <<<"$environment" || continue
    [ $# -eq 0 ] || grep -qx "TERCET_CELL_HOST=$1" <<<"$environment" || continue
    count=$((count + 1))
  done
  echo $count
}

# ---- UDP between hosts ----
# probe_serve HOST PORT: answers there in the background until the cell goes down.
probe_serve() {
  local out=$SCRATCH/probe.$1.$2.$RANDOM
  : >"$out"
  at "$1" "${PROBE[@]}" serve "$2" >"$out" 2>&1 &
  eventually 10 "a probe answers on $1:$2" grep -q ready "$out"
}
# reaches HOST ADDRESS PORT
reaches() { at "$1" "${PROBE[@]}" ask "$2" "$3"; }

_end() {
  local code=$? dir log
  trap - EXIT
  set +e
  for dir in "${_cells[@]}"; do
    if [ $code -ne 0 ] && [ $code -ne 77 ]; then
      for log in "$dir"/{lb1,lb2,b1,b2,b3}/log; do
        [ -s "$log" ] && printf -- '---- %s\n' "$log" >&2 && tail -n 25 "$log" >&2
      done
    fi
    CELL_DIR=$dir cell down --keep
    # However the test went: a server that stops says so.
    if grep -H 'packet buffers are lost' "$dir"/{lb1,lb2,b1,b2,b3}/log 2>/dev/null >&2; then code=1; fi
  done
  wait
  rm -rf "$SCRATCH"
  exit $code
}
trap _end EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
