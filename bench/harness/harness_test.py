"""The harness beside programs that are slow, silent or broken. Run by ctest (label bench)."""

import importlib.util
import json
import os
import shutil
import stat
import sys
import tempfile
import types
import unittest
from unittest import mock

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]
import admin_probe  # noqa: E402
import away_cell  # noqa: E402
import cell_bench  # noqa: E402
import dpdk_bench  # noqa: E402
import measure  # noqa: E402
import pauses  # noqa: E402
import raft_bench  # noqa: E402
import testpmd  # noqa: E402

# As dpdk-testpmd: what it prints stays in its buffer until it ends, its prompt does not; its folder stays behind.
TESTPMD = """#!{python} -I
import os, sys, time
kind = {kind!r}
with open({log!r}, "a") as log:
    log.write("started\\n")
    folder = os.path.join(os.environ.get("RUNTIME_DIRECTORY", "/var/run"), "dpdk")
    log.write(folder + "\\n")
if "RUNTIME_DIRECTORY" in os.environ:
    os.mkdir(folder)
time.sleep(0.8)  # EAL, on a busy machine
printed, shown = "", time.monotonic()
while True:
    os.write(1, b"testpmd> ")
    command = sys.stdin.readline().strip()
    os.write(1, command.encode() + b"\\r\\n")
    if command.startswith("start"):
        time.sleep(0.4)
    if command.startswith("show"):
        pause, shown = time.monotonic() - shown, time.monotonic()
        rate = 0 if kind == "silent" or pause < 0.1 else 8_000_000
        printed += f"  RX-packets: 155456\\n  Rx-pps:  {{rate}}  Rx-bps: 1\\n"
    if command == "quit":
        break
    if kind == "dies" and command.startswith("start"):
        sys.exit("no more memory")
    if kind == "hangs" and command.startswith("show"):
        time.sleep(60)
print(printed, flush=True)
"""


class Harness(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.log = os.path.join(self.folder, "log")
        path = os.environ["PATH"]
        os.environ["PATH"] = self.folder + os.pathsep + path
        self.addCleanup(os.environ.__setitem__, "PATH", path)

    def program(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, stat.S_IRWXU)

    def a_testpmd(self, kind):
        self.program("dpdk-testpmd", TESTPMD.format(python=sys.executable, kind=kind, log=self.log))

    def logged(self):
        with open(self.log, encoding="utf-8") as file:
            return file.read().splitlines()

    def test_a_slow_testpmd_is_waited_for(self):
        self.a_testpmd("slow")
        row = dpdk_bench.ring_once(32, 138, 0.2)
        self.assertEqual(row["rate"], 8_000_000)
        self.assertEqual(row["ns"], 125)
        folder = self.logged()[1]
        self.assertNotIn("/run/", folder + "/")
        self.assertFalse(os.path.exists(folder), "it leaves nothing behind")

    def test_what_fails_twice_is_a_row_that_says_so_among_the_others(self):
        for kind, why in (("silent", "forwarded nothing"), ("dies", "no more memory"),
                          ("hangs", "show port stats all, does not answer")):
            with self.subTest(kind):
                self.a_testpmd(kind)
                if os.path.exists(self.log):
                    os.unlink(self.log)
                rows, said = [], []
                with mock.patch.multiple(dpdk_bench, core_once=lambda *_: [{"query_frame": 138, "burst": 32, "ns": 500.0}]), \
                        mock.patch.object(testpmd, "WITHIN", 2):
                    dpdk_bench.core(types.SimpleNamespace(quick=True, say=said.append), 1, rows.append)
                self.assertGreater(sum(row["part"] == "core" for row in rows), 3)
                (failed,) = [row for row in rows if row["part"] == "testpmd"]
                self.assertIn(why, failed["failed"])
                self.assertNotIn("ns", failed)
                self.assertEqual(self.logged().count("started"), 2)
                self.assertEqual(len([text for text in said if why in text]), 2)

    def test_what_does_not_answer_is_not_waited_for_for_ever(self):
        said = measure.Started([sys.executable, "-c", "print(input()[::-1] + '1', flush=True); input(); input()"])
        self.addCleanup(said.kill)
        said.go()
        self.assertEqual(said.ask("2", 10), 21)
        with self.assertRaisesRegex(RuntimeError, "no answer to 'nothing' within 0.1 s"):
            said.ask("nothing", 0.1)
        with self.assertRaisesRegex(RuntimeError, "ended before it answered 'the end'"):
            said.ask("the end", 10)

    def test_a_quick_run_has_everything_once_and_a_whole_one_each_with_each(self):
        def of(quick, *choices):
            named = dict(zip(("engines", "durabilities", "threads"), choices))
            return cell_bench.settings_of(types.SimpleNamespace(quick=quick, **named))
        self.assertEqual(of(True, ["uring", "mmsg"], ["fsync", "memory"], [0]), [("uring", "fsync", 0), ("mmsg", "memory", 0)])
        self.assertEqual(of(True, ["uring"], ["fsync", "memory"], [0, 1, 2]),
                         [("uring", "fsync", 0), ("uring", "memory", 1), ("uring", "fsync", 2)])
        self.assertEqual(len(set(of(False, ["uring", "mmsg"], ["fsync", "memory"], [0, 1]))), 8)

    def test_logs_are_not_kept_in_memory(self):
        mounts = "/dev/x / ext4 rw 0 0\ntmpfs /memory tmpfs rw 0 0\n/dev/y /memory/disk xfs rw 0 0\nproc /proc proc rw 0 0\n"
        with mock.patch("builtins.open", mock.mock_open(read_data=mounts)), mock.patch("os.path.isdir", return_value=True), \
                mock.patch("os.path.realpath", side_effect=lambda path: path):
            for folder, kind in (("/memory", "tmpfs"), ("/memory/disk/a", "xfs"), ("/memorydisk", "ext4"), ("/", "ext4")):
                self.assertEqual(raft_bench.file_system(folder), kind)
            self.assertEqual(raft_bench.on_a_disk("/memory/disk"), "/memory/disk")
            with mock.patch("tempfile.gettempdir", return_value="/memory"):
                self.assertEqual(raft_bench.on_a_disk(None), "/var/tmp")
            with self.assertRaisesRegex(measure.NotHere, "/memory is in memory"):
                raft_bench.on_a_disk("/memory")

    def test_turns_are_those_between_two_readings(self):
        text = """# TYPE tercet_thread_turn_seconds histogram
tercet_thread_turn_seconds_bucket{thread="poll",le="1e-06"} 5
tercet_thread_turn_seconds_bucket{thread="poll",le="0.001"} 7
tercet_thread_turn_seconds_bucket{thread="poll",le="+Inf"} 8
tercet_thread_turn_seconds_sum{thread="poll"} 0.5
"""
        found = pauses.lengths(admin_probe.samples(text))
        self.assertEqual(found, {1e-06: 5, 0.001: 2, float("inf"): 1})
        later = {1e-06: 9, 0.001: 2, float("inf"): 3}
        self.assertEqual(pauses.between((10, False, 0, found, 0.25), (12, False, 0, later, 0.5)),
                         {"seconds": 2, "waited_s": 0.25, "turns": {"1e-06": 4, "0.001": 0, "inf": 2}})

    def test_a_checkpoints_turns_begin_before_its_file_is_seen(self):
        def of(*seen):
            windows = pauses.Windows()
            written = 0
            for at, writing in enumerate(seen):
                written += writing == "counted"
                windows.add((at, writing == 1, written, {}, 0.0))
            return [window["seconds"] for window in windows.windows]
        self.assertEqual(of(0, 0, 0, 1, 1, 0, 0), [4])  # from 1 to 5
        self.assertEqual(of(0, 1, 0, 1, 0), [2, 2])
        self.assertEqual(of(1, 1, 0, 0, 1, 0), [3], "nobody knows when the first began")
        self.assertEqual(of(0, 0, 1, 1), [], "it is not over")
        self.assertEqual(of(0, 0, "counted", 0), [2], "it came and went between two readings")
        self.assertEqual(of(0, 0, 1, 0, "counted", 0), [3], "the count comes a little later")
        self.assertEqual(of(1, 0, "counted", 0), [])

    def test_what_a_server_said_and_when(self):
        log = os.path.join(self.folder, "b3.log")
        with open(log, "w", encoding="utf-8") as file:
            file.write("2026-11-29T10:00:00.000Z b3 info  earlier\n")
            after = file.tell()
            file.write("no line of ours\n2026-11-29T10:00:01.250Z b3 info  cell 1, b3: 12 records recovered\n")
        self.assertEqual(away_cell.log_lines(log, after), [(1795946401.25, "cell 1, b3: 12 records recovered")])

    def test_one_that_fails_leaves_the_others_their_report(self):
        source = importlib.util.spec_from_file_location("bench_main", os.path.join(HERE, "__main__.py"))
        main = importlib.util.module_from_spec(source)
        source.loader.exec_module(main)
        row = {"bench": "micro", "program": "bench_license_book", "name": "BM_BookRenew/100000", "items_per_second": 1e7}

        def fails(_options, write):
            write({"bench": "dpdk", "part": "testpmd", "round": 1, "burst": 32, "ns": 50.0, "load_average": 1.0})
            raise RuntimeError("tercet-lb-core: exit 6")
        main.RUNS = {"micro": lambda _options, write: write(row), "dpdk": fails}
        main.NEEDS = {"micro": (), "dpdk": ()}
        out = os.path.join(self.folder, "out")
        with mock.patch("builtins.print"):
            code = main.main(["--programs", self.folder, "--out", out])
        self.assertEqual(code, 1)
        with open(os.path.join(out, "report.md"), encoding="utf-8") as file:
            text = file.read()
        self.assertIn("renew, 100,000 leases held", text)
        self.assertIn("## DPDK", text)
        self.assertIn("**Not measured: dpdk ended early: tercet-lb-core: exit 6**", text)
        with open(os.path.join(out, "dpdk.jsonl"), encoding="utf-8") as file:
            self.assertEqual([json.loads(line)["bench"] for line in file], ["about", "dpdk", "dpdk"])


if __name__ == "__main__":
    unittest.main()
