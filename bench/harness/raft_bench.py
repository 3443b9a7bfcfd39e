"""bench raft: what a durable commit takes: our cell beside libraft and the disk's own synced writes, in turn."""

import os
import shutil
import socket
import tempfile
import time
import types

import cell_bench
from measure import Meter, NotHere, Started, attempt, extent, load_average

NODE, DISK = "tercet-bench-raft", "tercet-bench-disk"
LEVELS = (1, 512)
IN_MEMORY = ("tmpfs", "ramfs")
WRITES = (("dsync", 1), ("fdatasync", 1), ("dsync", 3))  # three: as many logs as a cell and a cluster have
WITHIN = 15  # seconds, for a leader; libraft's elections take one or two


def file_system(folder):
    """The type of the file system that the folder lies in."""
    folder, best, kind = os.path.realpath(folder), "", ""
    with open("/proc/self/mounts", encoding="utf-8") as file:
        for line in file:
            at, of = line.split()[1:3]
            at = at.replace("\\040", " ")
            # The last one counts: it may be mounted over another.
            if os.path.commonpath((folder, at)) == at and len(at) >= len(best):
                best, kind = at, of
    return kind


def on_a_disk(scratch):
    """Where logs are kept: what is asked for, or a temporary folder that is not in memory."""
    for folder in (scratch,) if scratch else (tempfile.gettempdir(), "/var/tmp"):
        if os.path.isdir(folder) and file_system(folder) not in IN_MEMORY:
            return folder
    raise NotHere(f"{scratch or 'the temporary folder'} is in memory, where a sync costs nothing: give --scratch a folder "
                  "on a disk")


def free_ports(number):
    sockets = [socket.socket() for _ in range(number)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


class Cluster:
    """Three libraft servers on 127.0.0.1, each with a folder of its own on the disk."""

    def __init__(self, programs, parent):
        self._parent = tempfile.mkdtemp(prefix="tercet-bench-raft.", dir=parent)
        self.nodes, self.folders = {}, {}
        try:
            servers = ",".join(f"127.0.0.1:{port}" for port in free_ports(3))
            for number in (1, 2, 3):
                self.folders[number] = os.path.join(self._parent, str(number))
                os.mkdir(self.folders[number])
                self.nodes[number] = Started([os.path.join(programs, NODE), "--id", str(number), "--servers", servers,
                                              "--dir", self.folders[number]])
            for node in self.nodes.values():
                node.go()
            self.leader = self.all_follow()
        except BaseException:
            self.down()
            raise

    def status(self, number):
        return self.nodes[number].ask("status", 5)

    def all_follow(self):
        """Waits until the servers agree on who leads."""
        end = time.monotonic() + WITHIN
        while time.monotonic() < end:
            said = [self.status(number) for number in self.nodes]
            leader = said[0]["leader"]
            if leader in self.nodes and all(one["leader"] == leader for one in said) and self.status(leader)["leads"]:
                return leader
            time.sleep(0.05)
        raise RuntimeError(f"libraft's servers have no leader after {WITHIN} s: {said}")

    def load(self, outstanding, seconds, how):
        return self.nodes[self.leader].ask(f"load {outstanding} {seconds} {how}", seconds + 10)

    def kill(self, number):
        self.nodes.pop(number).kill()

    def down(self):
        for number in tuple(self.nodes):
            self.kill(number)
        shutil.rmtree(self._parent, ignore_errors=True)


def raft_once(cluster, outstanding, seconds, how):
    followers = [number for number in cluster.nodes if number != cluster.leader]
    pids = {"leader": cluster.nodes[cluster.leader].pid}
    pids.update((f"follower{place}", cluster.nodes[number].pid) for place, number in enumerate(followers, 1))
    before = cluster.status(cluster.leader)
    meter = Meter(pids)
    meter.start()
    done = cluster.load(outstanding, seconds, how)
    metered = meter.stop()
    if "failed" in done or "error" in done or not done["commits"]:
        raise RuntimeError(f"libraft, {outstanding} outstanding: {done.get('failed') or done.get('error') or 'no commit'}")
    after = cluster.status(cluster.leader)
    return {"part": "libraft", "what": how, "outstanding": outstanding, "requests": done["commits"], "rate": done["rate"],
            "latency_us": done["latency_us"], "client_us": 0.0, "load_average": load_average(),
            "moved": before["term"] != after["term"], **metered}


def libraft(options, parent, levels, seconds):
    cluster = Cluster(options.programs, parent)
    try:
        cluster.load(64, 0.2, "each")  # its first segments are allocated, its connections are up
        return [raft_once(cluster, outstanding, seconds, how) for outstanding in levels
                for how in (("each", "together") if outstanding > 1 else ("each",))]
    finally:
        cluster.down()


def cell(options, parent, levels, seconds):
    options = types.SimpleNamespace(**{**vars(options), "scratch": parent})
    rows = []
    for engine in options.engines:
        one = cell_bench.Cell(options, engine, "fsync", 0)
        try:
            rows += [{"part": "cell", "engine": engine,
                      **cell_bench.watched(one, options.programs, "renew", outstanding, seconds)} for outstanding in levels]
        finally:
            one.down()
    return rows


def disk(options, parent, _levels, seconds):
    rows = []
    for sync, writers in WRITES:
        program = Started([os.path.join(options.programs, DISK), "--dir", parent, "--sync", sync, "--writers", str(writers),
                           "--seconds", str(seconds / 2)])
        try:
            meter = Meter({})
            meter.start()
            program.go()
            done = program.result()
            metered = meter.stop()
        finally:
            program.kill()
        rows.append({"part": "disk", "what": sync, "writers": writers, "outstanding": writers, "requests": done["writes"],
                     "rate": done["rate"], "latency_us": done["latency_us"], "client_us": done["own_cpu_us"],
                     "load_average": load_average(), "moved": False, **metered})
    return rows


PARTS = (disk, libraft, cell)


def run(options, write):
    if not os.access(os.path.join(options.programs, NODE), os.X_OK):
        raise NotHere(f"{options.programs} holds no {NODE}: libraft was not there when CMake ran: scripts/deps --peers, "
                      "then configure and build again")
    parent = on_a_disk(options.scratch)
    rounds, seconds, levels = extent(options)
    for number in range(1, rounds + 1):
        for shift in range(len(PARTS)):
            part = PARTS[(number + shift) % len(PARTS)]
            for row in attempt(options, f"{part.__name__}, round {number}",
                               lambda part=part: part(options, parent, levels, seconds)):
                write({"bench": "raft", "round": number, "file_system": file_system(parent), **row})
        options.say(f"raft: round {number} of {rounds} done")
