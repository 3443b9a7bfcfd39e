"""What report.py makes of rows whose figures are known. Run by ctest (label bench)."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import report  # noqa: E402


def row(what, level, number, **processes):
    """1,000 queries in a second on two cores; processes: µs that each spent."""
    spent = {name: {"total": us, "user": us * 0.25, "system": us * 0.75} for name, us in processes.items()}
    return {"bench": "cell", "what": what, "outstanding": level, "round": number, "engine": "uring", "durability": "fsync",
            "requests": 1_000, "rate": 1_000.0, "latency_us": {"p50": 10, "p99": 20, "p99_9": 30}, "active": "lb1",
            "load_average": 1.0, "client_us": 5_000, "machine_us": sum(processes.values()) + 5_000, "seconds_metered": 1.0,
            "cores": 2, "processes": spent}


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


class Report(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.folder = self._folder.name

    def tearDown(self):
        self._folder.cleanup()

    def test_ratio_is_of_medians_and_leaves_client_and_idle_cell_out(self):
        rows = []
        for number, (echo, lb) in enumerate(((2_000, 5_000), (4_000, 8_000), (3_000, 6_000)), 1):
            rows.append(row("echo", 64, number, echo=echo, lb1=100, lb2=100, b1=0, b2=0, b3=0))
            rows.append(row("renew", 64, number, lb1=lb, lb2=500, b1=1_000, b2=2_000, b3=3_000))
        text = report.cell(rows, self.folder)
        head = next(cells(line) for line in text.splitlines() if line.startswith("| outstanding"))
        lines = {cells(line)[1]: dict(zip(head, cells(line))) for line in text.splitlines() if line.startswith("| 64")}
        self.assertEqual(lines["echo"]["LB µs"], "3.00 ± 33 %")
        self.assertEqual(lines["echo"]["machine µs"], "3.0 ± 33 %")  # the idle cell's 200 µs are not the echo's
        self.assertEqual(lines["renew"]["LB µs"], "6.00 ± 25 %")
        self.assertEqual(lines["renew"]["user + system"], "1.50 + 4.50")
        self.assertEqual(lines["renew"]["LB / echo"], "2.00")
        self.assertEqual(lines["renew"]["each backend µs"], "2.00")
        self.assertEqual(lines["renew"]["machine µs"], "12.5 ± 12 %")
        self.assertEqual(lines["renew"]["µs p50 / p99 / p99.9"], "10 / 20 / 30")
        self.assertTrue(os.path.exists(os.path.join(self.folder, "cell-uring-fsync.svg")))

    def test_other_work_on_the_machine_is_said(self):
        quiet = row("renew", 1, 1, lb1=1_000, lb2=0, b1=0, b2=0, b3=0)
        noisy = dict(quiet, machine_us=1_006_000)  # half of two cores' second
        self.assertNotIn("other work took more", report.conditions([quiet]))
        self.assertIn("1 of 2 measurements", report.conditions([quiet, noisy]))
        text = report.cell([noisy], self.folder)
        line = next(cells(line) for line in text.splitlines() if line.startswith("| 1 "))
        self.assertIn("1.00", line)  # the LB's own CPU stays
        self.assertEqual(line[8:10], ["–", "–"])  # whose the machine's was, nobody knows

    def test_what_rounds_gain_is_of_pairs_of_the_same_round(self):
        rows = []
        for number, (off, on) in enumerate(((1_000, 1_200), (2_000, 2_200), (500, 650)), 1):  # the machine drifts
            for switch, rate, p50 in (("off", off, 100), ("adaptive", on, 80)):
                rows.append({**row("renew", 64, number, lb1=4_000, lb2=0, b1=3_000, b2=3_000, b3=3_000), "rounds": switch,
                             "rate": rate, "moved": False, "latency_us": {"p50": p50, "p99": 200, "p99_9": 300}})
        rows.append(dict(rows[0], rate=9, round=4, moved=True))
        text = report.rounds(rows, self.folder)
        lines = {cells(line)[2]: cells(line) for line in text.splitlines() if line.startswith("| 64")}
        self.assertEqual(lines["off"], ["64", "renew", "off", "1,000 ± 75 %", "", "4.00 ± 0 %", "3.00", "100 / 200 / 300", ""])
        self.assertEqual(lines["adaptive"], ["64", "renew", "adaptive", "1,200 ± 65 %", "1.20 ± 8 %", "4.00 ± 0 %", "3.00",
                                             "80 / 200 / 300", "0.80 ± 0 %"])
        self.assertIn("Left out: 1 of 7", text)

    def test_the_core_stands_beside_what_testpmd_takes(self):
        def of(part, **more):
            return {"bench": "dpdk", "part": part, "round": 1, "load_average": 1.0, "burst": 32, **more}
        core = {"provider": "ipsec-mb", "query_frame": 138, "reply_frame": 174, "rounds": 59, "left_out": 1}
        rows = [of("core", cache="warm", ns=400.0, **core), of("core", cache="warm", ns=600.0, **core),
                of("core", cache="cold", ns=900.0, **core), of("testpmd", ns=50.0),
                of("instructions", provider="ipsec-mb", each={"all": 7_000.4}),
                of("software sums", cache="warm", ns=550.0, **core),
                of("steps", cache="warm", ns=500.0, **core,
                   steps={turn: dict.fromkeys(("clock", "receive", "open", "service", "seal", "send", "rest"), 3.0)
                          for turn in ("queries", "votes")})]
        text = report.dpdk(rows, self.folder)
        self.assertIn("| 32 | 500 ± 20 % | 900 | 50 | 10.0 / 18.0 |", text)
        self.assertIn("Bursts of each size in a round: 60 warm, 60 cold. Left out, because a timer came between its two turns: "
                      "3 of 180.", text)
        self.assertIn("| clock, rest | 12 |", text)
        self.assertIn("| all | 7,000 |", text)
        self.assertIn("ipsec-mb 550 at bursts of 32", text)
        self.assertNotIn("(b)", text)

    def test_a_voted_query_is_held_against_two_echoes(self):
        def of(what, p50, **processes):
            return {**row(what, 1, 1, **processes), "part": "cell", "setting": "dpdk",
                    "latency_us": {"p50": p50, "p99": 90, "p99_9": 99}}
        text = report.dpdk([of("testpmd echo", 20, echo=1_000), of("renew", 60, lb1=2_000, lb2=0, b1=0, b2=3_000, b3=3_000)],
                           self.folder)
        line = next(cells(line) for line in text.splitlines() if "cell: dpdk" in line)
        self.assertEqual(line, ["1", "cell: dpdk", "1,000", "2.00", "2.00", "60 / 90 / 99", "1.50"])

    def test_the_cell_is_held_against_libraft_of_the_same_round(self):
        def of(part, what, level, number, p50, rate, client=0, **processes):
            return {**row(what, level, number, **processes), "part": part, "rate": rate, "moved": False, "client_us": client,
                    "file_system": "ext4", "latency_us": {"p50": p50, "p99": 10 * p50, "p99_9": 20 * p50}}
        rows = [dict(of("disk", "dsync", 1, 1, 100, 10_000.0), writers=1),
                dict(of("disk", "dsync", 3, 1, 300, 9_000.0), writers=3)]
        for number, (theirs, ours) in enumerate(((200, 300), (400, 500), (100, 180)), 1):  # the machine drifts
            rows.append(of("libraft", "each", 512, number, theirs, 20_000.0, leader=9_000, follower1=4_000, follower2=6_000))
            rows.append(of("cell", "renew", 512, number, ours, 40_000.0, 2_000,
                           lb1=5_000, lb2=0, b1=1_000, b2=2_000, b3=3_000))
        rows.append(dict(rows[2], round=4, rate=1.0, moved=True))
        text = report.raft(rows, self.folder)
        lines = {cells(line)[1]: cells(line) for line in text.splitlines() if line.startswith("| ")}
        bare = "4 KiB written, O_DIRECT and O_DSYNC"
        self.assertEqual(lines[bare][:4], ["", bare, "10,000", "100"])
        self.assertEqual(lines[f"{bare}, 3 files side by side"][3], "300")
        self.assertEqual(lines["libraft, each"], ["512", "libraft, each", "20,000 ± 0 %", "200 ± 75 %", "2,000 ± 75 %",
                                                  "4,000 ± 75 %", "9.00 ± 0 %", "5.00 ± 0 %", "19.00 ± 0 %", ""])
        self.assertEqual(lines["cell, uring"][6:], ["5.00 ± 0 %", "2.00 ± 0 %", "11.00 ± 0 %", "2.00 ± 0 %"])
        self.assertIn("- 512 outstanding, p50: the cell's is 1.50 ± 18 % of libraft's (each).", text)
        self.assertIn("- 512 outstanding, commits a second: the cell's are 2.00 ± 0 % of libraft's (each).", text)
        self.assertIn("Left out: 1 of 9", text)

    def test_failed_micro_benchmarks_are_named(self):
        good = {"program": "bench_license_book", "name": "BM_BookRenew/100000", "items_per_second": 1e7}
        bad = {"program": "bench_x", "name": "BM_Open", "error_occurred": True, "error_message": "did not open"}
        text = report.micro([good, dict(good, items_per_second=5e6), bad], self.folder)
        self.assertIn("| book | renew, 100,000 leases held | 150 ± 33 % |", text)
        self.assertIn("Not measured: bench_x BM_Open: did not open", text)

    def test_catching_up_is_held_against_the_same_rounds_load(self):
        rows = []
        for number, (two, late, three) in enumerate(((100, 150, 120), (200, 500, 400)), 1):
            for what, p99 in (("capacity", 900), ("two vote", two), ("catches up", late), ("three vote", three)):
                rows.append({**row("away", 512, number, lb1=1, b1=1, b2=1), "part": "catch-up", "way": "image", "what": what,
                             "moved": False, "errors": {}, "denied": {}, "retransmissions": 3, "longest_silence_ms": 7.0,
                             "latency_us": {"p50": 10, "p99": p99, "p99_9": 2 * p99}, "lacked": 5_000, "image_bytes": 2e6,
                             "read_s": 0.5, "votes_s": 2.0 * number})
        text = report.away(rows, self.folder)
        self.assertIn("b3 lacked 5,000 entries, which came by image (2.0 MB)", text)
        self.assertIn("voted after 3.00 ± 33 % s", text)
        self.assertIn("2.00 ± 25 % of that while two vote and 1.25 ± 0 % of that while three vote", text)
        line = next(cells(line) for line in text.splitlines() if "| catches up |" in line)
        self.assertEqual(line[2:], ["1,000 ± 0 %", "10 / 325 / 650", "7", "0", "6"])

    def test_turns_of_several_checkpoints_are_taken_together(self):
        def of(host, short, long_):
            return {"part": "leases", "what": "turns", "engine": "uring", "durability": "fsync", "leases": 9, "round": 1,
                    "load": "light", "checkpoints": True, "host": host, "seconds": 2.0, "waited_s": 0.5,
                    "turns": {"0.0001": short, "0.001": 0, "0.002": long_, "inf": 0}}
        load = {**row("away", 512, 1, lb1=1, b1=1, b2=1), "part": "leases", "what": "load", "load": "light", "leases": 9,
                "checkpoints": True, "moved": False, "errors": {}, "denied": {}, "retransmissions": 0, "longest_silence_ms": 7.0}
        start = {"part": "leases", "what": "start", "engine": "uring", "durability": "fsync", "leases": 9, "round": 1,
                 "of": "image", "after": "KILL", "records": 12, "image_bytes": 1e6, "read_s": 0.5, "votes_s": 1.0}
        text = report.away([of("b1", 1_999, 1), of("b2", 997, 3), load, start], self.folder)
        line = next(cells(line) for line in text.splitlines() if line.startswith("| light | yes | 2"))
        self.assertEqual(line[2:], ["2", "2.0", "3,000", "≤ 2", "≤ 0.1 to ≤ 2", "4 of 3,000", "≤ 2", "25 %"])
        self.assertIn("| image | SIGKILL | 12 | 1.0 | 0.50 | 1.00 |", text)


if __name__ == "__main__":
    unittest.main()
