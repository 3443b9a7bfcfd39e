"""bench dpdk: what a voted query costs on DPDK: (a) the load balancer's core alone, memory to memory, beside testpmd on
the same kind of port; (b) the whole cell over veth by af_packet, beside the uring engine and echoes; (c) by threads."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import types

import cell_bench
from floor_bench import echo_once, sockets_for
from measure import CORES, Meter, Started, load_average

CORE = "tercet-lb-core"
BURSTS = (1, 4, 8, 16, 32)
# What of the load balancer is in a cache when a burst comes: arguments of the core's program.
CACHES = {
    "warm": ("--clients", "1024", "--key-cache", "4096"),
    "cold": ("--clients", "100000", "--key-cache", "262144", "--evict-mb", "64"),
    "all cold": ("--clients", "100000", "--key-cache", "262144", "--evict-mb", "64", "--evict-code"),
}
PROVIDERS = ("ipsec-mb", "libsodium")
EAL = ("--no-huge", "-m", "128", "--no-pci", "--no-shconf", "--no-telemetry")
SKIPPED = 77


def testpmd():
    return shutil.which("dpdk-testpmd")


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
    words = ["--vdev=net_ring0", f"--file-prefix=tercet-pmd-{os.getpid()}", "--lcores", f"0@0,1@(0-{CORES - 1})"]
    program = subprocess.Popen([testpmd(), *EAL, *words, "--", "-i", "--nb-cores=1", "--forward-mode=5tswap",
                                f"--burst={burst}", f"--txpkts={frame}", "--total-num-mbufs=4096"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for command, pause in (("start tx_first 1", 0.3), ("show port stats all", seconds), ("show port stats all", 0),
                               ("quit", 0)):
            program.stdin.write(command + "\n")
            program.stdin.flush()
            time.sleep(pause)
        output, _ = program.communicate(timeout=20)
    finally:
        if program.poll() is None:
            program.kill()
            program.wait()
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
    if testpmd() is None:
        options.say("dpdk-testpmd is not here (package dpdk): nothing to compare with")
        return
    for burst in (32,) if quick else BURSTS:
        write({"bench": "dpdk", "part": "testpmd", "round": number, **ring_once(burst, frame, 0.3 if quick else 0.8)})


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
    for provider in PROVIDERS:
        for burst in (1, 32):
            few, many = 16, 80
            short, long = (instructions_of(options, provider, burst, rounds) for rounds in (few, many))
            write({"bench": "dpdk", "part": "instructions", "round": 1, "provider": provider, "burst": burst,
                   "load_average": load_average(),
                   "each": {step: (long[step] - short[step]) / ((many - few) * burst) for step in short}})


# ---- (b), (c) cells over veth

class TestpmdEcho:
    """testpmd in the place of the kernel on the host `peer`: 5tswap by af_packet sends each datagram back."""

    def __init__(self, cell):
        self._cell, self.process = cell, None
        link = json.loads(subprocess.run([*cell.at(cell_bench.ECHO_HOST), "ip", "-j", "link", "show", "eth0"], text=True,
                                         capture_output=True, check=True).stdout)
        self._mac = link[0]["address"]

    def _on(self, host, *words):
        done = subprocess.run([*self._cell.at(host), *words], text=True, capture_output=True, check=False,
                              stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip()}")

    def _finish_checksums(self, yes):
        """As `ethtool -K eth0 tx off|on` (SIOCETHTOOL, ETHTOOL_STXCSUM), which need not be here."""
        self._on("client", sys.executable, "-I", "-c", "import array, fcntl, socket, struct\n"
                 f"value = array.array('B', struct.pack('=II', 0x17, {int(not yes)}))\n"
                 "with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:\n"
                 "    fcntl.ioctl(s, 0x8946, struct.pack('16sP', b'eth0', value.buffer_info()[0]))")

    def __enter__(self):
        address = cell_bench.ECHO_ADDRESS
        # The kernel of `peer` must neither answer nor refuse; the client's must finish its checksums itself.
        self._on(cell_bench.ECHO_HOST, "ip", "address", "del", f"{address}/24", "dev", "eth0")
        self._on("client", "ip", "neighbour", "replace", address, "lladdr", self._mac, "dev", "eth0")
        self._finish_checksums(True)
        self.process = subprocess.Popen(
            [*self._cell.at(cell_bench.ECHO_HOST), testpmd(), *EAL, "--vdev=net_af_packet0,iface=eth0",
             f"--file-prefix=tercet-echo-{os.getpid()}", "--lcores", f"0@0,1@(0-{CORES - 1})", "--", "--nb-cores=1",
             "--forward-mode=5tswap", "--auto-start", "--total-num-mbufs=4096"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(1.0)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._finish_checksums(False)
        self._on("client", "ip", "neighbour", "del", cell_bench.ECHO_ADDRESS, "dev", "eth0")
        self._on(cell_bench.ECHO_HOST, "ip", "address", "add", f"{cell_bench.ECHO_ADDRESS}/24", "dev", "eth0")

    def once(self, options, outstanding, seconds):
        client = Started([f"{options.programs}/tercet-floor-load", "--to", f"{cell_bench.ECHO_ADDRESS}:9", "--sockets",
                          str(sockets_for(outstanding)), "--outstanding", str(outstanding), "--bytes", str(options.bytes),
                          "--seconds", str(seconds)], self._cell.at("client"))
        try:
            meter = Meter({"echo": self.process.pid, **self._cell.pids})
            meter.start()
            client.go()
            load = client.result()
            metered = meter.stop()
        finally:
            client.kill()
        return {"what": "testpmd echo", "outstanding": outstanding, "sockets": load["sockets"],
                "requests": load["rate"] * metered["seconds_metered"], "rate": load["rate"], "latency_us": load["latency_us"],
                "lost": load["lost"], "client_us": load["own_cpu_us"], "load_average": load_average(), **metered}


AF_XDP = tuple(f'{lb}:port.eal="--no-huge -m 64 --no-pci --no-shconf --vdev=net_af_xdp0,iface=eth0"' for lb in ("lb1", "lb2"))
# (name, engine, steering threads of the load balancers, more settings, echoes beside it); 0 threads: one that does all.
CELLS = (("uring", "uring", 0, (), True),
         ("dpdk", "dpdk", 0, (), True),
         ("dpdk, 1+1 threads", "dpdk", 1, (), False),
         ("dpdk, load balancers by af_xdp", "dpdk", 0, AF_XDP, False),
         *((f"dpdk, {CORES // 4}+1 threads", "dpdk", CORES // 4, (), False) for _ in range(CORES >= 8)))


def cells(options, number, write):
    seconds = 0.3 if options.quick else 1.0
    for shift in range(len(CELLS)):
        name, engine, threads, settings, echoes = CELLS[(number + shift) % len(CELLS)]
        with_settings = types.SimpleNamespace(**{**vars(options), "settings": [*options.settings, *settings]})
        try:
            cell = cell_bench.Cell(with_settings, engine, "memory", threads)
        except RuntimeError as error:
            if settings != AF_XDP:
                raise
            options.say(f"no cell by af_xdp (it needs root, and a kernel that allows it): {str(error).splitlines()[-1]}")
            continue

        def keep(row, name=name):
            write({"bench": "dpdk", "part": "cell", "round": number, "setting": name, "engine": engine, **row})
        try:
            for outstanding in (1, 64) if options.quick else (1, 8, 64):
                keep(cell_bench.load_once(cell, options.programs, "renew", outstanding, seconds))
                cell.active = cell.who_is_active()
                if echoes and engine == "uring":
                    keep(echo_once(options.programs, "uring", outstanding, seconds, options.bytes, cell_bench.ECHO_ADDRESS,
                                   cell.at(cell_bench.ECHO_HOST), cell.at("client"), cell.pids))
            if echoes and engine == "dpdk" and testpmd() is not None:
                with TestpmdEcho(cell) as echo:
                    for outstanding in (1, 64) if options.quick else (1, 8, 64):
                        keep(echo.once(options, outstanding, seconds))
        finally:
            cell.down()


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
