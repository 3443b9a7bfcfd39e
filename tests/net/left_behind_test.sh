#!/usr/bin/env bash
# Two cells side by side do not see each other, and nothing of a cell stays when it goes: after `down`, when its owner
# dies, when `up` is killed half way, and when the holder itself is killed.
. "$(dirname "$0")/lib.sh"

# What a cell could leave: processes (by the id that each carries), network namespaces, interfaces, files.
processes() { grep -lsz "^TERCET_CELL_ID=$1\$" /proc/[0-9]*/environ 2>/dev/null | wc -l; }
names() { ls -A /run/netns 2>/dev/null || true; }
interfaces() { ls /sys/class/net | tr '\n' ' '; }
id_of() { jq -r .id "$1/.holder/state.json"; }
holder_of() { jq -r .pid "$1/.holder/state.json"; }
gone() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status" 2>/dev/null; }
absent() { [ ! -e "$1" ]; }
names_before=$(names)
interfaces_before=$(interfaces)

first=$SCRATCH/one
second=$SCRATCH/a/longer/path/$(printf 'x%.0s' {1..120})/two
CELL_DIR=$first
cell_up --bare
CELL_DIR=$second
cell_up --bare
probe_serve b1 9000
check "in the second cell client reaches b1" reaches client 198.18.0.11 9000
CELL_DIR=$first
check_not "the first has its own b1, where nobody answers" reaches client 198.18.0.11 9000
at client sleep 1000 &
sleeper=$!
first_id=$(id_of "$first") second_id=$(id_of "$second") first_holder=$(holder_of "$first")
one_process() { [ "$(processes "$first_id")" -ge 1 ]; }
eventually 5 "a command runs in the first cell" one_process
touch "$first/mine"

cell down
check "down ends the holder" gone "$first_holder"
check_equal "and the commands that ran there" 0 "$(processes "$first_id")"
check_equal "and removes its files, not those of others" "mine" "$(ls -A "$first")"
wait $sleeper || true
check_code "down once more is no error" 0 cell down
CELL_DIR=$second
check "the second cell still works" reaches client 198.18.0.11 9000
check_code "and comes down" 0 cell down
check_equal "without a process left" 0 "$(processes "$second_id")"
check "nor its folder" absent "$second"

# The owner dies.
CELL_DIR=$SCRATCH/owned
sleep 1000 &
owner=$!
_cells+=("$CELL_DIR")
cell up --bare --owner $owner
holder=$(holder_of "$CELL_DIR")
kill -KILL $owner
wait $owner 2>/dev/null || true
eventually 10 "the cell goes with its owner" gone "$holder"
check "and its folder too" absent "$CELL_DIR"

# `up` is killed while it works.
CELL_DIR=$SCRATCH/halfway
_cells+=("$CELL_DIR")
"$ROOT/scripts/cell" up --bare --dir "$CELL_DIR" &
up=$!
holder_lives() { pgrep -f "holder.py $CELL_DIR" >/dev/null; }
eventually 10 "up has begun" holder_lives
kill -KILL $up
wait $up 2>/dev/null || true
eventually 10 "an up that was killed leaves nothing" absent "$CELL_DIR"

# The holder is killed: what it started dies with it, and the next up in that folder cleans and works.
CELL_DIR=$SCRATCH/crashed
cell_up --bare
probe_serve b1 9000
id=$(id_of "$CELL_DIR")
holder=$(holder_of "$CELL_DIR")
kill -KILL "$holder"
eventually 5 "the holder is killed" gone "$holder"
check_code "a cell without its holder is not up" 2 cell exec client -- true
cell_up --bare
check_equal "the next up ended what was left" 0 "$(processes "$id")"
check_not "and its network is a new one" reaches client 198.18.0.11 9000
check_code "which comes down" 0 cell down

# With servers, which have guard processes, sockets, addresses and files of their own.
outside() { # what a server could leave where it should not (others' test runs stand beside ours in /tmp)
  ls -A /dev/shm /run/netns 2>/dev/null || true
  ls -Ad /tmp/*tercet* /var/lib/*tercet* /run/*tercet* "$HOME"/.config/tercet 2>/dev/null | grep -v '/tercet-net\.' || true
  ip -br address
}
outside_before=$(outside)
CELL_DIR=$SCRATCH/whole
cell_up
id=$(id_of "$CELL_DIR")
cell license --firm 10 --product 7 --quantity 5 >/dev/null
check_code "a seat is checked out" 0 quietly at client tercet checkout --firm 10 --product 7
check_equal "each load balancer has a guard" 2 "$(guards)"
cell kill lb1
cell kill lb2
none() { [ "$("$@")" = 0 ]; }
eventually 3 "the guards go with their load balancers" none guards
check_equal "and the address with them" "" "$(at lb1 ip -o address show to 198.18.0.100)$(at lb2 ip -o address show to 198.18.0.100)"
cell start lb1
cell start lb2
eventually 10 "the cell serves again" status_is '.serving and ([.lbs[].role] | sort == ["active", "standby"])'
cell down
check_equal "down leaves no process of a whole cell" 0 "$(processes "$id")"
check_not "nor its folder" test -e "$CELL_DIR"

# The holder of a whole cell is killed: servers and guards end by themselves.
cell_up
id=$(id_of "$CELL_DIR")
holder=$(holder_of "$CELL_DIR")
kill -KILL "$holder"
eventually 5 "servers and guards end with a holder that is killed" none processes "$id"
check_code "down removes what it left" 0 cell down
check_not "with its folder" test -e "$CELL_DIR"
check_equal "nothing was left outside" "$outside_before" "$(outside)"

check_equal "no namespace has a name outside" "$names_before" "$(names)"
check_equal "no interface is left outside" "$interfaces_before" "$(interfaces)"
