#!/usr/bin/env bash
# What the polling threads of the uring engine ask of the kernel under load: io_uring_enter and nothing else, and that less
# often than there are datagrams; a backend's commits too leave by its ring. (That they do not allocate: tests beside the
# code.)
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/load.sh"

command -v strace >/dev/null || { echo "SKIPPED: strace is missing: ./scripts/deps"; exit 77; }

# strace slows a thread down to a crawl: the other load balancer is to be patient, or it takes over.
cell_up --engine uring --set lb1:failover.heartbeat=250ms --set lb2:failover.heartbeat=250ms
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
# What makes a load balancer's polling thread ring the control thread's bell, by a write: an epoch won, lost or confirmed.
# A steady cell does none of that; while strace holds a thread still it may happen, and then it is measured again.
rung() {
  # A backend's has a thread make the next segment of its log, or a checkpoint's file: every few seconds at this rate.
  [[ $1 == lb* ]] || { find "$CELL_DIR/$1/store" -maxdepth 1 -printf '%f ' && return; }
  metrics "$1" | grep -E '^tercet_(failover_(confirmations|promotions|demotions)|lb_claims)_total ' | xargs
}
# traced HOST THREAD: sets calls ("NAME COUNT" lines), datagrams_meanwhile, rung_meanwhile.
traced() {
  local host=$1 thread=$2 code=0 before rung_before
  rung_before=$(rung "$host") before=$(datagrams "$host")
  timeout -s INT 2 strace -c -p "$thread" -o "$SCRATCH/$host.strace" 2>"$SCRATCH/strace.err" || code=$?
  datagrams_meanwhile=$(($(datagrams "$host") - before)) rung_meanwhile=no
  [ "$(rung "$host")" = "$rung_before" ] || rung_meanwhile=yes
  if grep -q 'Operation not permitted' "$SCRATCH/strace.err"; then
    echo "SKIPPED: strace may not attach here: $(<"$SCRATCH/strace.err")"
    exit 77
  fi
  [ -s "$SCRATCH/$host.strace" ] || fail "strace said nothing (exit $code): $(<"$SCRATCH/strace.err")"
  # % time, seconds, usecs/call, calls, [errors,] name
  calls=$(awk '$4 ~ /^[0-9]+$/ && $NF != "total" { print $NF, $4 }' "$SCRATCH/$host.strace")
  say "    $host, thread $thread: $(xargs <<<"$calls") calls, $datagrams_meanwhile datagrams, bell rung: $rung_meanwhile"
}

lb=$(active)
load load client --firm 10 --product 7 --outstanding 16 --clients 4 --seconds 3600
runs_for 1
for host in "$lb" b1; do
  check "$host: the engine is uring" grep -q '^tercet_port_info{engine="uring"} 1$' <<<"$(metrics "$host")"
  thread=$(polling_thread "$host")
  for _ in 1 2 3 4 5; do
    traced "$host" "$thread"
    [ $rung_meanwhile = yes ] || break
  done
  check_equal "$host: io_uring_enter and nothing else" io_uring_enter "$(awk '{ print $1 }' <<<"$calls" | xargs)"
  check "$host: fewer calls than datagrams, all together" test "$(awk '{ sum += $2 } END { print sum }' <<<"$calls")" -lt "$datagrams_meanwhile"
done
load_stop load
load_end load
load_shows load "it was under load" '.errors == {} and .requests > 5000'
