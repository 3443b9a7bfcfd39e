"""bench away: a backend that was away catches up beneath 80 % of what the cell can do."""

import time

from away_cell import AwayCell, Load, loaded, wait_for

SHARE = 0.8  # of the cell's capacity
NEVER = 100_000_000  # entries to the next checkpoint
OUTSTANDING = 8  # on each of 64 clients, for the capacity; in the open loop there may be four times as many


def make_entries(cell, programs, count):
    """So many at least, by renewals."""
    until = cell.seq("b1") + count
    with Load(cell, programs, each=OUTSTANDING, mix="0:1:0:0") as load:
        wait_for(f"{count} entries", lambda: cell.seq("b1") >= until, every=0.2)
        load.stop()


def begin_behind_checkpoints(cell, hosts, seq):
    """Nobody has the entries up to `seq` any more: not in memory, after a start."""
    for host in hosts:
        wait_for(f"{host} has a checkpoint", lambda host=host: cell.metric(host, "tercet_backend_checkpoint_seq") > seq)
    for host in hosts:
        cell.restart_backend(host)


def goes_away(cell, options, entries, way):
    """b3; so many entries are made without it. Returns its last one."""
    last = cell.seq("b3")
    cell.kill("b3")
    make_entries(cell, options.programs, entries)
    if way == "image":
        begin_behind_checkpoints(cell, ("b1", "b2"), last)
    return last


def comes_back(cell, options, way, last, rate, seconds, write):
    """b3. Rows: the load before, meanwhile and after."""
    write({"what": "two vote", **loaded(cell, options.programs, each=4 * OUTSTANDING, rate=rate, seconds=seconds)})
    with Load(cell, options.programs, each=4 * OUTSTANDING, rate=rate) as load:
        time.sleep(0.2)  # its sessions and first seats
        seq = cell.seq("b1")
        started, log_from = cell.start("b3")
        wait_for("b3 votes", lambda: cell.votes("b3", seq))
        votes = time.time()
        row = load.stop()
    images = int(cell.metric("b3", "tercet_backend_images_installed_total"))
    if (images > 0) != (way == "image"):
        raise RuntimeError(f"b3 was to come by {way}, but took {images} images over")
    write({"what": "catches up", "lacked": seq - last, "read_s": cell.read_at("b3", log_from)[0] - started,
           "votes_s": votes - started, "image_bytes": cell.metric("b3", "tercet_backend_images_fetched_bytes_total"), **row})
    write({"what": "three vote", **loaded(cell, options.programs, each=4 * OUTSTANDING, rate=rate, seconds=seconds)})


def run(options, way, engine, durability, seconds):
    cell = AwayCell(options, engine, durability, max(1000, options.entries // 10) if way == "image" else NEVER)
    rows = []

    def write(row):
        rows.append({"part": "catch-up", "way": way, **row})

    try:
        capacity = loaded(cell, options.programs, each=OUTSTANDING, seconds=seconds)
        write({"what": "capacity", **capacity})
        last = goes_away(cell, options, options.entries, way)
        comes_back(cell, options, way, last, SHARE * capacity["rate"], seconds, write)
    finally:
        cell.down()
    return rows
