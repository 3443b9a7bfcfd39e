"""bench dpdk: what a voted query costs on DPDK: (a) the load balancer's core alone, memory to memory, beside testpmd on
the same kind of port; (b) the whole cell over veth by af_packet, beside the uring engine and echoes; (c) by threads."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import types

import cell_bench
import testpmd
from floor_bench import echo_once
from measure import CORES, attempt, load_average

CORE = "tercet-lb-core"
BURSTS = (1, 4, 8, 16, 32)
# What of the load balancer is in a cache when a burst comes: arguments of the core's program.
CACHES = {
    "warm": ("--clients", "1024", "--key-cache", "4096"),
    "cold": ("--clients", "100000", "--key-cache", "262144", "--evict-mb", "64"),
    "all cold": ("--clients", "100000", "--key-cache", "262144", "--evict-mb", "64", "--evict-code"),
}
PROVIDERS = ("ipsec-mb", "libsodium")
SKIPPED = 77


# ---- (a) the core alone

def core_once(options, provider, cache, bursts, rounds, more=()):
    done = subprocess.run([os.path.join(options.programs, CORE), "--provider", provider, *CACHES[cache], "--bursts",
                           ",".join(map(str, bursts)), "--rounds", str(rounds), *more], text=True, capture_output=True,
                          check=False, stdin=subprocess.DEVNULL)
    if done.returncode == SKIPPED:
        options.say(done.stderr.strip())
        return []
    if done.returncode != 0:
        raise RuntimeError(f"{CORE}: exit {done.returncode}: {done.stderr.strip()}")
    return [{"cache": cache, **json.loads(line), "load_average": load_average()} for line in done.stdout.splitlines()]


def ring_once(burst, frame, seconds):
    """testpmd exchanges addresses and ports of packets (5tswap) that circulate in a ring: a port that is looped."""
    with testpmd.Testpmd(("--vdev=net_ring0", f"--file-prefix=tercet-pmd-{os.getpid()}"),
                         (f"--burst={burst}", f"--txpkts={frame}")) as program:
        program.say("start tx_first 1")
        time.sleep(0.3)
        program.say("show port stats all")  # what follows is the rate since then
        time.sleep(seconds)
        program.say("show port stats all")
        output = program.quit()
    rates = [int(text) for text in re.findall(r"Rx-pps:\s+(\d+)", output)]
    if len(rates) < 2 or rates[-1] == 0:
        raise RuntimeError(f"dpdk-testpmd forwarded nothing: {output[-500:].strip()}")
    return {"burst": burst, "frame": frame, "rate": rates[-1], "ns": 1e9 / rates[-1], "load_average": load_average()}


def core(options, number, write):
    quick = options.quick
    frame = 138
    turn = [(provider, cache) for cache in CACHES for provider in PROVIDERS if (provider, cache) != ("libsodium", "all cold")]
    for shift in range(len(turn)):
        provider, cache = turn[(number + shift) % len(turn)]
        bursts = (1, 32) if quick else BURSTS
        rounds = (20 if cache != "warm" else 50) if quick else (60 if cache != "warm" else 1_000)
        steps = () if cache == "all cold" else ("--steps", ",".join(map(str, bursts[-2:])))
        for row in core_once(options, provider, cache, bursts, rounds, steps):
            frame = row["query_frame"]
            write({"bench": "dpdk", "part": "steps" if "steps" in row else "core", "round": number, **row})
        if cache == "warm":
            for row in core_once(options, provider, cache, bursts[-1:], rounds, ("--software-sums",)):
                write({"bench": "dpdk", "part": "software sums", "round": number, **row})
    if testpmd.program() is None:
        options.say("dpdk-testpmd is not here (package dpdk): nothing to compare with")
        return
    for burst in (32,) if quick else BURSTS:
        for row in attempt(options, f"testpmd 5tswap, bursts of {burst}, round {number}",
                           lambda burst=burst: [ring_once(burst, frame, 0.3 if quick else 0.8)]):
            write({"bench": "dpdk", "part": "testpmd", "round": number, **row})


# By callgrind: (step, function whose instructions, with all that it calls, are the step's).
INSTRUCTIONS = (("all", "OneThread::poll("), ("receive, stack", "DpdkPort::receive("), ("open", "Opener::open("),
                ("order", "Order::take("), ("fan-out, timers", "Proposer::tick("), ("seal and send three", "Sender::to_servers("),
                ("tally", "Proposer::step("), ("write reply", "Order::deliver("), ("seal reply", "Sender::to_client("),
                ("send", "DpdkPort::send("))


def instructions_of(options, provider, burst, rounds):
    with tempfile.TemporaryDirectory(prefix="tercet-bench.") as folder:
        out = os.path.join(folder, "callgrind.out")
        subprocess.run(["valgrind", "--tool=callgrind", "--toggle-collect=tercet::dataplane::OneThread::poll*",
                        f"--callgrind-out-file={out}", os.path.join(options.programs, CORE), "--provider", provider,
                        "--clients", "1024", "--bursts", str(burst), "--rounds", str(rounds)], capture_output=True, check=True,
                       stdin=subprocess.DEVNULL)
        lines = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", out], capture_output=True, text=True,
                               check=True, stdin=subprocess.DEVNULL).stdout.splitlines()
    spent = dict.fromkeys((step for step, _ in INSTRUCTIONS), 0)
    for line in lines:
        found = re.match(r"\s*([\d,]+) \(", line)
        for step, function in INSTRUCTIONS:
            if found and f"::{function}" in line:
                spent[step] = max(spent[step], int(found[1].replace(",", "")))
    return spent


def instructions(options, write):
    """Of a warm renewal: the difference between a longer and a shorter run, so without start and warm-up."""
    if shutil.which("valgrind") is None:
        options.say("valgrind is not here: instructions are not counted")
        return
    few, many = 16, 80

    def once(provider, burst):
        short, long = (instructions_of(options, provider, burst, rounds) for rounds in (few, many))
        return [{"provider": provider, "burst": burst, "load_average": load_average(),
                 "each": {step: (long[step] - short[step]) / ((many - few) * burst) for step in short}}]
    for provider in PROVIDERS:
        for burst in (1, 32):
            for row in attempt(options, f"instructions, {provider}, bursts of {burst}",
                               lambda provider=provider, burst=burst: once(provider, burst)):
                write({"bench": "dpdk", "part": "instructions", "round": 1, **row})


# ---- (b), (c) cells over veth

AF_XDP = tuple(f'{lb}:port.eal="--no-huge -m 64 --no-pci --no-shconf --vdev=net_af_xdp0,iface=eth0"' for lb in ("lb1", "lb2"))
# (name, engine, steering threads of the load balancers, more settings, echoes beside it); 0 threads: one that does all.
CELLS = (("uring", "uring", 0, (), True),
         ("dpdk", "dpdk", 0, (), True),
         ("dpdk, 1+1 threads", "dpdk", 1, (), False),
         ("dpdk, load balancers by af_xdp", "dpdk", 0, AF_XDP, False),
         *((f"dpdk, {CORES // 4}+1 threads", "dpdk", CORES // 4, (), False) for _ in range(CORES >= 8)))


def testpmd_echoes(options, cell, levels, seconds):
    with testpmd.Echo(cell) as echo:
        return [echo.once(options, outstanding, seconds) for outstanding in levels]


def one_cell(options, number, setting):
    name, engine, threads, settings, echoes = setting
    levels, seconds = ((1, 64), 0.3) if options.quick else ((1, 8, 64), 1.0)
    with_settings = types.SimpleNamespace(**{**vars(options), "settings": [*options.settings, *settings]})
    try:
        cell = cell_bench.Cell(with_settings, engine, "memory", threads)
    except RuntimeError as error:
        if settings != AF_XDP:
            raise
        options.say(f"no cell by af_xdp (it needs root, and a kernel that allows it): {str(error).splitlines()[-1]}")
        return []
    rows = []
    try:
        for outstanding in levels:
            rows.append(cell_bench.load_once(cell, options.programs, "renew", outstanding, seconds))
            cell.active = cell.who_is_active()
            if echoes and engine == "uring":
                rows.append(echo_once(options.programs, "uring", outstanding, seconds, options.bytes, cell_bench.ECHO_ADDRESS,
                                      cell.at(cell_bench.ECHO_HOST), cell.at("client"), cell.pids))
        if echoes and engine == "dpdk" and testpmd.program() is not None:
            rows += attempt(options, f"testpmd echo, round {number}",
                            lambda: testpmd_echoes(options, cell, levels, seconds))
    finally:
        cell.down()
    return [{"setting": name, "engine": engine, **row} for row in rows]


def cells(options, number, write):
    for shift in range(len(CELLS)):
        setting = CELLS[(number + shift) % len(CELLS)]
        for row in attempt(options, f"cell: {setting[0]}, round {number}",
                           lambda setting=setting: one_cell(options, number, setting)):
            write({"bench": "dpdk", "part": "cell", "round": number, **row})


def run(options, write):
    rounds = 1 if options.quick else options.rounds
    for number in range(1, rounds + 1):
        core(options, number, write)
        if number == 1 and not options.quick:
            instructions(options, write)
        options.say(f"dpdk: the core, round {number} of {rounds} done")
        try:
            cells(options, number, write)
        except cell_bench.NoNamespaces as error:
            options.say(f"no cells: {error}")
        else:
            options.say(f"dpdk: cells, round {number} of {rounds} done")
