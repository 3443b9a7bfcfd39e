"""bench away: figures that need a whole cell: a backend that was away comes back beneath load; a cell with a million
leases writes checkpoints and starts."""

import catch_up
import many_leases
from measure import attempt, extent

ONCE = {"entries": catch_up.run, "image": catch_up.run, "leases": many_leases.run}
PARTS = tuple(ONCE)
QUICK = {"entries": 3000, "leases": 2000}


def run(options, write):
    rounds, seconds, _ = extent(options)
    if options.quick:
        vars(options).update(QUICK)
    # With a million leases somebody comes by an image too.
    parts = [part for part in options.parts if part != "image" or not options.quick]
    durabilities = options.durabilities[:1] if options.quick else options.durabilities
    for number in range(1, rounds + 1):
        for engine in options.engines:
            for durability in durabilities:
                for part in parts:
                    what = f"{part}, {engine}, {durability}, round {number}"
                    for row in attempt(options, what, lambda setting=(part, engine, durability):
                                       ONCE[setting[0]](options, *setting, seconds)):
                        write({"bench": "away", "round": number, "engine": engine, "durability": durability, **row})
                    options.say(f"away: {what} done")
