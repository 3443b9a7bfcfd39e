"""bench away: a whole cell that holds a million leases: its checkpoints, and how long a start takes."""

import os
import time

from away_cell import AwayCell, Load, loaded, wait_for
from catch_up import NEVER, OUTSTANDING, SHARE, comes_back, goes_away
from pauses import Watch

PRODUCT = 2002
CLIENTS, EACH, SEATS = 64, 256, 4  # seats: as many as `tercet bench` holds for each request in flight
ROOM = 5_000  # leases that are left to the load: a book holds 1,000,000
MISSED = 100_000  # entries, by a backend that then takes the whole book over
OFTEN = 1000  # entries to the next checkpoint: somebody always writes one
LIGHT = 1000  # requests a second
BACKENDS = ("b1", "b2", "b3")


def seats_in_use(cell):
    found = cell.page(cell.active, "/v1/licenses").get("licenses", [])
    return next((one["in_use"] for one in found if one["product_code"] == PRODUCT), None)


def fill(cell, programs, leases):
    """So many are held, and by nobody: a client that dies without a word gives no seat back."""
    cell.license(PRODUCT, leases, "24h")
    held = 0
    while held < leases:
        each = max(1, min(EACH, -(-(leases - held) // (SEATS * CLIENTS))))
        full = min(leases, held + SEATS * CLIENTS * each)
        # Who holds its four seats reads: that changes nothing.
        with Load(cell, programs, each=each, mix="1000000:0:1:0", product=PRODUCT):
            wait_for(f"{full} seats are held", lambda full=full: (seats_in_use(cell) or 0) >= full, every=0.1)
        held = full


def image_bytes(cell, host):
    return sum(os.path.getsize(os.path.join(cell.store(host), name)) for name in os.listdir(cell.store(host))
               if name.endswith(".timg"))


def starts(cell, options, write, of):
    for name in ("KILL",) if options.quick else ("TERM", "KILL"):
        took = cell.restart_backend("b3", name)
        write({"what": "start", "of": of, "after": name, "image_bytes": image_bytes(cell, "b3"), **took})


def beneath(cell, programs, rate, seconds, checkpoints):
    """A load, and the backends' turns meanwhile: for so long, and until so many checkpoints were written (0: none is)."""
    watch = Watch(cell, BACKENDS)
    with Load(cell, programs, each=2 * OUTSTANDING, rate=rate) as load:
        time.sleep(0.2)
        end = time.monotonic() + seconds
        latest = end + 30 * bool(checkpoints)
        while time.monotonic() < end or (watch.count() < checkpoints and time.monotonic() < latest):
            watch.look()
            time.sleep(0.05)
        row = load.stop()
    if watch.count() < checkpoints:
        raise RuntimeError(f"{watch.count()} checkpoints were written, of {checkpoints} that were waited for")
    return row, watch.windows() if checkpoints else watch.whole()


def pauses(cell, options, loads, seconds, checkpoints, write):
    for name, rate in loads.items():
        row, windows = beneath(cell, options.programs, rate, seconds, checkpoints)
        write({"what": "load", "load": name, "asked": rate, "checkpoints": bool(checkpoints), **row})
        for window in windows:
            write({"what": "turns", "load": name, "checkpoints": bool(checkpoints), **window})


def run(options, _part, engine, durability, seconds):
    rows = []
    leases = options.leases - min(ROOM, options.leases // 2)

    def write(row):
        rows.append({"part": "leases", "leases": leases, **row})

    cell = AwayCell(options, engine, durability, NEVER)
    try:
        began = time.monotonic()
        fill(cell, options.programs, leases)
        options.say(f"away: {leases} leases after {time.monotonic() - began:.0f} s")
        starts(cell, options, write, "log")
        capacity = loaded(cell, options.programs, each=OUTSTANDING, seconds=seconds)
        write({"what": "capacity", **capacity})
        loads = {"light": min(LIGHT, capacity["rate"] / 2), **({} if options.quick else {"half": capacity["rate"] / 2})}
        pauses(cell, options, loads, seconds, 0, write)
        cell.checkpoint_every(OFTEN)
        pauses(cell, options, loads, seconds, 1 if options.quick else 6, write)
        for host in BACKENDS:
            wait_for(f"{host} has a checkpoint", lambda host=host: cell.metric(host, "tercet_backend_checkpoint_seq") > 0)
        starts(cell, options, write, "image")
        last = goes_away(cell, options, min(MISSED, options.entries), "image")
        cell.checkpoint_every(NEVER)
        comes_back(cell, options, "image", last, SHARE * capacity["rate"], seconds,
                   lambda row: rows.append({"part": "catch-up", "way": f"image of {leases:,} leases", **row}))
    finally:
        cell.down()
    return rows
