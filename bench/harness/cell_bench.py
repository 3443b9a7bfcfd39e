"""bench cell: a whole cell under load, beside a bare echo on the same bridge in the same rounds."""

import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time

from floor_bench import echo_once, sockets_for
from measure import Meter, NotHere, Started, extent, load_average

SERVERS = ("lb1", "lb2", "b1", "b2", "b3")
ECHO_HOST, ECHO_ADDRESS = "peer", "198.18.0.22"
FIRM, PRODUCT = 10, 2001
MIXES = {"checkout": "1:0:0:1", "renew": "0:1:0:0", "read": "0:0:1:0"}
WHAT = tuple(MIXES)


class NoNamespaces(NotHere):
    pass


class Cell:
    def __init__(self, options, engine, durability, threads):
        self._script = os.path.join(options.root, "scripts", "cell")
        self._parent = tempfile.mkdtemp(prefix="tercet-bench.", dir=options.scratch)
        self.folder = os.path.join(self._parent, "cell")
        self._environment = dict(os.environ, TERCET_BIN=options.programs)
        try:
            settings = [*options.settings]
            if threads:
                settings += [f"{host}:port.steering_threads={threads}" for host in ("lb1", "lb2")]
            self.verb("up", "--owner", str(os.getpid()), "--engine", engine, "--durability", durability,
                      *(word for setting in settings for word in ("--set", setting)))
            self.license(PRODUCT, 100_000, "60s")
            self.pids = {host: self.pid_of(host) for host in SERVERS}
            self.active = self.who_is_active()
        except BaseException:
            self.down()
            raise

    def verb(self, verb, *arguments):
        done = subprocess.run([self._script, verb, "--dir", self.folder, *arguments], text=True, capture_output=True,
                              check=False, env=self._environment, stdin=subprocess.DEVNULL)
        if done.returncode == 2 and "needs network namespaces" in done.stderr:
            raise NoNamespaces(done.stderr.strip())
        if done.returncode != 0:
            raise RuntimeError(f"scripts/cell {verb}: exit {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def license(self, product, quantity, lease):
        self.verb("license", "--firm", str(FIRM), "--product", str(product), "--quantity", str(quantity), "--lease", lease)

    def pid_of(self, host):
        with open(os.path.join(self.folder, host, "pid"), encoding="ascii") as file:
            return int(file.read())

    def who_is_active(self):
        for _ in range(20):
            try:
                active = json.loads(self.verb("status", "--json")).get("active")
            except RuntimeError as error:
                said = error
            else:
                if active:
                    return active
                said = "status names no active load balancer"
            time.sleep(0.25)  # between two epochs
        raise RuntimeError(f"the cell does not serve any more: {said}")

    def at(self, host):
        """What becomes a command on that host."""
        return [self._script, "exec", "--dir", self.folder, host, "--"]

    def down(self):
        subprocess.run([self._script, "down", "--dir", self.folder], check=False, env=self._environment,
                       stdin=subprocess.DEVNULL)
        shutil.rmtree(self._parent, ignore_errors=True)


def load_once(cell, programs, what, outstanding, seconds):
    clients = sockets_for(outstanding)
    client = Started([f"{programs}/tercet", "bench", "--firm", str(FIRM), "--product", str(PRODUCT), "--seconds",
                      f"{int(seconds * 1000)}ms", "--clients", str(clients), "--outstanding",
                      str(outstanding // clients), "--mix", MIXES[what], "--json"], cell.at("client"))
    try:
        meter = Meter(cell.pids)
        meter.start()
        client.go()
        done = client.result()
        metered = meter.stop()
    finally:
        client.kill()
    return {"what": what, "outstanding": outstanding, "sockets": clients, "active": cell.active,
            "requests": done["answered"], "rate": done["rate"], "latency_us": done["latency_us"],
            "errors": done["errors"], "denied": done["denied"], "refusals": done.get("refusals", {}),
            "retransmissions": done["retransmissions"],
            "operations": done.get("operations", {}), "client_us": done["own_cpu_us"], "load_average": load_average(),
            **metered}


def watched(cell, programs, what, outstanding, seconds):
    """load_once(), and whether a load balancer took over or refused meanwhile."""
    row = load_once(cell, programs, what, outstanding, seconds)
    now_active = cell.who_is_active()
    refused = row["refusals"].get("NOT_ACTIVE", 0) + row["refusals"].get("UNAVAILABLE", 0)
    row["moved"] = now_active != cell.active or refused > 0
    cell.active = now_active
    return row


def engine_name(engine, threads):
    return engine + (f"-{threads}+1" if threads else "")


def one_cell(options, engine, durability, threads, number, levels, seconds, write):
    cell = Cell(options, engine, durability, threads)
    try:
        for place, outstanding in enumerate(levels):
            order = ["echo", *options.what]
            turn = (number + place) % len(order)
            for what in order[turn:] + order[:turn]:
                if what == "echo":
                    row = echo_once(options.programs, engine, outstanding, seconds, options.bytes, ECHO_ADDRESS,
                                    cell.at(ECHO_HOST), cell.at("client"), cell.pids)
                else:
                    row = watched(cell, options.programs, what, outstanding, seconds)
                write({"bench": "cell", "round": number, "path": "veth", "durability": durability, **row,
                       "engine": engine_name(engine, threads)})
    finally:
        cell.down()


def settings_of(options):
    """(engine, durability, steering threads) of each cell: each with each; if quick, each is in one at least."""
    choices = (options.engines, options.durabilities, options.threads)
    if options.quick:
        return [tuple(some[place % len(some)] for some in choices) for place in range(max(map(len, choices)))]
    return list(itertools.product(*choices))


def run(options, write):
    rounds, seconds, levels = extent(options)
    settings = settings_of(options)
    for number in range(1, rounds + 1):
        for shift in range(len(settings)):
            engine, durability, threads = settings[(number + shift) % len(settings)]
            one_cell(options, engine, durability, threads, number, levels, seconds, write)
            options.say(f"cell: round {number} of {rounds}: {engine}, {durability}, steering threads {threads} done")
