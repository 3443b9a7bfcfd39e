"""The cell that is tortured: scripts/cell's verbs, a load on it, and what is asked of both."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

from answers import Answers

ROOT = pathlib.Path(__file__).resolve().parents[3]
SEATS = 60
# Seconds without any answer that are allowed while two backends and a load balancer are sound: a failover under load.
SILENT_AT_MOST = 5
CHECKPOINT_WITHIN = 90  # seconds; some thousand entries, and the other two backends have their turn
BACKENDS = ("b1", "b2", "b3")
LBS = ("lb1", "lb2")


class Trouble(Exception):
    """The cell did not do what is asked of it."""


class Cell:
    def __init__(self, scratch, args):
        self.scratch = pathlib.Path(scratch)
        self.args = args
        self.record = self.scratch / "load.record"
        self.load = None
        self.watch = None

    def verb(self, *words, check=True, timeout=60):
        done = subprocess.run([ROOT / "scripts/cell", words[0], "--dir", self.scratch / "cell", *words[1:]],
                              capture_output=True, text=True, timeout=timeout, check=False)
        if check and done.returncode != 0:
            raise Trouble(f"cell {' '.join(map(str, words))}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def up(self):
        engine = ["--engine", self.args.engine] if self.args.engine else []
        every = [word for lb in LBS for word in ("--set", f"{lb}:cell.checkpoint_every={self.args.checkpoint_every}")]
        self.verb("up", *engine, *every, "--durability", self.args.durability, "--owner", str(os.getpid()), timeout=900)
        self.verb("license", "--firm", "10", "--product", "7", "--quantity", str(SEATS))
        self.wait_whole(30)
        # exec, so that the child is the load itself and can be told to stop.
        self.load = subprocess.Popen(
            [ROOT / "scripts/cell", "exec", "--dir", self.scratch / "cell", "client", "--", "tercet", "bench", "--json",
             "--record", self.record, "--firm", "10", "--product", "7", "--rate", str(self.args.rate),
             "--seconds", "86400", "--lease", "2m", "--timeout", "5s", "--clients", "8"],
            stdout=open(self.scratch / "load.json", "w"), stderr=open(self.scratch / "load.err", "w"))
        self.watch = Answers(self.record)
        self.watch.start()

    def status(self):
        """The active load balancer's document; {} while there is none."""
        text = self.verb("exec", "client", "--", "tercet", "status", "--json", "--timeout", "1s", check=False)
        try:
            return json.loads(text)
        except ValueError:
            return {}

    def whole(self):
        status = self.status()
        states = [b["state"] for b in status.get("backends", [])]
        roles = sorted(lb["role"] for lb in status.get("lbs", []))
        return status.get("serving") is True and states == ["voting"] * 3 and roles == ["active", "standby"]

    def wait_whole(self, seconds):
        """Until all vote and both load balancers live; how long that took."""
        begun = time.monotonic()
        while not self.whole():
            if time.monotonic() - begun > seconds:
                states = {b["name"]: b["state"] for b in self.status().get("backends", [])}
                raise Trouble(f"not whole {seconds} s after the fault: {states or 'nobody serves'}")
            time.sleep(0.2)
        return time.monotonic() - begun

    def newest_image(self, host):
        """The checkpoint that its next start would read; waits for its first one."""
        folder = self.scratch / "cell" / host / "store"
        until = time.monotonic() + CHECKPOINT_WITHIN
        while not (images := sorted(folder.glob("image-*.timg"))):
            if time.monotonic() > until:
                raise Trouble(f"{host} wrote no checkpoint within {CHECKPOINT_WITHIN} s")
            time.sleep(0.2)
        return images[-1]

    def kill_at_once(self, hosts):
        """kill -9 of all of them within a millisecond."""
        files = [self.scratch / "cell" / host / "pid" for host in hosts]
        pids = [int(file.read_text()) for file in files]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        until = time.monotonic() + 10
        while any(file.exists() for file in files):
            if time.monotonic() > until:
                raise Trouble("a server lives on after kill -9")
            time.sleep(0.02)

    def judge(self, excused):
        if self.load.poll() is not None:
            raise Trouble(f"the load ended by itself: {(self.scratch / 'load.err').read_text().strip()}")
        silent = self.watch.take()
        self.load.terminate()
        self.load.wait(60)
        report = json.loads((self.scratch / "load.json").read_text())
        if silent > SILENT_AT_MOST:
            raise Trouble(f"no answer for {silent:.1f} s after the last fault")
        print(f"torture: {report['requests']} requests, errors {report['errors']}, p50 {report['latency_us']['p50']:.0f} us, "
              f"p99 {report['latency_us']['p99']:.0f} us, longest silence {report['longest_silence_ms']:.0f} ms", flush=True)
        time.sleep(0.2)  # the end of the record is read
        self.watch.stop()
        if lost := self.watch.never_answered(excused):
            raise Trouble(f"{lost} requests were not answered though two backends were sound")
        done = subprocess.run([sys.executable, "-I", "-B", ROOT / "tests/net/check_record.py", "--quantity", str(SEATS), self.record],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Trouble(f"the record: {done.stdout.strip()[-2000:]}{done.stderr.strip()}")
        until = time.monotonic() + 10
        while True:
            digests = [b["digest"] for b in self.status().get("backends", [])]
            if len(digests) == 3 and None not in digests and len(set(digests)) == 1:
                return
            if time.monotonic() > until:
                raise Trouble(f"the books are not equal: {digests}")
            time.sleep(0.2)

    def show_logs(self):
        for host in LBS + BACKENDS:
            lines = self.verb("logs", host, check=False).splitlines()[-12:]
            print(f"---- {host}", *lines, sep="\n", file=sys.stderr)

    def down(self):
        if self.watch:
            self.watch.stop()
        if self.load and self.load.poll() is None:
            self.load.terminate()
            self.load.wait(60)
        self.verb("down", check=False)
