"""bench rounds: what port.rounds is worth: cells that differ in it alone, in turn."""

import types

from cell_bench import Cell, engine_name, watched
from measure import attempt, extent

SWITCHES = ("off", "adaptive")
LEVELS = (1, 8, 12, 64)  # nothing waits at 1 and 8; two rounds are under way at 12, one at 64 (quorum/rounds.h)


def one_cell(options, engine, durability, threads, switch, levels, seconds):
    settings = [*options.settings, *(f'{lb}:port.rounds="{switch}"' for lb in ("lb1", "lb2"))]
    cell = Cell(types.SimpleNamespace(**{**vars(options), "settings": settings}), engine, durability, threads)
    try:
        return [{"rounds": switch, "durability": durability, **watched(cell, options.programs, what, outstanding, seconds),
                 "engine": engine_name(engine, threads)} for outstanding in levels for what in options.what]
    finally:
        cell.down()


def run(options, write):
    rounds, seconds, levels = extent(options)
    durabilities = options.durabilities[-1:] if options.quick else options.durabilities
    for number in range(1, rounds + 1):
        for engine in options.engines:
            for durability in durabilities:
                for threads in options.threads:
                    # Right after each other, in alternating order: a machine drifts within minutes.
                    for switch in SWITCHES[::1 if number % 2 else -1]:
                        what = f"rounds {switch}, {engine}, {durability}, round {number}"
                        for row in attempt(options, what, lambda setting=(engine, durability, threads, switch):
                                           one_cell(options, *setting, levels, seconds)):
                            write({"bench": "rounds", "round": number, "path": "veth", **row})
        options.say(f"rounds: round {number} of {rounds} done")
