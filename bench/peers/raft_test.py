"""That what bench raft measures is what it says: three libraft servers that commit to three disks. Run by ctest (label
bench); skipped where libraft was not there when CMake ran."""

import os
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "harness")]
import raft_bench  # noqa: E402

PROGRAMS = os.environ.get("TERCET_BIN", "")
MARKER = b"tercet48"  # each entry begins with it (raft_load.cc)


def entries_on_disk(folder):
    """How many entries lie in a server's files, by all that it wrote."""
    found = 0
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as file:
            found += file.read().count(MARKER)
    return found


class Raft(unittest.TestCase):
    def setUp(self):
        self.cluster = raft_bench.Cluster(PROGRAMS, tempfile.gettempdir())
        self.addCleanup(self.cluster.down)

    def followers(self):
        return [number for number in self.cluster.nodes if number != self.cluster.leader]

    def test_what_is_committed_lies_on_the_disks(self):
        commits = 0
        for how in ("each", "together"):
            done = self.cluster.load(16, 0.2, how)
            self.assertNotIn("failed", done)
            self.assertGreater(done["commits"], 16)
            self.assertEqual(done["latency_us"]["samples"], done["commits"])
            commits += done["commits"]
        on_disk = sorted(entries_on_disk(folder) for folder in self.cluster.folders.values())
        self.assertGreaterEqual(on_disk[1], commits, "two of three have it")
        done = self.cluster.load(1, 0.2, "each")
        self.assertGreater(done["commits"], 0)
        # One at a time: only what was decided, and one, lies in the leader's files.
        self.assertLessEqual(entries_on_disk(self.cluster.folders[self.cluster.leader]),
                             commits + 2 * 16 + done["commits"] + 1)

    def test_one_follower_less_commits_and_two_less_do_not(self):
        first, second = self.followers()
        self.cluster.kill(first)
        done = self.cluster.load(4, 0.3, "each")
        self.assertNotIn("failed", done)
        self.assertGreater(done["commits"], 4)
        self.cluster.kill(second)
        self.assertEqual(self.cluster.load(4, 1.0, "each")["commits"], 0)

    def test_what_it_cannot_do_it_says(self):
        leader = self.cluster.nodes[self.cluster.leader]
        for line in ("load 0 1 each", "load 4097 1 each", "load 1 0 each", "load 1 nan each", "load 1 1 alone", "load 1 1 each 2",
                     "load -1 1 each", "stop"):
            self.assertIn("N from 1 to 4096", leader.ask(line, 5)["error"], line)
        follower = self.cluster.nodes[self.followers()[0]]
        refused = follower.ask("load 1 0.1 each", 5)
        self.assertEqual(refused["commits"], 0)
        self.assertIn("leader", refused["failed"])


if __name__ == "__main__":
    if not os.access(os.path.join(PROGRAMS, raft_bench.NODE), os.X_OK):
        print(f"SKIPPED: no {raft_bench.NODE}: libraft was not there when CMake ran (scripts/deps --peers)")
        sys.exit(77)
    unittest.main()
