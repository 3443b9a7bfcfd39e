"""The report's part on backends that were away and cells that hold a million leases (rows of bench away)."""

from figures import conditions, gain, grouped, median, number, percentiles, table, with_spread

WORDS = """A whole cell on one machine, its client beside it. *Catch-up*: closed loop at 512 outstanding gives what the cell can
do; then an open loop (`tercet bench --rate`, default mix, of whose queries 10 in 14 are ordered) at 80 % of that, latency from when
a query was due: with b3 dead, then from just before b3 is started until the load balancer counts it as voting and it has every entry
that there was when it was started, then with three voting. What b3 lacks it gets from its peers' memory (*entries*), or, where their
logs begin behind checkpoints, as a book and what came after it (*image*; both peers were started anew before, so that they have
nothing older in memory).

*Leases*: held by clients that died without a word. *Turns*: how long the backends' polling threads worked in one turn
(`tercet_thread_turn_seconds`: a turn lasts from its clock reading until the thread sleeps or the next begins, **times in which the
machine did not run it included**); p99.9 and longest are upper borders of buckets. *Had no core*: part of that time in which the
thread could have run and waited for a core (the kernel's run delay), on a machine that carries five servers and the client. While
checkpoints are written, load balancers have one made every 1,000 entries: always one backend writes, counted are its turns alone.

*Start*: from the process's start (in steps of 10 ms) until it says that it has read its store, and until it votes (the load balancer
and the backend say so every 0.2 s)."""

STANDING = ("capacity", "two vote", "catches up", "three vote")


def p99_of(row):
    return row["latency_us"]["p99"]


def load_cells(group):
    return [with_spread([row["rate"] for row in group], 0), percentiles(group),
            number(max(row["longest_silence_ms"] for row in group), 0),
            number(sum(sum(row["errors"].values()) + sum(row["denied"].values()) for row in group), 0),
            number(sum(row["retransmissions"] for row in group), 0)]


LOAD_HEAD = ["per s", "µs p50 / p99 / p99.9", "longest silence, ms", "errors and denials", "sent again"]


def catch_up(rows):
    out, body = [], []
    for (engine, durability, way), setting in sorted(grouped(rows, "engine", "durability", "way").items()):
        groups = grouped(setting, "what")
        body += [[f"{durability}, {way}, {engine}", what, *load_cells(groups[(what,)])]
                 for what in STANDING if (what,) in groups]
        late = groups.get(("catches up",), [])
        if not late:
            continue
        times = " and ".join(f"{with_spread(gain(p99_of, groups.get((what,), []), late))} of that while {what}"
                             for what in STANDING[1::2])
        image = median([row["image_bytes"] for row in late]) / 1e6
        out.append(f"- {durability}, {engine}: b3 lacked {number(median([row['lacked'] for row in late]), 0)} entries, which came by "
                   f"{way}{f' ({image:.1f} MB)' if image else ''}: it had read its store after "
                   f"{with_spread([row['read_s'] for row in late])} s and voted after "
                   f"{with_spread([row['votes_s'] for row in late])} s. p99 meanwhile: {times} in the same round.")
    return table(["cell", "while", *LOAD_HEAD], body) + "\n" + "\n".join(out) + "\n" if body else ""


def border_of(turns, share):
    """The upper border of the bucket in which that share of the turns is reached, in ms."""
    upto, all_turns = 0, sum(turns.values())
    for border, count in sorted(turns.items()):
        upto += count
        if upto >= share * all_turns:
            return border * 1000
    return 0.0


def merged(rows):
    turns = {}
    for row in rows:
        for border, count in row["turns"].items():
            turns[float(border)] = turns.get(float(border), 0) + count
    return turns


def ms(border):
    return f"≤ {border:g}" if border != float("inf") else "more than 100"


def turn_row(rows):
    turns = merged(rows)
    each = [border_of(merged([row]), 0.999) for row in rows]
    seconds = sum(row["seconds"] for row in rows)
    over = sum(count for border, count in turns.items() if border > 0.001)
    return [str(len(rows)), number(median([row["seconds"] for row in rows]), 1), number(sum(turns.values()), 0),
            ms(border_of(turns, 0.999)), f"{ms(min(each))} to {ms(max(each))}", f"{over:,} of {sum(turns.values()):,}",
            ms(border_of(turns, 1)), f"{100 * sum(row['waited_s'] for row in rows) / max(seconds, 1e-9):.0f} %"]


TURN_HEAD = ["times", "s each", "turns", "p99.9, ms", "… of each time", "over 1 ms", "longest, ms", "had no core"]


def leases(rows):
    out = []
    for (engine, durability), setting in sorted(grouped(rows, "engine", "durability").items()):
        held = median([row["leases"] for row in setting])
        out.append(f"### {number(held, 0)} leases held: {durability}, {engine}\n")
        groups = grouped([row for row in setting if row["what"] in ("load", "turns")], "load", "checkpoints", "what")
        turns = [[load, "yes" if written else "no", *turn_row(group)]
                 for (load, written, what), group in sorted(groups.items()) if what == "turns"]
        out.append(table(["load", "checkpoints", *TURN_HEAD], turns))
        loads = [[load, "yes" if written else "no", *load_cells(group)]
                 for (load, written, what), group in sorted(groups.items()) if what == "load"]
        out.append(table(["load", "checkpoints", *LOAD_HEAD], loads))
        starts = grouped([row for row in setting if row["what"] == "start"], "of", "after")
        out.append(table(["start from", "after", "log records read", "image, MB", "store read, s", "votes, s"],
                         [[of, f"SIG{after}", number(median([row["records"] for row in group]), 0),
                           number(median([row["image_bytes"] for row in group]) / 1e6, 1),
                           with_spread([row["read_s"] for row in group]), with_spread([row["votes_s"] for row in group])]
                          for (of, after), group in sorted(starts.items())]))
    return "\n".join(out)


def away(rows, _folder):
    loads = [row for row in rows if "latency_us" in row]
    moved = sum(row["moved"] for row in loads)
    out = [f"## A backend that was away, a million leases\n\n{WORDS}\n\n{conditions(loads)}"]
    if moved:
        out.append(f"**In {moved} of {len(loads)} measurements a load balancer took over meanwhile; they are in the tables.**\n")
    out.append(catch_up([row for row in rows if row["part"] == "catch-up"]))
    out.append(leases([row for row in rows if row["part"] == "leases"]))
    return "\n".join(out)
