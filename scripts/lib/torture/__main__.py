"""Faults on a real cell under load: each kind alone, then a random sequence; the clients' own record is judged at the end.

The cell has its own folder and network namespaces, and is gone afterwards. Each fault ends before the next begins, and what was
destroyed (a disk, a byte of a log) is whole again before anything else is: that is the fault budget (docs/fault-model.md).
Asked of the cell: it answers whenever two backends are sound and a load balancer lives; every backend votes again by itself
within 30 seconds of its last fault; no seat is lost or given twice; the books are equal in the end.

TERCET_BIN=FOLDER uses the programs there and builds nothing.
"""

import argparse
import random
import sys
import tempfile

from cell import Cell, Trouble
from faults import KINDS, Torturer


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/torture", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10, metavar="N", help="of the random sequence, six faults a minute (default 10)")
    parser.add_argument("--seed", type=int, metavar="S", help="of the sequence (default: drawn, and printed)")
    parser.add_argument("--only", metavar="KIND,…", help="these kinds alone: " + " ".join(KINDS))
    parser.add_argument("--no-alone", action="store_true", help="the random sequence only")
    parser.add_argument("--rate", type=int, default=1000, metavar="N", help="queries a second (default 1000)")
    parser.add_argument("--engine", choices=("uring", "mmsg", "dpdk"), help="of the servers (default uring)")
    parser.add_argument("--durability", choices=("fsync", "memory"), default="fsync")
    parser.add_argument("--checkpoint-every", type=int, default=5000, metavar="N",
                        help="entries between a backend's checkpoints, cell.checkpoint_every (default 5000: every few seconds)")
    args = parser.parse_args()
    if not 0 <= args.minutes <= 24 * 60 or not 1 <= args.rate <= 100_000:
        parser.error("--minutes is 0 to 1440, --rate 1 to 100000")
    args.kinds = args.only.split(",") if args.only else list(KINDS)
    if unknown := [kind for kind in args.kinds if kind not in KINDS]:
        parser.error(f"{unknown[0]} is no fault: {' '.join(KINDS)}")
    return args


def main():
    args = arguments()
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"torture: seed {seed}, {args.rate} queries a second, durability {args.durability}", flush=True)
    with tempfile.TemporaryDirectory(prefix="tercet-torture.") as scratch:
        cell = Cell(scratch, args)
        try:
            cell.up()
            torturer = Torturer(cell, random.Random(seed))
            if not args.no_alone:
                for kind in args.kinds:
                    torturer.strike(kind)
            torturer.sequence(args.kinds, args.minutes)
            cell.judge(torturer.nobody_left)
            print(f"torture: {torturer.count} faults: nothing lost, nothing given twice, all vote with one book", flush=True)
        except Trouble as trouble:
            print(f"tercet: torture, seed {seed}: {trouble}: see the servers' last lines below", file=sys.stderr)
            cell.show_logs()
            return 1
        finally:
            cell.down()
    return 0


sys.exit(main())
