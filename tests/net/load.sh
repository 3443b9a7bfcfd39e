# shellcheck shell=bash
# Load on a cell, and what is judged by it:   . "$(dirname "$0")/lib.sh"; . "$NET_DIR/load.sh"
#
# A load is `tercet bench` on one host, in the background, with a name; its report is $SCRATCH/NAME.json, its record
# $SCRATCH/NAME.record.

declare -A _load_job

# load NAME HOST FLAG…: starts it.
load() {
  local name=$1 host=$2
  shift 2
  # exec, so that the job is the load itself and can be told to stop.
  (exec "$ROOT/scripts/cell" exec --dir "$CELL_DIR" "$host" -- tercet bench --json --progress \
    --record "$SCRATCH/$name.record" "$@" >"$SCRATCH/$name.json" 2>"$SCRATCH/$name.progress") &
  _load_job[$name]=$!
  _load_begun=${EPOCHREALTIME/./}
}
# runs_for SECONDS: until the load that was started last has been under way for so long (a fraction is welcome).
runs_for() {
  local left
  left=$(awk -v want="$1" -v begun="$_load_begun" -v now="${EPOCHREALTIME/./}" 'BEGIN { print want - (now - begun) / 1e6 }')
  [[ $left == -* ]] || sleep "$left"
}
# load_end NAME…: waits for them; each must have run its time and had answers.
load_end() {
  local name
  for name in "$@"; do
    wait "${_load_job[$name]}" || fail "load $name: exit $?: $(tail -n 3 "$SCRATCH/$name.progress")"
    say "    $name: $(jq -r '"\(.requests) requests, errors \(.errors), denied \(.denied), heard again \(.refusals), " +
      "p50 \(.latency_us.p50 | round) us, p99 \(.latency_us.p99 | round), max \(.latency_us.max / 1000 | round) ms, " +
      "longest silence \(.longest_silence_ms | round) ms, sent again \(.retransmissions)"' "$SCRATCH/$name.json")"
  done
}
# load_stop NAME…: ends them before their time: they give their seats back and report.
load_stop() {
  local name
  for name in "$@"; do kill -TERM "${_load_job[$name]}"; done
}
# load_shows NAME WHAT EXPRESSION: of its report.
load_shows() { check_json "$1: $2" "$3" "$(cat "$SCRATCH/$1.json")"; }
# judge QUANTITY NAME…: the records of these loads, together, by the checker.
judge() {
  local quantity=$1 name files=() said
  shift
  for name in "$@"; do files+=("$SCRATCH/$name.record"); done
  said=$(/usr/bin/python3 -I -B "$NET_DIR/check_record.py" --quantity "$quantity" "${files[@]}") ||
    fail "the record of $*: $said"
  say "ok: the record of $*: never above $quantity seats, nothing acknowledged was lost, no free seat denied"
  say "    $(head -n 1 <<<"$said" | jq -c '{requests, handles, most_held, outcomes, codes}')"
}

# twenty_ask_for_five: seats of firm 10, product 7, of which there are five: five hold one, fifteen are denied. What each was
# told is in $SCRATCH/seat: N.json, N.err, N.code.
twenty_ask_for_five() {
  mkdir "$SCRATCH/seat"
  # All twenty on one host, started by one shell, so that they ask at the same moment.
  at client bash -c '
    for n in $(seq 20); do
      (code=0
       tercet checkout --firm 10 --product 7 --lease 10m --station "desk-$n" --json >"$1/$n.json" 2>"$1/$n.err" || code=$?
       echo $code >"$1/$n.code") &
    done
    wait' _ "$SCRATCH/seat"
  check_equal "5 hold a seat, 15 were denied" "0:5 3:15" "$(sort "$SCRATCH"/seat/*.code | uniq -c | awk '{print $2":"$1}' | xargs)"
}

# ---- a server's own counters ----
metrics() { # metrics HOST
  local port=8221
  [[ $1 != lb* ]] || port=8220
  at "$1" /usr/bin/python3 -I -c 'import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())' "http://127.0.0.1:$port/metrics"
}
# metric HOST NAME: the sum over its labels.
metric() { metrics "$1" | awk -v name="$2" '{ split($1, part, "{") } part[1] == name { sum += $NF } END { printf "%.0f\n", sum }'; }
# dropped REASON HOST…: what these servers dropped for it, all together.
dropped() {
  local reason=$1 host sum=0
  shift
  for host in "$@"; do
    sum=$((sum + $(metrics "$host" | awk -v label="{reason=\"$reason\"}" 'index($1, label) { sum += $NF } END { printf "%.0f", sum }')))
  done
  echo $sum
}

# closed MIX: the rate of a short closed loop of checkout:renew:read:release shares, as a whole number.
closed() {
  at client tercet bench --json --firm 10 --product 7 --clients 4 --outstanding 8 --seconds 1s --mix "$1" |
    jq -e 'if .errors == {} then .rate | floor else error("errors: \(.errors)") end'
}

# ---- the virtual address ----
vip_holders() {
  local host answers
  if [ "${TERCET_ENGINE:-}" = dpdk ]; then # no kernel has it: who answers for it?
    answers=$(at peer "${PROBE[@]}" arp 198.18.0.100)
    for host in lb1 lb2; do
      ! grep -q "$(mac_of "$host")" <<<"$answers" || echo "$host"
    done
    return 0
  fi
  for host in lb1 lb2; do
    [ -z "$(at "$host" ip -o -4 address show to 198.18.0.100)" ] || echo "$host"
  done
}
# vip_is_at HOST: there, and nowhere else.
vip_is_at() { [ "$(vip_holders)" = "$1" ]; }
mac_of() { at "$1" cat /sys/class/net/eth0/address; }
# neighbour HOST: what HOST takes for the hardware address of the virtual IP.
neighbour() { at "$1" ip -4 neigh show 198.18.0.100 dev eth0 | grep -o 'lladdr [^ ]*' | cut -d' ' -f2; }
# follows LB: both clients' packets go there: the client's own neighbour table, and the router's for far.
follows() {
  local mac
  mac=$(mac_of "$1")
  [ "$(neighbour client)" = "$mac" ] && [ "$(neighbour router)" = "$mac" ]
}

all_vote='.serving and ([.backends[] | select(.state == "voting")] | length == 3)'
both_lbs='[.lbs[].role] | sort == ["active", "standby"]'
equal_digests='[.backends[].digest] | (unique | length == 1) and .[0] != null'
leases() { at client tercet leases --json | jq -cS '.leases | sort_by(.handle_prefix)'; }
