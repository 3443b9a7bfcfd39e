"""What a row says, and how figures are written: for report.py and the parts of it that have a module of their own."""

import statistics

# Other work on the machine, as a share of it, above which a measurement says little of rates and nothing of the machine.
DISTURBED = 0.15


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def spread(values):
    """Half of (max - min), as a share of the median."""
    middle = median(values)
    return (max(values) - min(values)) / 2 / middle if middle else None


def number(value, digits=1):
    if value is None:
        return "–"
    return f"{value:,.{digits}f}" if digits else f"{value:,.0f}"


def with_spread(values, digits=2):
    if not values:
        return "–"
    share = spread(values)
    return number(median(values), digits) + (f" ± {share * 100:.0f} %" if share is not None and len(values) > 1 else "")


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def grouped(rows, *keys):
    groups = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return groups


# ---- what a row says -------------------------------------------------------------------------------------------------

def percentiles(rows):
    return " / ".join(number(median([row["latency_us"][name] for row in rows]), 0) for name in ("p50", "p99", "p99_9"))


def per_query(row, *names):
    """CPU µs of these processes per query."""
    return sum(row["processes"][name]["total"] for name in names) / max(1, row["requests"])


def split(rows, of):
    """user + system of one kind of process, medians."""
    user = median([sum(row["processes"][n]["user"] for n in of(row)) / max(1, row["requests"]) for row in rows])
    system = median([sum(row["processes"][n]["system"] for n in of(row)) / max(1, row["requests"]) for row in rows])
    return f"{number(user, 2)} + {number(system, 2)}"


def lb_of(row):
    return ("echo",) if row["what"] == "echo" else (row["active"],)


def backends_of(_row):
    return ("b1", "b2", "b3")


def cell_of(row):
    return tuple(row["processes"]) if row["what"] != "echo" else ("echo",)


def idle_of(row):
    """Of an echo's row: the cell that stands beside it."""
    return tuple(name for name in row["processes"] if name != "echo") if row["what"] == "echo" else ()


def machine_of(row):
    """The machine less the client (and, for the echo, less the idle cell) per query."""
    rest = row["machine_us"] - row["client_us"] - sum(row["processes"][n]["total"] for n in idle_of(row))
    return rest / max(1, row["requests"])


def foreign_share(row):
    """What neither the client nor the measured processes did, as a share of the machine."""
    known = row["client_us"] + sum(process["total"] for process in row["processes"].values())
    return max(0.0, row["machine_us"] - known) / (row["seconds_metered"] * 1e6 * row.get("cores", 1))


def conditions(rows):
    loads = [row["load_average"] for row in rows]
    foreign = [foreign_share(row) for row in rows]
    rounds = max(row["round"] for row in rows)
    disturbed = sum(share > DISTURBED for share in foreign)
    text = (f"{rounds} round{'s' if rounds > 1 else ''}; load average {min(loads):.1f} to {max(loads):.1f}; other work on "
            f"the machine: median {median(foreign) * 100:.0f} % of it, at most {max(foreign) * 100:.0f} %.")
    if disturbed:
        text += (f" **{disturbed} of {len(rows)} measurements ran while other work took more than {DISTURBED * 100:.0f} % "
                 "of the machine: their rates and percentiles are that work's doing, their *machine* figures are left out; "
                 "CPU of single processes holds, roughly.**")
    return text + "\n"


def gain(of, old, new):
    """new / old of each round that has both."""
    before = {row["round"]: of(row) for row in old}
    return [of(row) / before[row["round"]] for row in new if before.get(row["round"])]
