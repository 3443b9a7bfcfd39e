#!/usr/bin/env bash
# Under load every backend writes checkpoints, one after the other, and its log begins behind them: a start reads the
# checkpoint and what came after it. Where all logs begin behind checkpoints, a backend with an empty disk takes over
# another's book; one whose checkpoint is damaged is admitted anew. The clients' own record says that no seat was lost or given
# twice.
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/load.sh"

cell_up --set lb1:cell.checkpoint_every=1000 --set lb2:cell.checkpoint_every=1000
cell license --firm 10 --product 7 --quantity 60 >/dev/null
cell license --firm 10 --product 8 --quantity 1000 >/dev/null
newest() { find "$CELL_DIR/$1/store" -maxdepth 1 -name 'image-*.timg' | sort | tail -1; }
# Books larger than what is written at once, however slow this machine is: many handles that are remembered.
for _ in {1..10}; do
  at client tercet bench --firm 10 --product 8 --clients 16 --seconds 3 --json >"$SCRATCH/bench" || fail "bench: $(<"$SCRATCH/bench")"
  [ "$(stat -c %s "$(newest b1)" 2>/dev/null || echo 0)" -lt 700000 ] || break
done
load load client --firm 10 --product 7 --rate 800 --seconds 3600 --lease 2m --timeout 5s --clients 8

own_status() { at "$1" /usr/bin/python3 -I -c 'import urllib.request
print(urllib.request.urlopen("http://127.0.0.1:8221/v1/status").read().decode())'; }
checkpoint_of() { own_status "$1" | jq -r .checkpoint; }
behind() { [ "$(checkpoint_of "$1")" -gt "$2" ]; }
for host in b1 b2 b3; do
  eventually 30 "$host has written a checkpoint" behind "$host" 0
  check "$host: as a file" test -s "$(newest "$host")"
  check "$host says so" grep -q 'checkpoint at seq [0-9]*: its log begins there' "$CELL_DIR/$host/log"
done
before=$(checkpoint_of b1)
eventually 30 "b1 writes another one" behind b1 "$before"
images() { [ "$(find "$CELL_DIR/$1/store" -maxdepth 1 -name 'image-*.timg' | wc -l)" -eq "$2" ]; }
eventually 15 "and the former one is gone" images b1 1

# What a start reads: not the whole history.
for host in b1 b3; do
  cell kill "$host"
  cell start "$host"
  eventually 15 "$host votes after a start from its checkpoint" status_is "$all_vote"
  at_least=$(checkpoint_of "$host")
  check "$host stands behind it" test "$at_least" -gt 0
done
seq=$(own_status b1 | jq .seq)
read_records=$(grep -o '[0-9]* records recovered' "$CELL_DIR/b1/log" | tail -1 | cut -d' ' -f1)
say "    $read_records records read at seq $seq"

# Nobody has the first entries any more.
cell kill b2
cell wipe b2
cell start b2
eventually 30 "b2, wiped, votes again by itself" status_is "$all_vote"
check "it took a book over that is larger than what is written at once" test "$(stat -c %s "$(newest b2)")" -gt 600000
check_equal "and did so once" 1 "$(metrics b2 | awk '$1 == "tercet_backend_images_installed_total" { print $2 }')"
eventually 10 "the books are equal" status_is "$equal_digests"

# A byte of a checkpoint that is another one.
cell kill b3
image=$(newest b3)
middle=$(($(stat -c %s "$image") / 2))
byte=$(od -An -tu1 -j "$middle" -N1 "$image" | tr -d ' ')
printf "\\x$(printf %x $((byte ^ 4)))" | dd of="$image" bs=1 seek="$middle" conv=notrunc status=none
cell start b3
eventually 30 "b3, its checkpoint damaged, votes again by itself" status_is "$all_vote"
check "it said why" grep -q "this disk is not trusted: its log is corrupt: checkpoint" "$CELL_DIR/b3/log"
check "and the files are kept" test -n "$(find "$CELL_DIR/b3/store/lost-1" -name 'image-*.timg' -size +0)"
eventually 10 "the books are equal again" status_is "$equal_digests"
check_json "nobody was outvoted" '.outvoted == []' "$(status)"
load_stop load
load_end load
judge 60 load
