"""dpdk-testpmd, which figures on DPDK are held against: told what to do at its prompt, each word once the one before
is done, however busy the machine is."""

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

import cell_bench
from floor_bench import sockets_for
from measure import CORES, Meter, Started, load_average

EAL = ("--no-huge", "-m", "128", "--no-pci", "--no-shconf", "--no-telemetry")
PROMPT = b"testpmd> "
WITHIN = 30  # seconds: EAL starts in a fraction of one


def program():
    return shutil.which("dpdk-testpmd")


class Testpmd:
    """`eal`, `words`: more of its arguments, before and after the "--". `at`: what enters its host, and becomes it."""

    def __init__(self, eal, words, at=()):
        # EAL makes a folder of its own there, and leaves it behind.
        self._folder = tempfile.mkdtemp(prefix="tercet-bench.")
        self._said = b""
        try:
            self._process = subprocess.Popen(
                [*at, "/usr/bin/env", f"RUNTIME_DIRECTORY={self._folder}", program(), *EAL, *eal, "--lcores",
                 f"0@0,1@(0-{CORES - 1})", "--", "-i", "--nb-cores=1", "--forward-mode=5tswap", "--total-num-mbufs=4096",
                 *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        except BaseException:
            shutil.rmtree(self._folder)
            raise
        self.pid = self._process.pid

    def __enter__(self):
        try:
            self._wait("to start")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()
        shutil.rmtree(self._folder, ignore_errors=True)

    def say(self, command):
        """Returns when it is done, which is when the prompt is back."""
        self._write(command)
        self._wait(command)

    def quit(self):
        """All that it has printed: with a pipe before it, it keeps most of that until its end."""
        self._write("quit")
        while self._read(time.monotonic() + WITHIN, "quit"):
            pass
        return self._said.decode(errors="replace")

    def _write(self, command):
        self._process.stdin.write(command.encode() + b"\n")
        self._process.stdin.flush()

    def _wait(self, command):
        until, prompts = time.monotonic() + WITHIN, self._said.count(PROMPT)
        while self._said.count(PROMPT) == prompts:
            if not self._read(until, command):
                raise RuntimeError(f"dpdk-testpmd ended, told {command}: {self._last()}")

    def _read(self, until, command):
        """Something more of its output. False: that was all."""
        output = self._process.stdout
        if not select.select([output], [], [], max(0, until - time.monotonic()))[0]:
            raise RuntimeError(f"dpdk-testpmd, told {command}, does not answer: {self._last()}")
        piece = os.read(output.fileno(), 65536)
        self._said += piece
        return bool(piece)

    def _last(self):
        return self._said[-500:].decode(errors="replace").strip()


class Echo:
    """testpmd in the place of the kernel on the host `peer`: 5tswap by af_packet sends each datagram back."""

    def __init__(self, cell):
        self._cell, self._testpmd = cell, None
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
        try:
            self._testpmd = Testpmd(("--vdev=net_af_packet0,iface=eth0", f"--file-prefix=tercet-echo-{os.getpid()}"), (),
                                    self._cell.at(cell_bench.ECHO_HOST)).__enter__()
            self._testpmd.say("start")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._testpmd is not None:
            self._testpmd.__exit__()
        self._finish_checksums(False)
        self._on("client", "ip", "neighbour", "del", cell_bench.ECHO_ADDRESS, "dev", "eth0")
        self._on(cell_bench.ECHO_HOST, "ip", "address", "add", f"{cell_bench.ECHO_ADDRESS}/24", "dev", "eth0")

    def once(self, options, outstanding, seconds):
        client = Started([f"{options.programs}/tercet-floor-load", "--to", f"{cell_bench.ECHO_ADDRESS}:9", "--sockets",
                          str(sockets_for(outstanding)), "--outstanding", str(outstanding), "--bytes", str(options.bytes),
                          "--seconds", str(seconds)], self._cell.at("client"))
        try:
            meter = Meter({"echo": self._testpmd.pid, **self._cell.pids})
            meter.start()
            client.go()
            load = client.result()
            metered = meter.stop()
        finally:
            client.kill()
        return {"what": "testpmd echo", "outstanding": outstanding, "sockets": load["sockets"],
                "requests": load["rate"] * metered["seconds_metered"], "rate": load["rate"], "latency_us": load["latency_us"],
                "lost": load["lost"], "client_us": load["own_cpu_us"], "load_average": load_average(), **metered}
