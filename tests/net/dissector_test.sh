#!/usr/bin/env bash
# The dissector for Wireshark (docs/wireshark): it is what wire/ says, and a change of wire/ that it does not follow is
# noticed; tshark reads every golden message with it, with the right values and nothing malformed, and no damaged one
# makes it fail. No cell, no root.
set -euo pipefail
command -v tshark >/dev/null || { echo "SKIPPED: no tshark (scripts/deps)"; exit 77; }
exec /usr/bin/python3 -I -B - "$(cd "$(dirname "$0")/../.." && pwd)" <<'PYTHON'
import importlib.util
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv.pop())
GOLDEN = ROOT / "tests" / "golden"
LUA = ROOT / "docs" / "wireshark" / "tercet.lua"
HANDLE = "404142434445464748494a4b4c4d4e4f"
CLIENT, LB, SERVER, RESIGNATION = 1, 2, 3, 4


def golden(name):
    words = [word for line in (GOLDEN / f"{name}.hex").read_text().splitlines() for word in line.split("#")[0].split()]
    return bytes.fromhex("".join(words))


def message(name):
    """(datagram's kind, plaintext) of a fixture; a page stands in a reply's answer."""
    bytes_ = golden(name)
    if name.startswith("page_"):
        answer = struct.pack("<BBHI", bytes_[0], 0, len(bytes_), 7) + bytes(16)
        return LB, struct.pack("<BBH", 4, 1, 0) + answer + bytes_
    if name.startswith(("query_", "hello")) and name != "hello_ack":
        return CLIENT, bytes_
    return (LB if name.startswith(("reply", "hello_ack")) else SERVER), bytes_


def datagram(kind, plain, opened=True):
    sender = {CLIENT: 0xFF, LB: 0, SERVER: 2, RESIGNATION: 0}[kind]
    access = 7 if kind in (CLIENT, LB) else 0
    header = struct.pack("<BBBBIQQ", 1, kind, sender, 0, access, 0x1122334455667788, 4711) + bytes(range(16, 32))
    return (b"\0\1\0\0open" + header + plain) if opened else header + bytes(len(plain)) + bytes(16)


def pcap(path, payloads, ports=(8210, 8210)):
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 101))
        for payload in payloads:
            udp = struct.pack(">HHHH", *ports, 8 + len(payload), 0) + payload
            packet = struct.pack(">BBHHHBBH8s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, bytes([198, 18, 0, 1, 198, 18, 0, 2])) + udp
            file.write(struct.pack("<IIII", 1767225600, 1, len(packet), len(packet)) + packet)


def tshark(path, *arguments):
    done = subprocess.run(["tshark", "-n", "-X", f"lua_script:{LUA}", "-r", path, *arguments], capture_output=True, text=True,
                          env={**os.environ, "HOME": os.path.dirname(path)})
    assert done.returncode == 0, done.stderr
    assert "Lua" not in done.stderr.replace("Lua script", ""), done.stderr
    return done.stdout


# What each message must show: fields and their values, in decimal or hex as the dissector prints them.
EXPECTED = {
    "query_seats": {
        "tercet.message": "Query", "tercet.query.count": "3", "tercet.op.kind": "1,2,3", "tercet.op.request": "1,2,3",
        "tercet.op.handle": ",".join([HANDLE] * 3), "tercet.checkout_body.firm": "6000010",
        "tercet.checkout_body.product": "13", "tercet.checkout_body.features": "0x8000000000000003",
        "tercet.text": "ada,ws-17,solver,4.2,st", "tercet.renew_body.lease_ms": "30000"},
    "vote": {
        "tercet.message": "Vote", "tercet.vote.count": "2", "tercet.vote.epoch": "29", "tercet.vote.first": "42",
        "tercet.vote.incarnation": "0xa1a2a3a4a5a6a7a8", "tercet.vote.last_l": "000102030405060708090a0b0c0d0e0f",
        "tercet.vote.wall_ms": "1767225600000", "tercet.vote.member": "1", "tercet.vote.divergent": "0",
        "tercet.vote_result.s": "0x5151515151515151,0x5252525252525252", "tercet.op_result.code": "0",
        "tercet.op_result.tmr_id": "17", "tercet.op_result.later_answer": "1"},
    "hello": {"tercet.message": "Hello", "tercet.hello.version": "1"},
    "heartbeat": {"tercet.message": "Heartbeat", "tercet.datagram.kind": "3", "tercet.datagram.counter": "4711",
                  "tercet.datagram.cell_id": "0x1122334455667788",
                  "tercet.datagram.session": "101112131415161718191a1b1c1d1e1f"},
    "prepare": {"tercet.message": "Prepare", "tercet.prepare.instance": "0x1122334455667788"},
}


class Dissector(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = os.path.join(self.folder, "capture.pcap")

    def fields(self, payloads, names, **more):
        pcap(self.path, payloads, **more)
        arguments = [part for name in names for part in ("-e", name)]
        out = tshark(self.path, "-T", "fields", "-E", "separator=|", "-E", "aggregator=,", *arguments)
        # Booleans were 1 and 0 until Wireshark 4.2.
        plain = {"True": "1", "False": "0"}
        return [dict(zip(names, (",".join(plain.get(v, v) for v in value.split(",")) for value in line.split("|"))))
                for line in out.splitlines()]

    def test_every_golden_message_is_read_whole(self):
        names = sorted(path.stem for path in GOLDEN.glob("*.hex"))
        self.assertGreaterEqual(len(names), 25)
        pcap(self.path, [datagram(*message(name)) for name in names])
        self.assertEqual(tshark(self.path, "-Y", "_ws.malformed || _ws.expert.severity >= 0x400000 || !tercet.message"), "")
        tree = tshark(self.path, "-V")
        self.assertNotIn("Lua Error", tree)
        self.assertNotIn("nknown", tree.replace("UNKNOWN_", ""))
        self.assertEqual(tree.count("Tercet, "), len(names))

    def test_values(self):
        wanted = sorted({field for values in EXPECTED.values() for field in values})
        rows = self.fields([datagram(*message(name)) for name in EXPECTED], wanted)
        for (name, values), row in zip(EXPECTED.items(), rows, strict=True):
            for field, value in values.items():
                self.assertEqual(row[field].replace(":", ""), value, f"{name}: {field}")

    def test_names_and_epochs_for_people(self):
        pcap(self.path, [datagram(*message(name)) for name in ("vote", "query_seats")])
        tree = tshark(self.path, "-V")
        for text in ("epoch: 29  (7 of lb1)", "code: GRANTED (0)", "kind: checkout (1)", "2026-01-01T00:00:00.000Z",
                     "kind: server_to_server (3)", "sender: client (255)"):
            self.assertIn(text, tree)

    def test_a_sealed_datagram_shows_its_header_alone(self):
        (row,) = self.fields([datagram(*message("vote"), opened=False)],
                             ["tercet.opened", "tercet.datagram.sender", "tercet.message", "tercet.sealed", "tercet.tag"])
        self.assertEqual((row["tercet.opened"], row["tercet.datagram.sender"], row["tercet.message"]), ("0", "2", ""))
        self.assertEqual(len(row["tercet.sealed"].replace(":", "")), 2 * len(golden("vote")))
        self.assertEqual(row["tercet.tag"].replace(":", ""), "00" * 16)

    def test_a_resignation(self):
        (row,) = self.fields([datagram(RESIGNATION, struct.pack("<Q", 0x55))], ["tercet.message", "tercet.resignation.nonce"])
        self.assertEqual(tuple(row.values()), ("Resignation", "0x0000000000000055"))

    def test_other_ports_are_found_and_other_traffic_is_left_alone(self):
        rows = self.fields([datagram(*message("vote"))], ["tercet.message"], ports=(40000, 9999))
        self.assertEqual(rows, [{"tercet.message": "Vote"}])
        pcap(self.path, [b"", b"x", b"\1\3\2\0" + bytes(60), bytes(100), b"\0\1\0\0open", b"\0\1\0\0open" + bytes(39)])
        self.assertEqual(tshark(self.path, "-Y", "tercet && tercet.datagram.counter > 0"), "")

    def test_damaged_messages_are_marked_and_never_make_it_fail(self):
        dice = random.Random(20260103)
        names = sorted(path.stem for path in GOLDEN.glob("*.hex"))
        payloads = []
        for name in names:
            kind, plain = message(name)
            payloads += [datagram(kind, plain[:size]) for size in range(1, len(plain), max(1, len(plain) // 12))]
            for _ in range(25):
                bad = bytearray(plain)
                for _ in range(dice.randint(1, 4)):
                    bad[dice.randrange(len(bad))] = dice.randrange(256)
                payloads.append(datagram(kind, bytes(bad)))
        payloads.append(datagram(SERVER, golden("vote") + b"x"))
        pcap(self.path, payloads)
        tree = tshark(self.path, "-V")
        self.assertNotIn("Lua Error", tree)
        self.assertNotIn("Malformed Packet", tree)
        self.assertIn("shorter than its format", tree)
        self.assertIn("bytes left over", tree)

    def test_a_change_of_wire_is_noticed(self):
        source = importlib.util.spec_from_file_location("make", ROOT / "docs" / "wireshark" / "make.py")
        make = importlib.util.module_from_spec(source)
        source.loader.exec_module(make)
        self.assertEqual(make.make(), LUA.read_text(), "run docs/wireshark/make.py")
        for header, before, after, stale in (
                ("vote.h", "  Le64 epoch;\n  Le64 incarnation;\n  Le64 first;", "  Le64 incarnation;\n  Le64 epoch;\n  Le64 first;", None),
                ("vote.h", "  Le64 durable;  ", "  Le64 durable;\n  Le64 extra;  ", "asserted"),
                ("vote.h", "  Le64 durable;  ", "  Le64 lasting;  ", None),
                ("cell_message.h", "  fetch = 15,", "  fetch = 15,\n  refetch = 16,", "refetch"),
                ("cell_message.h", "  vote = 2,", "  vote = 22,", None),
                ("op.h", "  busy = 40,", "  lazy = 40,", None),
                ("accept.h", "kQuiet = 2;", "kQuiet = 2;\ninline constexpr uint8_t kLoud = 4;", "kLoud"),
                ("vote.h", "static_assert(sizeof(VoteResult) == 9);",
                 "static_assert(sizeof(VoteResult) == 9);\nstruct Novel {\n  Le32 a;\n};\nstatic_assert(sizeof(Novel) == 4);", "Novel")):
            with self.subTest(header=header, after=after):
                folder = os.path.join(self.folder, "wire")
                shutil.copytree(ROOT / "wire", folder)
                text = pathlib.Path(folder, header).read_text()
                self.assertIn(before, text)
                pathlib.Path(folder, header).write_text(text.replace(before, after))
                make.WIRE = pathlib.Path(folder)
                try:
                    if stale is None:
                        self.assertNotEqual(make.make(), LUA.read_text())
                    else:
                        with self.assertRaisesRegex(make.Stale, stale):
                            make.make()
                finally:
                    shutil.rmtree(folder)


unittest.main(argv=["dissector_test"], verbosity=2)
PYTHON
