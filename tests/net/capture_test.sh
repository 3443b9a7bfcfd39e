#!/usr/bin/env bash
# tercet capture on a running cell: the active load balancer and a backend, sealed and opened, under load. tshark with
# the dissector names the messages and finds nothing malformed and no wrong checksum. Then once more on mmsg, with
# steering threads on the load balancers; not so with TERCET_ENGINE, which is then the only engine.
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/load.sh"
. "$NET_DIR/tshark.sh"
have_tshark || { echo "SKIPPED: no tshark (scripts/deps)"; exit 77; }

# sound FILE: every packet is Tercet's and whole. (One run of tshark for both: it takes a second to start.)
sound() {
  local wrong
  wrong=$(packets "$1" "$WRONG || !tercet")
  check_equal "$1: nothing malformed, no wrong checksum, nothing that is not Tercet's" "" "$wrong"
}
# messages FILE: names of the messages in it, one a line, each once.
messages() { packets "$1" tercet.message -T fields -e tercet.message | sort -u; }
capture() { # capture HOST FILE FLAG…
  local host=$1 file=$2
  shift 2
  at "$host" tercet capture "$host" "$file" "$@"
}
# capture_begins NAME HOST: one that goes on in the background, into $SCRATCH/NAME; sets `going`, its process.
capture_begins() {
  rm -f "$SCRATCH/$1.err" # of an earlier one: it would say that this one has begun
  # exec, so that the job is tercet itself and can be sent signals.
  (exec "$ROOT/scripts/cell" exec --dir "$CELL_DIR" "$2" -- tercet capture "$2" "$SCRATCH/$1" --json \
    >"$SCRATCH/$1.json" 2>"$SCRATCH/$1.err") &
  going=$!
  eventually 5 "a capture of $2 begins" quietly grep "capturing on $2" "$SCRATCH/$1.err"
}

try() { # try FLAG-OF-UP…
  cell_up "${PATIENT[@]}" "$@"
  cell license --firm 1000 --product 7 --quantity 50 >"$SCRATCH/tmr_id"
  local lb host
  load steady client --firm 1000 --product 7 --seconds 3600 --clients 2 --outstanding 2 --rate 400
  runs_for 2
  who_is_who
  lb=$old

  for host in "$lb" b1; do
    document=$(capture "$host" "$SCRATCH/$host.sealed" --seconds 1 --json 2>/dev/null)
    check_json "$host, sealed" ".host == \"$host\" and .datagrams > 50 and .lost == 0" "$document"
    sound "$SCRATCH/$host.sealed"
    check_equal "$host: sealed shows no message" "" "$(messages "$SCRATCH/$host.sealed")"
    check_equal "$host: as many as it said" "$(jq .datagrams <<<"$document")" "$(count "$SCRATCH/$host.sealed" tercet)"

    document=$(capture "$host" "$SCRATCH/$host.opened" --seconds 1 --opened --json 2>/dev/null)
    check_json "$host, opened: all but replies to queries from before" '.datagrams > 50 and .datagrams - .opened < 20' "$document"
    sound "$SCRATCH/$host.opened"
    check_equal "$host: only its owner may read it" 600 "$(stat -c %a "$SCRATCH/$host.opened")"
    messages "$SCRATCH/$host.opened" >"$SCRATCH/$host.messages"
    for message in Accept Vote; do
      check "$host: $message is named" grep -qx "$message" "$SCRATCH/$host.messages"
    done
  done
  for message in Query Reply Heartbeat; do
    check "$lb: $message is named" grep -qx "$message" "$SCRATCH/$lb.messages"
  done
  # Both directions, with true addresses and ports.
  check "queries come to the virtual address" test "$(count "$SCRATCH/$lb.opened" \
    'ip.src == 198.18.0.21 && ip.dst == 198.18.0.100 && udp.dstport == 8200 && tercet.message == "Query"')" -ge 3
  check "replies leave from there" test "$(count "$SCRATCH/$lb.opened" \
    'ip.src == 198.18.0.100 && udp.srcport == 8200 && ip.dst == 198.18.0.21 && tercet.message == "Reply"')" -ge 3
  check "votes of b1 come from its address" test "$(count "$SCRATCH/b1.opened" \
    'ip.src == 198.18.0.11 && udp.dstport == 8210 && tercet.message == "Vote" && tercet.datagram.sender == 2')" -ge 3
  check "seqs and operations are shown" test "$(count "$SCRATCH/b1.opened" 'tercet.accept.first > 0 && tercet.op.kind == 1')" -ge 3
  check "and results" test "$(count "$SCRATCH/$lb.opened" 'tercet.message == "Vote" && tercet.op_result.code == 0')" -ge 3

  # One at a time; ended by a signal, with what came until then; to a pipe.
  capture_begins first "$lb"
  check_code "a second one at the same time" 4 capture "$lb" "$SCRATCH/second" --seconds 1 2>"$SCRATCH/second.err"
  check "is told why" grep -q "another capture of this server goes on" "$SCRATCH/second.err"
  sleep 0.5
  kill -INT "$going"
  check "SIGINT ends it well" wait "$going"
  check_json "it says what it has" '.datagrams > 50' "$(cat "$SCRATCH/first.json")"
  sound "$SCRATCH/first"
  capture "$lb" - --packets 20 2>"$SCRATCH/pipe.err" >"$SCRATCH/pipe"
  check_equal "--packets 20, to standard output" 20 "$(count "$SCRATCH/pipe" tercet)"

  # Bad input, by those who ask.
  check_code "no such host" 2 quietly capture lb7 "$SCRATCH/x"
  check_code "a server that is not here" 4 quietly at client tercet capture "$lb" "$SCRATCH/x" --config "$CELL_DIR/$lb/$lb.toml"
  check_code "a file that cannot be written" 2 quietly capture "$lb" /proc/no/x
  mv "$CELL_DIR/b1/b1.key" "$SCRATCH/b1.key"
  check_code "opened without the key file" 2 quietly capture b1 "$SCRATCH/x" --opened --seconds 1
  check_code "sealed without the key file" 0 quietly capture b1 "$SCRATCH/x" --seconds 1
  mv "$SCRATCH/b1.key" "$CELL_DIR/b1/b1.key"

  # When nobody captures nothing is copied; a server that dies ends its captures.
  at "$lb" curl -s http://127.0.0.1:8220/metrics >"$SCRATCH/before"
  sleep 0.5
  at "$lb" curl -s http://127.0.0.1:8220/metrics >"$SCRATCH/after"
  check_equal "nothing is copied for nobody" "$(grep "^tercet_capture_datagrams_total" "$SCRATCH/before")" \
    "$(grep "^tercet_capture_datagrams_total" "$SCRATCH/after")"
  capture_begins killed b1
  sleep 0.3
  cell kill b1
  check_code "b1 dies: the capture says so" 1 wait "$going"
  check "in a line" grep -q "b1 ended the capture" "$SCRATCH/killed.err"
  sound "$SCRATCH/killed"
  load_stop steady
  load_end steady
}

try
if [ -z "${TERCET_ENGINE:-}" ]; then
  cell down
  say "---- with steering threads, on mmsg"
  CELL_DIR=$SCRATCH/cell2
  try --engine mmsg --set lb1:port.steering_threads=2 --set lb2:port.steering_threads=2
fi
