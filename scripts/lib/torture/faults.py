"""What is done to the cell: one fault each, from its first harm to its end."""

import os
import time

from answers import boot_ns
from cell import BACKENDS, LBS, SILENT_AT_MOST, Trouble

BACK_WITHIN = 30   # seconds after its last fault in which a backend votes again


def kill(cell, dice):
    host = dice.choice(BACKENDS + LBS)
    cell.verb("kill", host)
    time.sleep(dice.uniform(0, 2))
    cell.verb("start", host)
    return host


def pause(cell, dice):
    host = dice.choice(BACKENDS + LBS)
    cell.verb("pause", host)
    time.sleep(5)
    cell.verb("resume", host)
    return host


def cut(cell, dice, seconds=30.0):
    host = dice.choice(BACKENDS + LBS)
    cell.verb("cut", host)
    time.sleep(seconds)
    cell.verb("heal", host)
    return host


def wipe(cell, dice):
    """A new disk, with the container put back from its backup: without one two wiped backends would leave too few constituents
    for a grant (a license is reissued for a new container, which is no fault that ends by itself)."""
    host = dice.choice(BACKENDS)
    container = cell.scratch / "cell" / host / "store" / "container.json"
    cell.verb("kill", host)
    backup = container.read_bytes()
    cell.verb("wipe", host)
    container.write_bytes(backup)
    container.chmod(0o600)
    cell.verb("start", host)
    return host


def corrupt(cell, dice):
    host = dice.choice(BACKENDS)
    cell.verb("kill", host)
    cell.verb("corrupt", host, "--seed", str(dice.randrange(1 << 30)))
    cell.verb("start", host)
    return host


def image(cell, dice):
    """A byte of the newest checkpoint, which the next start would read."""
    host = dice.choice(BACKENDS)
    newest = cell.newest_image(host)
    cell.verb("kill", host)
    # An older one may have been replaced while it was killed.
    newest = cell.newest_image(host) or newest
    at = dice.randrange(newest.stat().st_size)
    with open(newest, "r+b", buffering=0) as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ dice.randrange(1, 256)]))
        os.fsync(file.fileno())
    cell.verb("start", host)
    return host


def disk(cell, dice, what):
    host = dice.choice(BACKENDS)
    cell.verb("disk", host, what)
    time.sleep(dice.uniform(1, 4))
    cell.verb("disk", host, "ok")
    return host


def full(cell, dice):
    return disk(cell, dice, "full")


def eio(cell, dice):
    return disk(cell, dice, "eio")


def lie(cell, dice):
    host = dice.choice(BACKENDS)
    cell.verb("kill", host)
    cell.verb("lie", host)
    time.sleep(dice.uniform(2, 5))
    cell.verb("kill", host)
    cell.verb("start", host)
    return host


def all_five(cell, _dice):
    cell.kill_at_once(LBS + BACKENDS)
    for host in BACKENDS + LBS:
        cell.verb("start", host)
    return "all"


def both_lbs(cell, _dice):
    cell.kill_at_once(LBS)
    for host in LBS:
        cell.verb("start", host)
    return "lb1 lb2"


KINDS = {"kill": kill, "pause": pause, "cut": cut, "wipe": wipe, "corrupt": corrupt, "image": image, "full": full, "eio": eio,
         "lie": lie, "all-five": all_five, "both-lbs": both_lbs}
NOBODY_LEFT = ("all-five", "both-lbs")


class Torturer:
    def __init__(self, cell, dice):
        self.cell = cell
        self.dice = dice
        self.count = 0
        self.nobody_left = []  # (from, to), ns: when nobody could answer

    def strike(self, kind, **how):
        self.count += 1
        before = self.cell.watch.take()
        if before > SILENT_AT_MOST:
            raise Trouble(f"no answer for {before:.1f} s while nothing was done to the cell")
        begun = boot_ns()
        host = KINDS[kind](self.cell, self.dice, **how)
        back = self.cell.wait_whole(BACK_WITHIN)
        if not self.cell.watch.wait_for_one(SILENT_AT_MOST):
            raise Trouble(f"nothing was answered for {SILENT_AT_MOST} s though all servers say that they are well")
        if kind in NOBODY_LEFT:
            self.nobody_left.append((begun, boot_ns()))
        silent = self.cell.watch.take()
        print(f"torture: {self.count:3} {kind:9} {host:8} whole {back:4.1f} s later, longest silence {silent:.1f} s", flush=True)
        if silent > SILENT_AT_MOST and kind not in NOBODY_LEFT:
            raise Trouble(f"{kind} of {host}: no answer for {silent:.1f} s though two backends were sound")

    def sequence(self, kinds, minutes):
        """Six faults a minute; one that takes longer delays those behind it."""
        begun = time.monotonic()
        for n in range(round(minutes * 6)):
            wait = begun + n * 10 - time.monotonic()
            if wait > 0:
                time.sleep(wait * self.dice.random())
            kind = self.dice.choice(kinds)
            self.strike(kind, **({"seconds": self.dice.uniform(1, 30)} if kind == "cut" else {}))
