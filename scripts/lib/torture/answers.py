"""What the clients' record says while it is written: for how long nothing was answered, and what never was."""

import json
import threading
import time

# Seconds that the load's writer keeps lines back, at most.
KEPT_BACK = 1.5


def boot_ns():
    """The clock of the record."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Answers(threading.Thread):
    """Reads the record as it grows. It watches all the time, between two faults too."""

    def __init__(self, record):
        super().__init__(daemon=True)
        self.record = record
        self.lock = threading.Lock()
        self.longest = 0       # ns
        self.last = boot_ns()  # when something was answered
        self.unanswered = []   # (first sent, given up), ns
        self.ends = threading.Event()

    def run(self):
        while not self.record.exists() and not self.ends.wait(0.05):
            pass
        rest = b""
        with open(self.record, "rb") as file:
            while not self.ends.wait(0.05):
                *lines, rest = (rest + file.read()).split(b"\n")
                for line in lines:
                    self.note(json.loads(line))

    def note(self, line):
        with self.lock:
            if line["outcome"] == "unknown":
                self.unanswered.append((line["sent_ns"], line["answered_ns"]))
                return
            # The lines of several clients are not quite in the order of their answers.
            self.longest = max(self.longest, line["answered_ns"] - self.last)
            self.last = max(self.last, line["answered_ns"])

    def take(self):
        """The longest silence since this was last called, in seconds, also one that still lasts."""
        with self.lock:
            longest = max(self.longest / 1e9, (boot_ns() - self.last) / 1e9 - KEPT_BACK)
            self.longest = 0
            return longest

    def wait_for_one(self, seconds):
        """Until something was answered since this was called; False: nothing was, for so long."""
        begun = boot_ns()
        while boot_ns() - begun < (seconds + KEPT_BACK) * 1e9:
            with self.lock:
                if self.last > begun:
                    return True
            time.sleep(0.05)
        return False

    def never_answered(self, excused):
        """How many requests were not, though no time of `excused` ((from, to), ns) had to do with them."""
        with self.lock:
            return sum(not any(sent < to and begin < given_up for begin, to in excused)
                       for sent, given_up in self.unanswered)

    def stop(self):
        self.ends.set()
