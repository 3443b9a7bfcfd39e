"""What a process and the machine have spent, and programs that start on a word.

CPU of a process: all its threads' run time by the scheduler (/proc/PID/task/*/schedstat, ns); user and system are that
sum in the proportion of /proc/PID/stat, whose own 10 ms steps are too coarse for short rounds. Where the kernel does
not account interrupts apart (CONFIG_IRQ_TIME_ACCOUNTING off), the UDP work that a send sets off on a veth path, up to the
receiver's socket, is the *sender's* system time.
CPU of the machine: /proc/stat, sampled by the kernel's tick; busy = user, nice, system, irq, softirq.
"""

import json
import os
import platform
import select
import subprocess
import time

_TICK_US = 1e6 / os.sysconf("SC_CLK_TCK")
CORES = os.cpu_count() or 1


def _stat_times(path):
    with open(path, encoding="ascii", errors="replace") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return int(fields[11]) * _TICK_US, int(fields[12]) * _TICK_US


def process_cpu(pid):
    """(total, user, system) in µs since its start; total is the exact one."""
    user, system = _stat_times(f"/proc/{pid}/stat")
    total = 0
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
    except OSError:
        total = 0
    # A thread that ended is in stat alone.
    return max(total / 1e3, user + system - 2 * _TICK_US), user, system


def difference(before, after):
    total = after[0] - before[0]
    user, system = after[1] - before[1], after[2] - before[2]
    share = user / (user + system) if user + system > 0 else 0.0
    return {"total": total, "user": total * share, "system": total * (1 - share)}


def machine_cpu():
    """(busy, steal) in µs."""
    with open("/proc/stat", encoding="ascii") as file:
        fields = [int(field) for field in file.readline().split()[1:]]
    return (sum(fields[:3]) + fields[5] + fields[6]) * _TICK_US, fields[7] * _TICK_US


def load_average():
    return os.getloadavg()[0]


class NotHere(Exception):
    """What this machine lacks for a benchmark: it is skipped, visibly."""


FAILURES = (RuntimeError, OSError, subprocess.SubprocessError)


def attempt(options, what, once):
    """The rows that once() gives; of a second try, if that fails; if both do, one row that says so."""
    for again in (True, False):
        try:
            return once()
        except FAILURES as error:
            why = f"{what}: {error}"
            options.say(f"{why}: {'once more' if again else 'left out'}")
    return [{"failed": why}]


def extent(options, quick_seconds=0.3):
    """(rounds, seconds of each measurement, requests outstanding)."""
    if options.quick:
        return 1, quick_seconds, (1, 64)
    return options.rounds, options.seconds, options.outstanding


def machine():
    """The machine in generic words."""
    model = "unknown CPU"
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    virtual = ""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            virtual = ", a virtual machine" if " hypervisor" in file.read() else ""
    except OSError:
        pass
    kernel = platform.release().split("-", 1)[0]
    return f"{CORES} cores of {model}{virtual}; Linux {kernel}"


class Started:
    """`argv` held back at its start, so that what starts it (nsenter, Python, a shell) is not measured.

    argv may begin with a wrapper that enters a namespace and *becomes* the program (exec all the way): then `pid` is the
    program's.
    """

    def __init__(self, argv, wrapper=()):
        held = ["/bin/sh", "-c", 'echo held; read -r go || exit 3; exec "$@"', "sh", *argv]
        self._process = subprocess.Popen([*wrapper, *held], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE, start_new_session=True)
        self.pid = self._process.pid
        self._argv = argv
        said = self._process.stdout.readline()
        if said != b"held\n":
            _, errors = self._process.communicate()
            raise RuntimeError(f"{' '.join(wrapper)}: did not get there: {errors.decode(errors='replace').strip()}")

    def go(self):
        self._cpu = process_cpu(self.pid)
        self._process.stdin.write(b"go\n")
        self._process.stdin.flush()

    def line(self):
        """A line of its output, as it comes."""
        return self._process.stdout.readline().decode()

    def ask(self, text, within):
        """The line of JSON that answers a line of its input. RuntimeError if none comes within so many seconds."""
        self._process.stdin.write(f"{text}\n".encode())
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], within)[0]:
            raise RuntimeError(f"{self._argv[0]}: no answer to {text!r} within {within} s")
        line = self.line()
        if not line:
            errors = self._process.stderr.read().decode(errors="replace")
            raise RuntimeError(f"{self._argv[0]}: ended before it answered {text!r}: {errors.strip()}")
        return json.loads(line)

    def end(self, number):
        self._process.send_signal(number)
        return self.result()

    def result(self):
        """Waits; the rest of its output as JSON, with `own_cpu_us` since go(). RuntimeError if it failed."""
        self._process.stdin.close()
        output = self._process.stdout.read().decode()
        errors = self._process.stderr.read().decode(errors="replace")
        _, status, usage = os.wait4(self.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        if self._process.returncode != 0:
            raise RuntimeError(f"{' '.join(self._argv)}: exit {self._process.returncode}: {errors.strip()}")
        document = json.loads(output)
        total = (usage.ru_utime + usage.ru_stime) * 1e6 - self._cpu[0]
        document["own_cpu_us"] = max(0.0, total)
        return document

    def kill(self):
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            pipe.close()


class Meter:
    """CPU of the machine and of named processes from start() to stop()."""

    def __init__(self, pids):
        self._pids = pids

    def start(self):
        self._at = time.monotonic()
        self._processes = {name: process_cpu(pid) for name, pid in self._pids.items()}
        self._machine = machine_cpu()

    def stop(self):
        busy, steal = machine_cpu()
        seconds = time.monotonic() - self._at
        processes = {name: difference(self._processes[name], process_cpu(pid)) for name, pid in self._pids.items()}
        return {"seconds_metered": seconds, "machine_us": busy - self._machine[0], "steal_us": steal - self._machine[1],
                "processes": processes}
