# shellcheck shell=bash
# What tshark, with the dissector, makes of a capture:   . "$(dirname "$0")/lib.sh"; . "$NET_DIR/tshark.sh"

have_tshark() { command -v tshark >/dev/null; }
# packets FILE FILTER …: what tshark shows of them.
packets() {
  local file=$1 filter=$2
  shift 2
  tshark -n -X "lua_script:$ROOT/docs/wireshark/tercet.lua" -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE -r "$file" \
    -Y "$filter" "$@" 2>"$SCRATCH/tshark.err" || fail "tshark: $(cat "$SCRATCH/tshark.err")"
  ! grep -E "Lua|cut short" "$SCRATCH/tshark.err" || fail "tshark: $(cat "$SCRATCH/tshark.err")"
}
count() { packets "$@" | wc -l; }
WRONG='_ws.malformed || _ws.expert.severity >= 0x400000 || ip.checksum.status == 0 || udp.checksum.status == 0 || icmp.checksum.status == 0'
