#!/usr/bin/env bash
# Several polling threads in every server: two steering threads and the quorum thread. Twenty ask for five seats at the same
# moment; then the active load balancer and a backend are killed under load. Nothing of it shows to clients but the pause.
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/load.sh"

settings=()
for host in lb1 lb2 b1 b2 b3; do settings+=(--set "$host:port.steering_threads=2"); done
cell_up "${settings[@]}"
threads_of() { cat /proc/"$(<"$CELL_DIR/$1/pid")"/task/*/comm | grep -xE 'poll|steer[0-9]|quorum' | sort | xargs; }
for host in lb1 b1; do
  check_equal "$host has its threads" "quorum steer0 steer1" "$(threads_of "$host")"
  check "$host says so" grep -q '2 steering threads and the quorum thread' <<<"$(cell logs "$host")"
done
check_json "status shows them" '[.threads[] | .name] == ["steer0", "steer1", "quorum"] and all(.threads[]; .busy < 1)' "$(status)"

# Idle they sleep: all threads of a server together wake a few hundred times a second, and cost no more than a bare process does
# that wakes as often on this machine, and sends and receives one datagram each time.
cpu_of() { awk '{ print $14 + $15 }' "/proc/$(<"$CELL_DIR/$1/pid")/stat"; } # in 1/100 s
wakes_of() { cat /proc/"$(<"$CELL_DIR/$1/pid")"/task/*/status | awk '/^voluntary_ctxt_switches/ { sum += $2 } END { print sum }'; }
# bare WAKES: what those cost, in 1/100 s.
bare() { /usr/bin/python3 -I -c 'import os, socket, sys, time
wakes = int(sys.argv[1])
own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
own.bind(("127.0.0.1", 0))
began, used, to = time.monotonic(), os.times(), own.getsockname()
for i in range(wakes):
    time.sleep(max(0, began + 5 * (i + 1) / wakes - time.monotonic()))
    own.sendto(bytes(100), to)
    own.recv(2048)
now = os.times()
print(round(100 * (now.user + now.system - used.user - used.system)))' "$1"; }
declare -A cpu wakes
for host in lb1 lb2 b1; do
  cpu[$host]=$(cpu_of "$host")
  wakes[$host]=$(wakes_of "$host")
done
sleep 5
for host in lb1 lb2 b1; do
  cpu[$host]=$(($(cpu_of "$host") - cpu[$host]))
  wakes[$host]=$(($(wakes_of "$host") - wakes[$host]))
done
for host in lb1 lb2 b1; do
  floor=$(bare "${wakes[$host]}")
  say "    $host: ${cpu[$host]} hundredths of a second of CPU and ${wakes[$host]} wake-ups in 5 s; a bare process: $floor"
  check "$host: idle, it sleeps most of the time" test "${wakes[$host]}" -le 10000
  check "$host: idle costs little" test "${cpu[$host]}" -le $((floor * 3 / 2 + 5))
done

tmr_id=$(cell license --firm 10 --product 7 --quantity 5)
twenty_ask_for_five
check_json "leases shows these five" "length == 5 and all(.tmr_id == $tmr_id)" "$(leases)"

cell license --firm 10 --product 8 --quantity 100 >/dev/null
who_is_who
# Sixteen sockets: both steering threads get some of them.
load load client --firm 10 --product 8 --clients 16 --rate 800 --seconds 8 --lease 1m
runs_for 2
for thread in steer0 steer1 quorum; do
  bursts=$(metrics "$old" | awk -v name="tercet_thread_bursts_total{thread=\"$thread\"}" '$1 == name { print $2 }')
  check "$old: $thread has its part of the load" test "${bursts:-0}" -gt 100
done
check_equal "$old: no Link was full" 0 "$(metric "$old" tercet_link_drops_total)"
cell kill b2
runs_for 4
cell kill "$old"
eventually 3 "$new is active" status_is ".active == \"$new\" and .serving"
check "the address is at $new alone" vip_is_at "$new"
load_end load
load_shows load "no error, a pause of 1.5 s at most" '.errors == {} and .requests > 3000 and .seats_lost == 0 and .longest_silence_ms <= 1500'
judge 100 load
cell start "$old"
cell start b2
eventually 5 "$old is back as the standby" status_is ".active == \"$new\" and ($both_lbs)"
eventually 15 "the three backends vote again" status_is "$all_vote"
eventually 5 "their books are equal" status_is "$equal_digests"

# A clean stop sends its last words, although another thread than the one that says them does.
cell kill "$new" TERM
eventually 3 "$old follows" status_is ".active == \"$old\" and .serving"
check_json "and was told: no silence was waited for" '.failovers[0].cause == "stopped"' "$(status)"
check "it stopped cleanly" grep -q 'stopped cleanly' <<<"$(cell logs "$new")"
