#!/usr/bin/env python3
"""Raw rows of a run (bench/out/*.jsonl) as Markdown with plots (SVG, no library needed).

    bench/report.py DIR            writes DIR/report.md and its plots from DIR/{micro,floor,cell,…}.jsonl, prints the report
    bench/report.py DIR --plain    the same, printed without the plots' places: what bench/baseline/ keeps
"""

import json
import os
import re
import sys

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__))]
from figures import (DISTURBED, backends_of, cell_of, conditions, foreign_share, gain, grouped, lb_of, machine_of,  # noqa: E402
                     median, number, per_query, percentiles, split, table, with_spread)
from report_away import away  # noqa: E402

OWN_WORDS = {
    "floor": """A closed loop of 128-byte requests over loopback, one server thread, the client on the other core (where there is
one). CPU is the server's own, user and system. With plain and mmsg the kernel's work for a datagram's whole way to the
receiver's socket is the sender's system time; so a server pays for its answers' way and the client for the requests'.""",
    "cell": """Each round, in turn: a bare echo on the host `peer`, and the whole cell (two load balancers, three backends), on
the same bridge of veth pairs, from the same client host, with as many sockets (one for each request up to 64) and
requests outstanding. Every query is a datagram of its own, sealed (AEAD on); the echo's datagrams are plain.

What these figures are, and whom they flatter:
- *LB*, *backends*: user + system CPU of those processes, all threads, per answered query. *cell*: all five processes.
  *machine*: everything that the machine did (interrupts, disk, kernel threads too) less the client alone.
- LB / echo is the ratio of medians over the rounds, for the same engine and the same number outstanding. The echo
  answers one datagram with one; the LB does that and opens, orders, sends three Accepts and takes three votes.
- All seven programs share the cores of one machine, so *rates and latencies* of the cell are those of seven machines'
  work on {cores} cores: they flatter the echo. CPU per query is the figure that travels.
- veth hands a large (GSO) datagram over uncut, and counts no checksums: cheaper between servers than a network card
  without that offload. It flatters whoever uses GSO: the cell between its servers, not the echo.
- A send's work up to the receiver's socket is mostly the sender's system time. So a client's work for the requests' way is not in
  *LB* nor in *machine* (the client is left out); the echo is measured alike.
- At few outstanding, most of the CPU is sleeping and waking; with polling that never sleeps it would be 100 %.
- Retransmissions (counted below) cost the LB like queries and count as none: they flatter the echo.
- checkout: a checkout and its release in turn, half each. read: the listing of licenses, answered by two backends.
- A client's start (Hello) and the return of its last seats are in the CPU but not in the number of queries: under 1 %.""",
    "rounds": """Cells that differ in `port.rounds` alone, right after each other, in alternating order. *off*: every operation
leaves in the tick that it came in. *adaptive*: so it does while at most 8 are undecided; up to 12 two fan-outs are under way,
above that one, and what comes meanwhile shares the next. Gain: *adaptive* over *off* of the same round, median of the rounds.
LB and each backend: user + system CPU per answered query. One machine carries all six programs: rates and latencies are its own.""",
    "dpdk core": """One thread run to completion, over net_ring (memory to memory): port, stack, open, order, fan-out, three
seals, tally, reply. Clients and voters speak the real, sealed protocol in the same process and are not timed; every reply is
opened and checked. It polls as with `poll = "busy"`. A query is one renewal in a frame of {query} bytes, its reply one of {reply}.
Timed are the two turns of the loop that a burst takes (queries in, votes in), each with its clock reading; medians of the bursts of a round, then of the rounds.
*warm*: 1,024 clients. *cold*: 100,000 clients in turn, each with a session, a seat and an address; before each burst 64 MB are
walked, and one burst of other clients brings the loop's own code and tables back. *all cold*: without that. Checksums are the
device's, as with any NIC (the ring's far end marks frames as verified and nothing is summed up).""",
    "dpdk cells": """Renewals by a client on the kernel's sockets, durability memory, everything on one machine. *dpdk*: all five
servers by af_packet on their veth (the kernel's packet socket is below it: this is no kernel bypass), or the load balancers by
af_xdp; *uring*: by io_uring. The
testpmd echo (5tswap by af_packet, on the host `peer` of the same bridge) never sleeps: its CPU is one core, whatever it does, and its
rates and latencies are those of a machine with a core less. Two of its echoes are the bare way of a voted query: client to load
balancer and back, load balancer to backends and back.""",
    "raft": """Each round, in turn and one after the other: synced writes of 4 KiB by a program that does nothing else, three libraft
servers, and our cell (two load balancers, three backends, fsync), all with their files in the same folder of one disk. Closed loops;
an entry is 48 bytes, as much as our renewals' limit. Figures are medians of the rounds.

What is compared, and whom it flatters:
- *libraft*: from raft_apply until the entry comes to the leader's state machine, **in the leader's own process**: no client, no
  message to it or from it. *cell*: from the client's first transmission until its answer, **one hop more**: client to load balancer
  and back, another process, by UDP through the kernel between network namespaces, every datagram sealed and opened. It flatters
  libraft, by two messages and two wake-ups, and by the client's CPU.
- libraft's leader is one of its three replicas: it waits for its own disk and one other (two of three syncs), sends to two, over
  loopback. Our load balancer holds no log: it sends to three over veth pairs, and waits for two of three syncs.
- *each*: one raft_apply an entry, as its interface suggests. *together*: what is due in one turn of the loop in one raft_apply: the
  best that can be made of it. Our client's operations come in datagrams of their own, and the load balancer packs them.
- libraft takes no snapshot here (its default is one every 1,024 entries), applies to nothing, and hashes and compares no results; our
  backends keep a book, hash the log and the state, and the load balancer compares two results. It flatters libraft.
- libraft writes blocks of 4 KiB (O_DIRECT, O_DSYNC, into files that were only allocated), ours sectors of 512 bytes into files that
  were written before: cheaper to sync. It flatters us.
- Everything shares the cores and the disk of one machine: three logs are synced side by side there, as the row of three writers shows.
  All three go before other processes as far as our servers' polling threads may: nice −10, short slices.
- CPU: user + system of these processes, all threads, per commit; libraft's leader has the client in it, our client's is a column.""",
    "micro": """Medians of the repetitions, in memory, one thread. Batches of 1 hold ~20 ns of clock reading.""",
}

# What a query meets on its way: (step, program, benchmark, what it is).
MICRO = (
    ("open", "bench_dataplane_dataplane", r"BM_OpenBurst/aead:0/burst:32/", "a client's 128 B query, in bursts of 32"),
    ("open", "bench_dataplane_dataplane", r"BM_OpenBurst/aead:0/burst:1/", "… alone"),
    ("seal", "bench_dataplane_dataplane", r"BM_SendReplies/aead:0/burst:32/", "a reply of 128 B, in bursts of 32"),
    ("seal", "bench_dataplane_dataplane", r"BM_SendAccept/aead:0", "a full Accept, per backend"),
    ("seal", "bench_wire_seal_seal", r"BM_Seal/aead:0/bytes:128", "128 B between servers, keyring alone"),
    ("open", "bench_wire_seal_seal", r"BM_Open/aead:0/bytes:128", "128 B between servers, keyring alone"),
    ("order", "bench_quorum_quorum", r"BM_Propose/batch:24/", "propose: stamp, chain, window"),
    ("order", "bench_quorum_quorum", r"BM_PackAccept/batch:24/", "pack: one Accept of 24, per entry"),
    ("tally", "bench_quorum_quorum", r"BM_TallyVotes/batch:24/", "three votes and the outcome, per entry"),
    ("tally", "bench_quorum_quorum", r"BM_TallyVotes/batch:1/", "… of one entry"),
    ("accept", "bench_quorum_quorum", r"BM_TakeAccept/batch:24/", "a backend's acceptor, book apart, per entry"),
    ("book", "bench_license_book", r"BM_BookRenew/100000$", "renew, 100,000 leases held"),
    ("book", "bench_license_book", r"BM_BookCheckoutRelease/100000$", "checkout or release, 100,000 leases held"),
    ("log record", "bench_backend_store_log", r"log_without_disk/64", "append and seal, batch of 64, no disk"),
    ("log record", "bench_backend_store_log", r"log_commit_memory/64/", "… to the page cache"),
    ("log record", "bench_backend_store_log", r"log_commit_fsync/64/", "… durable: the batch's wait, per record"),
    ("log record", "bench_backend_store_log", r"log_commit_fsync/1/", "… durable, alone"),
)


# ---- plots -----------------------------------------------------------------------------------------------------------

COLOURS = ("#1b6ca8", "#d1495b", "#2e8b57", "#edae49", "#6d597a", "#4f5d75")


def plot(path, title, unit, levels, series, spreads=None):
    """Lines over the number outstanding (even steps): series = {name: {level: value}}."""
    width, height, left, bottom, top = 640, 340, 70, 50, 60
    high = max((value for line in series.values() for value in line.values()), default=1) * 1.1 or 1
    x = {level: left + (width - left - 30) * (i + 0.5) / len(levels) for i, level in enumerate(levels)}

    def y(value):
        return height - bottom - (height - bottom - top) * value / high

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif" '
           f'font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
           f'<text x="{left}" y="20" font-size="14" font-weight="bold">{title}</text>']
    for step in range(6):
        value = high * step / 5
        out.append(f'<line x1="{left}" x2="{width - 20}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#ddd"/>'
                   f'<text x="{left - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:,.{1 if high < 50 else 0}f}</text>')
    for level in levels:
        out.append(f'<text x="{x[level]:.1f}" y="{height - bottom + 18}" text-anchor="middle">{level}</text>')
    out.append(f'<text x="{(left + width) / 2}" y="{height - 10}" text-anchor="middle">requests outstanding</text>'
               f'<text transform="translate(16 {height / 2}) rotate(-90)" text-anchor="middle">{unit}</text>')
    for index, (name, line) in enumerate(series.items()):
        colour = COLOURS[index % len(COLOURS)]
        points = " ".join(f"{x[level]:.1f},{y(value):.1f}" for level, value in sorted(line.items()))
        out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for level, value in line.items():
            low, most = (spreads or {}).get(name, {}).get(level, (value, value))
            out.append(f'<line x1="{x[level]:.1f}" x2="{x[level]:.1f}" y1="{y(low):.1f}" y2="{y(most):.1f}" '
                       f'stroke="{colour}"/><circle cx="{x[level]:.1f}" cy="{y(value):.1f}" r="3" fill="{colour}"/>')
        out.append(f'<rect x="{left + index * 105}" y="34" width="10" height="10" fill="{colour}"/>'
                   f'<text x="{left + 14 + index * 105}" y="43">{name}</text>')
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n</svg>\n")


def lines_of(rows, key, value):
    series, spreads = {}, {}
    for (name, level), group in grouped(rows, key, "outstanding").items():
        values = [value(row) for row in group]
        series.setdefault(name, {})[level] = median(values)
        spreads.setdefault(name, {})[level] = (min(values), max(values))
    return series, spreads


# ---- the parts -------------------------------------------------------------------------------------------------------

def floor(rows, folder):
    levels = sorted({row["outstanding"] for row in rows})
    body = []
    for (outstanding, engine), group in sorted(grouped(rows, "outstanding", "engine").items()):
        body.append([str(outstanding), engine, with_spread([row["rate"] for row in group], 0),
                     with_spread([row["server_us_per_request"]["total"] for row in group]),
                     f"{number(median([row['server_us_per_request']['user'] for row in group]), 2)} + "
                     f"{number(median([row['server_us_per_request']['system'] for row in group]), 2)}",
                     number(median([row["calls_per_request"] for row in group]), 2), percentiles(group)])
    series, spreads = lines_of(rows, "engine", lambda row: row["server_us_per_request"]["total"])
    plot(os.path.join(folder, "floor.svg"), "Bare UDP echo, loopback: CPU per request", "µs", levels, series, spreads)
    return (f"## Floor: a bare UDP echo\n\n{OWN_WORDS['floor']}\n\n{conditions(rows)}\n" +
            table(["outstanding", "engine", "requests/s", "CPU µs/request", "user + system", "calls/request",
                   "µs p50 / p99 / p99.9"], body) + "\n![floor](floor.svg)\n")


def cell(rows, folder):
    everything = rows
    rows = [row for row in rows if not row.get("moved")]
    if not rows:
        return "## Cell\n\nNo round without a failover: nothing to report.\n"
    out = [f"## Cell: voted queries beside the echo\n\n{OWN_WORDS['cell'].format(cores=rows[0].get('cores', '?'))}\n\n"
           f"{conditions(rows)}"]
    levels = sorted({row["outstanding"] for row in rows})
    for (engine, durability), setting in sorted(grouped(rows, "engine", "durability").items()):
        out.append(f"### {engine}, durability {durability}\n")
        groups = grouped(setting, "outstanding", "what")
        body = []
        for level in levels:
            echo = groups.get((level, "echo"), [])
            floor_lb = median([per_query(row, "echo") for row in echo])
            floor_machine = median([machine_of(row) for row in echo if foreign_share(row) <= DISTURBED])
            for what in ("echo", "checkout", "renew", "read"):
                group = groups.get((level, what))
                if not group:
                    continue
                lb = [per_query(row, *lb_of(row)) for row in group]
                # Where others worked on the machine the figure is theirs: better none.
                machine = [machine_of(row) for row in group if foreign_share(row) <= DISTURBED]
                ratio = median(lb) / floor_lb if floor_lb else None
                whole = median(machine) / floor_machine if machine and floor_machine else None
                own = what == "echo"
                body.append([
                    str(level), what, with_spread([row["rate"] for row in group], 0), with_spread(lb),
                    split(group, lb_of), "" if own else number(ratio, 2),
                    "" if own else number(median([per_query(row, *backends_of(row)) / 3 for row in group]), 2),
                    "" if own else with_spread([per_query(row, *cell_of(row)) for row in group], 1),
                    with_spread(machine, 1), "" if own else number(whole, 1), percentiles(group)])
        out.append(table(["outstanding", "query", "per s", "LB µs", "user + system", "LB / echo", "each backend µs",
                          "cell µs", "machine µs", "machine / echo's", "µs p50 / p99 / p99.9"], body))
        name = f"cell-{engine}-{durability}"
        series, spreads = lines_of(setting, "what", lambda row: per_query(row, *lb_of(row)))
        plot(os.path.join(folder, f"{name}.svg"), f"CPU of the LB (and the echo) per query: {engine}, {durability}", "µs",
             levels, series, spreads)
        out.append(f"![{name}]({name}.svg)\n")
    moved = len(everything) - len(rows)
    if moved:
        out.append(f"**Left out: {moved} of {len(everything)} measurements, in which a load balancer took over or refused "
                   f"queries meanwhile** (on a machine this busy it is taken for dead).\n")
    rows = everything
    lost = sum(sum(row.get("errors", {}).values()) + sum(row.get("denied", {}).values()) for row in rows)
    again = sum(row.get("retransmissions", 0) for row in rows)
    out.append(f"Errors and denials in all rounds together: {lost:,}; retransmissions by the clients: {again:,} of "
               f"{sum(row['requests'] for row in rows if row['what'] != 'echo'):,} queries.\n")
    return "\n".join(out)


def rounds(rows, _folder):
    everything = rows
    rows = [row for row in rows if not row["moved"]]
    out = [f"## Rounds: what waiting for the decision before is worth\n\n{OWN_WORDS['rounds']}\n\n{conditions(everything)}"]
    for (engine, durability), setting in sorted(grouped(rows, "engine", "durability").items()):
        groups = grouped(setting, "outstanding", "what", "rounds")
        body = []
        for outstanding, what in sorted({key[:2] for key in groups}):
            old, new = (groups.get((outstanding, what, switch), []) for switch in ("off", "adaptive"))
            for switch, group in (("off", old), ("adaptive", new)):
                if not group:
                    continue
                rates = gain(lambda row: row["rate"], old, new) if group is new else []
                p50s = gain(lambda row: row["latency_us"]["p50"], old, new) if group is new else []
                body.append([str(outstanding), what, switch, with_spread([row["rate"] for row in group], 0),
                             with_spread(rates) if rates else "", with_spread([per_query(row, *lb_of(row)) for row in group]),
                             number(median([per_query(row, *backends_of(row)) / 3 for row in group]), 2),
                             percentiles(group), with_spread(p50s) if p50s else ""])
        out.append(f"### {engine}, durability {durability}\n\n" + table(
            ["outstanding", "query", "rounds", "per s", "gain", "LB µs", "each backend µs", "µs p50 / p99 / p99.9",
             "p50, adaptive / off"], body))
    if len(rows) < len(everything):
        out.append(f"**Left out: {len(everything) - len(rows)} of {len(everything)} measurements, in which a load balancer took "
                   "over or refused queries meanwhile.**\n")
    return "\n".join(out)


def micro_ns(row):
    """ns per item (or, where it counts none, per iteration): the median round where the benchmark tells it, else the
    mean."""
    if row.get("p50_ns"):
        return row["p50_ns"]
    if row.get("items_per_second"):
        return 1e9 / row["items_per_second"]
    return row["cpu_time"] * {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}[row["time_unit"]]


def micro(rows, _folder):
    body = []
    for step, program, pattern, what in MICRO:
        values = [micro_ns(row) for row in rows
                  if row["program"] == program and re.match(pattern, row["name"]) and not row.get("error_occurred")]
        if values:
            body.append([step, what, with_spread(values, 0 if median(values) >= 100 else 1)])
    failed = sorted({f"{row['program']} {row['name']}: {row.get('error_message', '')}" for row in rows
                     if row.get("error_occurred")})
    return (f"## Micro\n\n{OWN_WORDS['micro']}\n\n" + table(["step", "what", "ns each"], body) +
            "".join(f"\nNot measured: {line}\n" for line in failed))


# ---- DPDK ------------------------------------------------------------------------------------------------------------

def ns_of(rows, key="ns"):
    return with_spread([row[key] for row in rows], 0)


CACHES = ("warm", "cold", "all cold")


def dpdk_core(rows):
    """The core alone, a row for each burst; beside it what testpmd takes for a packet."""
    core_rows = grouped([row for row in rows if row["part"] == "core"], "provider", "cache", "burst")
    forward = grouped([row for row in rows if row["part"] == "testpmd"], "burst")
    settings = sorted({key[:2] for key in core_rows}, key=lambda key: (CACHES.index(key[1]), key[0]))
    body = []
    for burst in sorted({key[2] for key in core_rows}):
        pmd = forward.get((burst,), [])
        cells = [ns_of(core_rows.get((*setting, burst), [])) for setting in settings]
        ratios = []
        for setting in settings[:1] + [s for s in settings[1:] if s[0] == settings[0][0] and s[1] == "cold"]:
            group = core_rows.get((*setting, burst), [])
            ratios.append(number(median([row["ns"] for row in group]) / median([row["ns"] for row in pmd]), 1)
                          if group and pmd else "–")
        body.append([str(burst), *cells, ns_of(pmd), " / ".join(ratios)])
    return table(["burst", *[f"{provider}, {cache}" for provider, cache in settings], "testpmd 5tswap, a packet",
                  f"{settings[0][0]} / testpmd: warm / cold"], body) if settings else ""


def dpdk_samples(rows):
    """How many bursts a median of a round is of, and how many were left out."""
    groups = grouped([row for row in rows if row["part"] == "core"], "cache")
    taken = {cache: median([row["rounds"] + row["left_out"] for row in group]) for (cache,), group in groups.items()}
    left_out = sum(row["left_out"] for group in groups.values() for row in group)
    everything = left_out + sum(row["rounds"] for group in groups.values() for row in group)
    return (f"Bursts of each size in a round: {', '.join(f'{number(taken[cache], 0)} {cache}' for cache in CACHES if cache in taken)}. "
            f"Left out, because a timer came between its two turns: {number(left_out, 0)} of {number(everything, 0)}.\n")


STEPS = (("queries", "receive", "receive, stack"), ("queries", "open", "open"), ("queries", "service", "order, fan-out"),
         ("queries", "seal", "seal three"), ("queries", "send", "send Accepts"), ("votes", "receive", "receive votes"),
         ("votes", "open", "open votes"), ("votes", "service", "tally, write reply"), ("votes", "seal", "seal reply"),
         ("votes", "send", "send reply"))


def dpdk_steps(rows):
    groups = grouped([row for row in rows if row["part"] == "steps"], "provider", "cache", "burst")
    settings = sorted(groups, key=lambda key: (key[1] != "warm", key[0], key[2]))
    if not settings:
        return ""
    body = []
    for turn, step, what in STEPS:
        body.append([what, *[number(median([row["steps"][turn][step] for row in groups[key]]), 0) for key in settings]])
    rest = [number(median([sum(row["steps"][turn][step] for turn in ("queries", "votes") for step in ("clock", "rest"))
                           for row in groups[key]]), 0) for key in settings]
    body.append(["clock, rest", *rest])
    return table(["step", *[f"{provider}, {cache}, {burst}" for provider, cache, burst in settings]], body)


def dpdk_sums(rows):
    groups = grouped([row for row in rows if row["part"] == "software sums"], "provider", "burst")
    lines = [f"{provider} {ns_of(group)} at bursts of {burst}" for (provider, burst), group in sorted(groups.items())]
    return f"Checksums in software instead of by the device, warm: {'; '.join(lines)}.\n" if lines else ""


def dpdk_instructions(rows):
    rows = [row for row in rows if row["part"] == "instructions"]
    if not rows:
        return ""
    steps = list(rows[0]["each"])
    return "Instructions per warm renewal, by callgrind (valgrind hides AVX-512: the code for AVX2 runs):\n\n" + table(
        ["step", *[f"{row['provider']}, bursts of {row['burst']}" for row in rows]],
        [[step, *[number(row["each"][step], 0) for row in rows]] for step in steps])


def dpdk_cells(rows):
    rows = [row for row in rows if row["part"] == "cell"]
    groups = grouped(rows, "outstanding", "setting", "what")
    body = []
    for outstanding in sorted({key[0] for key in groups}):
        echo = groups.get((outstanding, "dpdk", "testpmd echo"), [])
        for (level, setting, what), group in sorted(groups.items(), key=lambda item: (item[0][2] == "renew", item[0])):
            if level != outstanding:
                continue
            renew = what == "renew"
            p50 = median([row["latency_us"]["p50"] for row in group])
            body.append([str(level), {"echo": "uring echo"}.get(what, what if not renew else f"cell: {setting}"),
                         with_spread([row["rate"] for row in group], 0),
                         with_spread([per_query(row, *(lb_of(row) if renew else ("echo",))) for row in group]),
                         number(median([per_query(row, *backends_of(row)) / 3 for row in group]), 2) if renew else "",
                         percentiles(group),
                         number(p50 / (2 * median([row["latency_us"]["p50"] for row in echo])), 2) if renew and echo else ""])
    return table(["outstanding", "what", "per s", "LB or echo, CPU µs", "each backend µs", "µs p50 / p99 / p99.9",
                  "p50 / two testpmd echoes"], body)


def dpdk(rows, _folder):
    loads = [row["load_average"] for row in rows]
    out = [f"## DPDK\n\nLoad average {min(loads):.1f} to {max(loads):.1f}, {max(row['round'] for row in rows)} rounds.\n"]
    if any(row["part"] == "core" for row in rows):
        core_row = next(row for row in rows if row["part"] == "core")
        out.append("### (a) The load balancer's core alone, ns per voted renewal\n\n" + OWN_WORDS["dpdk core"].format(
            query=core_row["query_frame"], reply=core_row["reply_frame"]) + "\n")
        out.append(dpdk_core(rows))
        out.append(dpdk_samples(rows))
        out.append("By step, ns (medians; read at the borders of the steps, which costs a little):\n\n" + dpdk_steps(rows))
        out.append(dpdk_sums(rows))
        out.append(dpdk_instructions(rows))
    if any(row["part"] == "cell" for row in rows):
        out.append("### (b), (c) Whole cells over veth, and by threads\n\n" + OWN_WORDS["dpdk cells"] + "\n")
        out.append(dpdk_cells(rows))
    return "\n".join(out)


# ---- durable commits beside libraft -----------------------------------------------------------------------------------

DISK_WORDS = {"dsync": "4 KiB written, O_DIRECT and O_DSYNC", "fdatasync": "4 KiB written, then fdatasync"}


def raft_name(row):
    """(its place in the table, what it is called)."""
    if row["part"] == "disk":
        three = f", {row['writers']} files side by side" if row["writers"] > 1 else ""
        return (0, DISK_WORDS[row["what"]] + three)
    return (1, f"libraft, {row['what']}") if row["part"] == "libraft" else (2, f"cell, {row['engine']}")


def raft_cpu(row):
    """CPU µs a commit of the leader or load balancer, of each follower or backend, of all, of the client."""
    if row["part"] == "disk":
        return None
    cell_row = row["part"] == "cell"
    lead, rest = ((row["active"],), backends_of(row)) if cell_row else (("leader",), ("follower1", "follower2"))
    return (per_query(row, *lead), per_query(row, *rest) / len(rest), per_query(row, *row["processes"]),
            row["client_us"] / max(1, row["requests"]) if cell_row else None)


def raft_ratios(rows):
    """Ours over theirs, of pairs of the same round."""
    lines = []
    groups = grouped(rows, "part", "what", "outstanding")
    for (part, how, level), theirs in sorted(groups.items()):
        ours = groups.get(("cell", "renew", level), [])
        if part != "libraft" or not ours:
            continue
        for name, word in (("p50", "p50"), ("p99", "p99")):
            ratios = gain(lambda row, name=name: row["latency_us"][name], theirs, ours)
            if ratios:
                lines.append(f"- {level} outstanding, {word}: the cell's is {with_spread(ratios)} of libraft's ({how}).")
        rates = gain(lambda row: row["rate"], theirs, ours)
        if rates:
            lines.append(f"- {level} outstanding, commits a second: the cell's are {with_spread(rates)} of libraft's ({how}).")
    return "\n".join(lines) + "\n" if lines else ""


def raft(rows, _folder):
    everything = rows
    rows = [row for row in rows if not row["moved"]]
    named = {}
    for row in rows:
        named.setdefault((row["outstanding"] if row["part"] != "disk" else 0, raft_name(row)), []).append(row)
    body = []
    for (level, (_, name)), group in sorted(named.items()):
        cpus = [raft_cpu(row) for row in group if row["part"] != "disk"]
        columns = [[cpu[column] for cpu in cpus if cpu[column] is not None] for column in range(4)]
        body.append([str(level or ""), name, with_spread([row["rate"] for row in group], 0),
                     *[with_spread([row["latency_us"][key] for row in group], 0) for key in ("p50", "p99", "p99_9")],
                     *[with_spread(values) if values else "" for values in columns]])
    kinds = sorted({row["file_system"] for row in everything})
    out = [f"## Durable commits beside libraft\n\n{OWN_WORDS['raft']}\n\nFile system: {', '.join(kinds)}. "
           f"{conditions(everything)}",
           table(["outstanding", "what", "commits/s", "p50 µs", "p99 µs", "p99.9 µs", "leader or LB, CPU µs",
                  "each follower or backend", "all servers", "client apart"], body), raft_ratios(rows)]
    if len(rows) < len(everything):
        out.append(f"**Left out: {len(everything) - len(rows)} of {len(everything)} measurements, in which another server came "
                   "to lead, or queries were refused meanwhile.**\n")
    return "\n".join(out)


PARTS = (("micro", micro), ("floor", floor), ("cell", cell), ("rounds", rounds), ("dpdk", dpdk), ("raft", raft), ("away", away))


def read_rows(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def report(folder, only=None):
    """The report's text; plots are written beside it. `only`: the parts of this run; the others' rows may be older."""
    parts, machine, commands = [], "", []
    for name, write in PARTS:
        path = os.path.join(folder, f"{name}.jsonl")
        if not os.path.exists(path) or (only is not None and name not in only):
            continue
        rows = read_rows(path)
        about = [row for row in rows if row["bench"] == "about"]
        rows = [row for row in rows if row["bench"] != "about"]
        if about:
            machine = about[0]["machine"]
            if about[0]["command"] not in commands:
                commands.append(about[0]["command"])
            for row in rows:
                row["cores"] = about[0]["cores"]
        failed = [row["failed"] for row in rows if "failed" in row]
        rows = [row for row in rows if "failed" not in row]
        if rows:
            parts.append(write(rows, folder))
        parts += [f"**Not measured: {' '.join(what.split())}**\n" for what in failed]
    head = f"# Benchmarks\n\n{machine}.\n\nRepeat with {', '.join(f'`{command}`' for command in commands)}. ± is half of max − min over the rounds.\n"
    return "\n".join([head, *parts])


def main(argv):
    plain = argv[2:] == ["--plain"]
    if len(argv) != 2 + plain or argv[1] in ("-h", "--help"):
        print(__doc__.strip())
        return 0 if len(argv) == 2 else 2
    text = report(argv[1])
    with open(os.path.join(argv[1], "report.md"), "w", encoding="utf-8") as file:
        file.write(text)
    print(re.sub(r"!\[.*\n\n?", "", text) if plain else text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
