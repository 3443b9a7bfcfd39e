"""How long turns of a backend's polling thread were while it wrote a checkpoint.

From outside: /metrics counts turns by how long they worked (tercet_thread_turn_seconds), and a checkpoint that is being
written is a file *.timg.new in the store.
"""

import os
import re
import time

_BUCKET = re.compile(r'^tercet_thread_turn_seconds_bucket\{thread="(poll|quorum)",le="([^"]+)"\}$')


def lengths(samples):
    """{upper border in seconds: turns}, of each bucket alone; the last border is infinite."""
    upto = sorted((float(match.group(2)), int(value)) for name, value in samples.items() if (match := _BUCKET.match(name)))
    before = [0] + [turns for _, turns in upto]
    return {border: turns - less for (border, turns), less in zip(upto, before)}


def run_delay(pid):
    """Seconds that the polling thread could have run and had no core."""
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/comm", encoding="ascii") as file:
            if file.read().strip() in ("poll", "quorum"):
                with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as stat:
                    return int(stat.read().split()[1]) / 1e9
    return 0.0


def is_writing(store):
    return any(name.endswith(".timg.new") for name in os.listdir(store))


class Windows:
    """Cuts readings of one backend into times in which it wrote a checkpoint. A reading: (at, writing, checkpoints written
    so far, lengths, delay).

    A window begins two readings before the first that saw the file, since what begins it (the book is captured) comes
    before the file; it ends with the first that does not see it any more. A small one may come and go between two readings.
    """

    def __init__(self):
        self._before = []
        self._begin = None
        self._known = None  # checkpoints; a file that goes will be counted, a little later
        self._under_way = False
        self.windows = []

    def add(self, reading):
        _, writing, written, _, _ = reading
        if self._known is None:
            self._known, self._under_way = written, writing  # nobody knows since when
        if self._begin is None and self._before and (writing or written > self._known):
            self._begin = self._before[0]
        if not writing and (self._begin is not None or self._under_way):
            self._known += 1
            if self._begin is not None:
                self.windows.append(between(self._begin, reading))
            self._begin, self._under_way = None, False
        self._before = [] if writing else [*self._before, reading][-2:]


def between(begin, end):
    return {"seconds": end[0] - begin[0], "waited_s": end[4] - begin[4],
            "turns": {f"{border:g}": turns - begin[3].get(border, 0) for border, turns in end[3].items()}}


class Watch:
    """Of several backends of a cell, read one after the other."""

    def __init__(self, cell, hosts):
        self._cell = cell
        self._windows = {host: Windows() for host in hosts}
        self._first = {}
        self._last = {}

    def look(self):
        for host, windows in self._windows.items():
            writing = is_writing(self._cell.store(host))
            samples = self._cell.page(host, "/metrics")
            reading = (time.monotonic(), writing, samples["tercet_backend_checkpoints_total"], lengths(samples),
                       run_delay(self._cell.pids[host]))
            self._first.setdefault(host, reading)
            self._last[host] = reading
            windows.add(reading)

    def count(self):
        return sum(len(windows.windows) for windows in self._windows.values())

    def windows(self):
        return [{"host": host, **window} for host, windows in self._windows.items() for window in windows.windows]

    def whole(self):
        """From the first look to the last."""
        return [{"host": host, **between(first, self._last[host])} for host, first in self._first.items()]
