#!/usr/bin/env bash
# What people get wrong, and what machines lack: each gives one line that says what is wrong and what to do, and nothing
# else happens. Configuration, key files, ports, interfaces, capabilities, license files, a full disk.
. "$(dirname "$0")/lib.sh"
. "$NET_DIR/load.sh"

cell_up
cell license --firm 10 --product 7 --quantity 100 >/dev/null

# refuses WHAT CODE REGEX… -- CMD…: ends with this code by itself, with one line on stderr that all of these match.
refuses() {
  local what=$1 expected=$2 code=0 regexes=() said
  shift 2
  while [ "$1" != -- ]; do regexes+=("$1") && shift; done
  shift
  timeout 10 "$@" >"$SCRATCH/out" 2>"$SCRATCH/err" || code=$?
  said=$(<"$SCRATCH/err")
  [ $code -eq "$expected" ] || fail "$what: exit $code instead of $expected: $said"
  [ "$(wc -l <"$SCRATCH/err")" -eq 1 ] || fail "$what: more than one line, or none: $said"
  [[ $said == tercet:* ]] || fail "$what: not of the form 'tercet: what: what to do': $said"
  for regex in "${regexes[@]}"; do
    grep -qE -- "$regex" <<<"$said" || fail "$what: no '$regex' in: $said"
  done
  say "ok: $what"
  say "    $said"
}
on() { # on HOST CMD…, to be run by timeout: a program, no function
  local host=$1
  shift
  CMD=("$ROOT/scripts/cell" exec --dir "$CELL_DIR" "$host" -- "$@")
}
# variant HOST SED-SCRIPT: a copy of that host's files with its configuration changed; its path.
variants=0
variant() {
  variants=$((variants + 1))
  local folder=$SCRATCH/variant.$variants
  mkdir "$folder"
  cp -p "$CELL_DIR/$1"/*.{toml,key} "$folder"
  sed -i -E "$2" "$folder/$1.toml"
  CONFIG=$folder/$1.toml
}
line_of() { grep -nE "$1" "$CONFIG" | cut -d: -f1; }

who_is_who
lb=$new
cell kill "$lb" TERM # its host is free for what does not start

# ---- configuration
variant "$lb" 's/^advert_interval( *=)/advert_intervall\1/'
on "$lb" tercet-lb --config "$CONFIG"
refuses "an unknown key" 2 "$CONFIG:$(line_of '^advert_intervall'): " 'unknown key "failover\.advert_intervall"' \
  'did you mean "failover\.advert_interval"' -- "${CMD[@]}"
variant b1 's/^durability( *=)/durabilty\1/'
on b1 tercet-backend --config "$CONFIG"
refuses "an unknown key of a backend" 2 "$CONFIG:$(line_of '^durabilty'): " 'did you mean "store\.durability"' -- "${CMD[@]}"
folder=$SCRATCH/client
mkdir "$folder"
cp -p "$CELL_DIR"/client/*.{toml,key} "$folder"
echo 'sever = "x"' >>"$folder/client.toml"
on client tercet status --config "$folder/client.toml"
refuses "an unknown key of the client's file" 2 "$folder/client.toml:[0-9]+: " 'unknown key "[a-z.]*sever"' -- "${CMD[@]}"
variant "$lb" 's/^vrid *=.*/vrid = 256/'
on "$lb" tercet-lb --config "$CONFIG"
refuses "a number out of range" 2 "$CONFIG:$(line_of '^vrid'): failover\.vrid: 256 is out of range" '1 to 255' -- "${CMD[@]}"
variant "$lb" 's/^vrid *=.*/vrid = /'
on "$lb" tercet-lb --config "$CONFIG"
refuses "no TOML at all" 2 "$CONFIG:$(line_of '^vrid'): " -- "${CMD[@]}"
variant b1 ''
on "$lb" tercet-lb --config "$CONFIG"
refuses "a backend's file for a load balancer" 2 '(cell\.name: "b1" is none of lb1, lb2)' -- "${CMD[@]}"
on "$lb" tercet-lb --config "$SCRATCH/nothing.toml"
refuses "a file that is not there" 2 "$SCRATCH/nothing\.toml: No such file" -- "${CMD[@]}"

# ---- key files
for host in "$lb" b1; do
  program=tercet-lb
  [ "$host" = b1 ] && program=tercet-backend
  variant "$host" ''
  chmod 0644 "${CONFIG%.toml}.key"
  on "$host" $program --config "$CONFIG"
  refuses "$program: a key file that others may read" 2 "${CONFIG%.toml}\.key: " '0?644' 'chmod 0?600' -- "${CMD[@]}"
done
cp -p "$CELL_DIR"/client/*.toml "$folder"
chmod 0644 "$folder"/*.key
on client tercet status --config "$folder/client.toml"
refuses "tercet: a key file that others may read" 2 "$folder/.*\.key: " '0?644' 'chmod 0?600' -- "${CMD[@]}"
variant "$lb" ''
cp -p "$CELL_DIR/b1/b1.key" "${CONFIG%.toml}.key"
on "$lb" tercet-lb --config "$CONFIG"
refuses "another host's key file" 2 "${CONFIG%.toml}\.key: is b1's key file" -- "${CMD[@]}"

# ---- what the machine has not, or has already
variant "$lb" 's/^interface *=.*/interface = "eth7"/'
on "$lb" tercet-lb --config "$CONFIG"
refuses "an interface that is not there" 2 'eth7' 'ip link|failover\.interface' -- "${CMD[@]}"
check_equal "it is still not there, nor is the address" "" "$(at "$lb" ip -o address show to 198.18.0.100)"
on "$old" tercet-lb --config "$CELL_DIR/$old/$old.toml"
refuses "a second load balancer on the same host: the port is in use" 2 'port in use' ':8200|:8210' 'ss -ulpn' -- "${CMD[@]}"
check "and the first still has its address" vip_is_at "$old"
check_json "and serves" .serving "$(status)"
on b1 tercet-backend --config "$CELL_DIR/b1/b1.toml"
refuses "a second backend on the same disk" 2 'in use by another process: end that one' -- "${CMD[@]}"
probe_serve "$lb" 8200
on "$lb" tercet-lb --config "$CELL_DIR/$lb/$lb.toml"
refuses "somebody else has the port" 2 'port in use' ':8200' 'ss -ulpn' -- "${CMD[@]}"
for drop in net_admin net_raw net_raw,-net_admin; do
  on "$lb" setpriv --bounding-set "-$drop" --inh-caps "-$drop" tercet-lb --config "$CELL_DIR/$lb/$lb.toml"
  # In the middle of a start: it must not be the port that is missed first.
  variant "$lb" 's/^port *= *8200/port = 8300/'
  CMD[-1]=$CONFIG
  refuses "without CAP_${drop^^}" 2 '(cap_net|CAP_NET)_' 'setcap|AmbientCapabilities' -- "${CMD[@]}"
done
check_equal "no guard was left behind" 0 "$(guards "$lb")"

variant "$lb" "s/^port *= *8200/port = 8300/; s/^$lb = .*/$lb = \"198.18.0.99:8210\"/"
on "$lb" tercet-lb --config "$CONFIG"
refuses "an address that another host has" 2 '198\.18\.0\.99:8210.*not on this machine' 'correct the configuration' -- "${CMD[@]}"
variant "$lb" 's/^listen *=.*/listen = "0.0.0.0:8220"/'
on "$lb" tercet-lb --config "$CONFIG"
refuses "an admin interface for all without a token" 2 "$CONFIG:$(line_of '^listen'): " 'admin\.token_file' -- "${CMD[@]}"
variant "$lb" 's/^port *= *8200/port = 8300/; s/^token_file *=.*/token_file = "token"/'
echo 0123456789abcdef0123 >"${CONFIG%/*}/token"
chmod 0644 "${CONFIG%/*}/token"
on "$lb" tercet-lb --config "$CONFIG"
refuses "a token file that others may read" 2 "${CONFIG%/*}/token: " '0?644' 'chmod 0?600' -- "${CMD[@]}"
for host in "$old" b1; do # the admin port alone is taken: by the server that runs there
  case $host in b1) program=tercet-backend ;; *) program=tercet-lb ;; esac
  # Ports of its own for everything else.
  variant "$host" 's/^port *= *8200/port = 8300/; s/^(lb[12]|b[123]) = "([0-9.]+):8210"/\1 = "\2:8310"/; s|^dir *=.*|dir = "store"|'
  if [ "$host" = b1 ]; then at b1 tercet container init --config "$CONFIG" >/dev/null; fi
  # The load balancer there goes on: another virtual address, another router.
  sed -i -E 's|^virtual_ips *=.*|virtual_ips = ["198.18.0.101/24"]|; s/^vrid *=.*/vrid = 52/' "$CONFIG"
  on "$host" $program --config "$CONFIG"
  refuses "$program: the admin port is in use" 2 'admin\.listen 127\.0\.0\.1:822[01]: port in use' 'ss -tlnp' -- "${CMD[@]}"
done
check "the load balancer there still has its address" vip_is_at "$old"
for program in tercet-lb tercet-backend; do
  on client $program --confg x
  refuses "$program: an option that is none" 2 "confg is not understood: see $program --help" -- "${CMD[@]}"
done

# ---- license files
file=$CELL_DIR/licenses/1.lic
on client tercet import "$file"
refuses "a license that is there already" 3 'REPEATED' -- "${CMD[@]}"
/usr/bin/python3 -I - "$file" "$SCRATCH/altered.lic" <<'PYTHON'
import base64, json, re, sys
text = open(sys.argv[1], encoding="utf-8").read()
jws = re.findall(r"[\w-]+\.[\w-]+\.[\w-]{80,}", text)
assert len(jws) == 3, f"three constituents expected, {len(jws)} found"
for one in jws:  # more seats, in all three of them alike
    head, payload, signature = one.split(".")
    claims = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    changed = re.sub(rb'("quantity": ?)100\b', rb"\g<1>900", claims)
    assert changed != claims, claims
    text = text.replace(one, ".".join((head, base64.urlsafe_b64encode(changed).rstrip(b"=").decode(), signature)))
open(sys.argv[2], "w", encoding="utf-8").write(text)
PYTHON
on client tercet import "$SCRATCH/altered.lic"
refuses "a license with more seats than its issuer signed" 3 'BAD_SIGNATURE' "$SCRATCH/altered\.lic" 'issuer' -- "${CMD[@]}"
at client tercet issuer init "$SCRATCH/stranger" >/dev/null
at client tercet issue --issuer "$SCRATCH/stranger" --request "$CELL_DIR/b1/request.json" --request "$CELL_DIR/b2/request.json" \
  --request "$CELL_DIR/b3/request.json" --firm 10 --product 7 --quantity 900 -o "$SCRATCH/foreign.lic" >/dev/null
on client tercet import "$SCRATCH/foreign.lic"
refuses "a license by an issuer that this cell does not know" 3 'UNKNOWN_ISSUER' -- "${CMD[@]}"
head -c 100 "$file" >"$SCRATCH/half.lic"
on client tercet import "$SCRATCH/half.lic"
refuses "half a license file" 3 'MALFORMED' "$SCRATCH/half\.lic" -- "${CMD[@]}"
on client tercet import "$SCRATCH/none.lic"
refuses "a license file that is not there" 2 "$SCRATCH/none\.lic" '[Nn]o such file' 'check the path' -- "${CMD[@]}"
issue=(tercet issue --issuer "$CELL_DIR/issuer" --request "$CELL_DIR/b1/request.json" --request "$CELL_DIR/b2/request.json"
  --request "$CELL_DIR/b3/request.json" --firm 10 --product 7 --quantity 1)
on client "${issue[@]}" -o "$SCRATCH/nowhere/x.lic"
refuses "a license file that cannot be made" 2 "$SCRATCH/nowhere/x\.lic: " '[Nn]o such file' 'check the path' -- "${CMD[@]}"
mkfifo "$SCRATCH/pipe"
on client "${issue[@]}" -o "$SCRATCH/pipe"
refuses "a license file's name that something else has" 2 "$SCRATCH/pipe: " 'name another' -- "${CMD[@]}"
check "which stays what it is" [ -p "$SCRATCH/pipe" ]
check_json "the cell has the one license that it had" '.licenses | length == 1 and .[0].quantity == 100' "$(at client tercet licenses --all --json)"

# ---- command lines
on client tercet checkout --firm 10
refuses "an option that is missing" 2 'product' -- "${CMD[@]}"
on client tercet checkout --firm ten --product 7
refuses "a number that is none" 2 '-firm = ten is no number that fits' 'tercet checkout --help' -- "${CMD[@]}"
on client tercet checkout --firm 10 --product 7 --lease 2d
refuses "a duration that is none" 2 'lease' -- "${CMD[@]}"
on client tercet renew 12345
refuses "a handle that is none" 2 'handle' -- "${CMD[@]}"
# tercet bench with a record that cannot be written
on client tercet bench --seconds 1 --record /nonexistent/record
refuses "a record that cannot be written" 2 '/nonexistent/record' -- "${CMD[@]}"

# ---- a full disk: b3's log is on a small file system of its own, seen only in the cell
cell kill b3 TERM
small_disk b3 160m
cell start b3
eventually 10 "b3 votes again, from a small disk" status_is "$all_vote"
load load client --firm 10 --product 7 --rate 400 --seconds 10
runs_for 1
# Full from now on: the log's blocks that it has not reached yet are given back, and something else takes them.
cell pause b3
at_holder /usr/bin/python3 -I - "$store" <<'PYTHON'
import glob, os, subprocess, sys
for log in glob.glob(sys.argv[1] + "/log-*.tlog"):
    with open(log, "rb") as file:
        content = file.read()
    used = len(content.rstrip(b"\0"))
    hole = (used + 65536) // 4096 * 4096
    if hole < len(content):
        subprocess.run(["fallocate", "--punch-hole", "--keep-size", "--offset", str(hole),
                        "--length", str(len(content) - hole), log], check=True)
try:
    with open(sys.argv[1] + "/filler", "wb", buffering=0) as filler:
        while True:
            filler.write(bytes(4096))
except OSError as error:
    print("    filled:", error)
PYTHON
cell resume b3
b3_is() { status_is ".serving and any(.backends[]; .name == \"b3\" and .state == \"$1\")"; }
eventually 10 "the disk is full: status shows b3 as stopped, and the cell serves" b3_is stopped
says_stopped() { [ "$(cell logs b3 | grep -ciE 'stopped voting: disk full: .*no space left.*by itself')" -eq 1 ]; }
eventually 2 "b3 says so in one line, with what comes of it" says_stopped
check_json "nobody was outvoted" '.outvoted == []' "$(status)"
load_end load
load_shows load "nobody noticed" '.errors == {} and .seats_lost == 0 and .latency_us.max <= 500000'
judge 100 load
at_holder rm "$store/filler"
eventually 15 "with room again it votes, by itself" status_is "$all_vote"
eventually 5 "and its book is as the others'" status_is "$equal_digests"
# A disk that is full when a new backend makes its log: it does not start.
cell kill b3 TERM
variant b3 "s|^dir *=.*|dir = \"$store/new\"|"
at_holder mkdir "$store/new"
at_holder cp "$store/container.json" "$store/new"
at_holder bash -c 'cat /dev/zero >"$1/filler" 2>/dev/null || true' _ "$store"
enter=(nsenter --target "$(jq -r .pid "$CELL_DIR/.holder/state.json")" --mount)
[ "$(jq -r .user_namespace "$CELL_DIR/.holder/state.json")" = true ] && enter+=(--user --preserve-credentials)
refuses "a disk without room for a log" 2 "$store/new: No space left" 'make room' -- \
  env "PATH=$(jq -r .programs "$CELL_DIR/.holder/state.json"):$PATH" "${enter[@]}" -- ip netns exec b3 tercet-backend --config "$CONFIG"
