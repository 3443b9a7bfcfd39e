"""A cell of which servers die and come back, and loads on it that end on a word."""

import calendar
import os
import re
import signal
import time
import types

from cell_bench import FIRM, PRODUCT, Cell
from measure import Meter, Started, load_average, process_cpu

LBS = ("lb1", "lb2")
PROBE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "admin_probe.py")
ADMIN_PORTS = {"lb1": 8220, "lb2": 8220, "b1": 8221, "b2": 8221, "b3": 8221}
WITHIN = 300  # seconds, for whatever is waited for
_LOG_LINE = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{3})Z \S+ +\S+ +(.*)$")


def wait_for(what, ready, within=WITHIN, every=0.05):
    """What ready() gives as soon as it is true."""
    end = time.monotonic() + within
    while True:
        found = ready()
        if found:
            return found
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not within {within} s")
        time.sleep(every)


def log_lines(path, after):
    """(UNIX time, text) of what a server said behind byte `after` of its log."""
    found = []
    with open(path, encoding="utf-8", errors="replace") as file:
        file.seek(after)
        for line in file:
            match = _LOG_LINE.match(line)
            if match:
                second = calendar.timegm(time.strptime(match.group(1), "%Y-%m-%dT%H:%M:%S"))
                found.append((second + int(match.group(2)) / 1000, match.group(3)))
    return found


def started_at(pid):
    """UNIX time, in the 10 ms steps of /proc."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        ticks = int(file.read().rsplit(")", 1)[1].split()[19])
    return time.time() - (time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK"))


class AwayCell(Cell):
    def __init__(self, options, engine, durability, checkpoint_every):
        self._probes = {}
        self.active = LBS[0]
        settings = [*options.settings, *(f"{lb}:cell.checkpoint_every={checkpoint_every}" for lb in LBS)]
        super().__init__(types.SimpleNamespace(**{**vars(options), "settings": settings}), engine, durability, 0)
        self.every = checkpoint_every

    def down(self):
        for probe in self._probes.values():
            probe.kill()
        super().down()

    # ---- what its servers say

    def page(self, host, page):
        if host not in self._probes:
            self._probes[host] = Started(["/usr/bin/python3", "-I", "-B", PROBE, str(ADMIN_PORTS[host])], self.at(host))
            self._probes[host].go()
        return self._probes[host].ask(page, 20)

    def metric(self, host, name):
        """None while nobody answers."""
        return self.page(host, "/metrics").get(name)

    def seq(self, host):
        seq = self.metric(host, "tercet_backend_last_seq")
        if seq is None:
            raise RuntimeError(f"{host} does not answer")
        return int(seq)

    def store(self, host):
        return os.path.join(self.folder, host, "store")

    def file_of(self, host):
        return os.path.join(self.folder, host, "log")

    def who_is_active(self):
        """The one that lists backends; it may be another one by now."""
        wait_for("a load balancer is active", self.states)
        return self.active

    def states(self):
        """Of the backends, as the active load balancer sees them; which one that is, is noted."""
        for lb in (self.active, *LBS):
            backends = self.page(lb, "/v1/status").get("backends")
            if backends:
                self.active = lb
                return {backend["name"]: backend["state"] for backend in backends}
        return {}

    def votes(self, host, seq):
        return self.states().get(host) == "voting" and (self.metric(host, "tercet_backend_last_seq") or 0) >= seq

    # ---- who comes and goes

    def kill(self, host, name="KILL"):
        self.verb("kill", host, name)
        del self.pids[host]

    def start(self, host):
        """(UNIX time of its start, where its log ended before)."""
        log_from = os.path.getsize(self.file_of(host))
        self.verb("start", host)
        self.pids[host] = self.pid_of(host)
        return started_at(self.pids[host]), log_from

    def restart_backend(self, host, name="TERM"):
        """Returns what its start took: until it had read its store, and until it voted again."""
        others = [other for other in ("b1", "b2", "b3") if other in self.pids and other != host]
        seq = max(self.seq(other) for other in others)
        self.kill(host, name)
        started, log_from = self.start(host)
        wait_for(f"{host} votes again", lambda: self.votes(host, seq), every=0.02)
        votes = time.time()
        read, records = self.read_at(host, log_from)
        return {"read_s": read - started, "votes_s": votes - started, "records": records}

    def read_at(self, host, log_from):
        """(when it said that it had read its store, how many records)."""
        for at, text in log_lines(self.file_of(host), log_from):
            match = re.search(r"(\d+) records recovered", text)
            if match:
                return at, int(match.group(1))
        raise RuntimeError(f"{host} does not say that it has read its store")

    def checkpoint_every(self, entries):
        """From now on; both load balancers start anew, the active one last."""
        standby = "lb2" if self.active == "lb1" else "lb1"
        for lb in (standby, self.active):
            path = os.path.join(self.folder, lb, f"{lb}.toml")
            with open(path, encoding="utf-8") as file:
                text = file.read()
            line = f"checkpoint_every = {self.every}"
            if line not in text:
                raise RuntimeError(f"{path} has no line {line!r}")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text.replace(line, f"checkpoint_every = {entries}"))
            self.kill(lb, "TERM")
            self.start(lb)
            self.active = self.who_is_active()
            backends = {host for host in self.pids if host.startswith("b")}
            wait_for("the backends vote", lambda backends=backends: backends <= {
                host for host, state in self.states().items() if state == "voting"})
        self.every = entries


class Load:
    """`tercet bench` on a cell until it is stopped, or for so many seconds."""

    def __init__(self, cell, programs, *, clients=64, each=16, rate=None, mix=None, product=PRODUCT, lease=None, seconds=3600.0):
        argv = [f"{programs}/tercet", "bench", "--firm", str(FIRM), "--product", str(product), "--clients", str(clients),
                "--outstanding", str(each), "--seconds", f"{int(seconds * 1000)}ms", "--json"]
        for name, value in (("--rate", rate and f"{rate:.0f}"), ("--mix", mix), ("--lease", lease)):
            argv += [name, value] if value else []
        self._cell = cell
        self._client = Started(argv, cell.at("client"))
        self._meter = Meter(dict(cell.pids))
        self._active = cell.active

    def __enter__(self):
        self._meter.start()
        self._client.go()
        return self

    def __exit__(self, *_):
        self._client.kill()

    def stop(self):
        """Its seats are given back."""
        return self._row(self._client.end(signal.SIGTERM))

    def wait(self):
        return self._row(self._client.result())

    def _row(self, done):
        metered = self._meter.stop()
        # Who came meanwhile has done all that it did in this time.
        for host, pid in self._cell.pids.items():
            if host not in metered["processes"]:
                total, user, system = process_cpu(pid)
                metered["processes"][host] = {"total": total, "user": user, "system": system}
        refusals = done.get("refusals", {})
        now_active = self._cell.who_is_active()
        moved = now_active != self._active or refusals.get("NOT_ACTIVE", 0) > 0
        self._cell.active = now_active
        return {"requests": done["answered"], "rate": done["rate"], "latency_us": done["latency_us"],
                "errors": done["errors"], "denied": done["denied"], "refusals": refusals,
                "retransmissions": done["retransmissions"], "longest_silence_ms": done["longest_silence_ms"],
                "client_us": done["own_cpu_us"], "load_average": load_average(), "moved": moved, **metered}


def loaded(cell, programs, **what):
    with Load(cell, programs, **what) as load:
        return load.wait()
