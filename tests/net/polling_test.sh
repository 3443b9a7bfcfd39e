#!/usr/bin/env bash
# What the polling threads of the uring engine ask of the kernel under load: io_uring_enter and nothing else, and that less
# often than there are datagrams. (That they do not allocate: tests beside the code.)
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/load.sh"

command -v strace >/dev/null || { echo "SKIPPED: strace is missing: ./scripts/deps"; exit 77; }

cell_up --engine uring
cell license --firm 10 --product 7 --quantity 1000 >/dev/null

# polling_thread HOST: its thread id.
polling_thread() {
  local task
  for task in "/proc/$(<"$CELL_DIR/$1/pid")"/task/*; do
    [ "$(<"$task/comm")" = poll ] && echo "${task##*/}" && return
  done
  fail "$1 has no thread called poll: $(cat /proc/"$(<"$CELL_DIR/$1/pid")"/task/*/comm | xargs)"
}
datagrams() { echo $(($(metric "$1" tercet_port_received_datagrams_total) + $(metric "$1" tercet_port_sent_datagrams_total))); }
lb=$(active)
load load client --firm 10 --product 7 --outstanding 16 --clients 4 --seconds 22
runs_for 1
for host in "$lb" b1; do
  check "$host: the engine is uring" grep -q '^tercet_port_info{engine="uring"} 1$' <<<"$(metrics "$host")"
  thread=$(polling_thread "$host")
  before=$(datagrams "$host")
  code=0
  timeout -s INT 4 strace -c -p "$thread" -o "$SCRATCH/$host.strace" 2>"$SCRATCH/strace.err" || code=$?
  after=$(datagrams "$host")
  if grep -q 'Operation not permitted' "$SCRATCH/strace.err"; then
    echo "SKIPPED: strace may not attach here: $(<"$SCRATCH/strace.err")"
    exit 77
  fi
  [ -s "$SCRATCH/$host.strace" ] || fail "strace said nothing (exit $code): $(<"$SCRATCH/strace.err")"
  # % time, seconds, usecs/call, calls, [errors,] name
  calls=$(awk '$4 ~ /^[0-9]+$/ && $NF != "total" { print $NF, $4 }' "$SCRATCH/$host.strace")
  say "    $host, thread $thread: $(xargs <<<"$calls") calls, $((after - before)) datagrams"
  check_equal "$host: io_uring_enter and nothing else" io_uring_enter "$(awk '{ print $1 }' <<<"$calls" | xargs)"
  entered=$(awk '{ print $2 }' <<<"$calls")
  check "$host: fewer calls than datagrams" test "$entered" -lt $((after - before))
done
load_end load
load_shows load "it was under load" '.errors == {} and .requests > 10000'
