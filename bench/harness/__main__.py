"""The work of scripts/bench: runs what is asked for, keeps every row, writes the report."""

import argparse
import json
import os
import shlex
import sys

sys.path[:0] = [os.path.dirname(os.path.abspath(__file__)), os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]
import away_bench  # noqa: E402
import cell_bench  # noqa: E402
import dpdk_bench  # noqa: E402
import floor_bench  # noqa: E402
import measure  # noqa: E402
import micro_bench  # noqa: E402
import raft_bench  # noqa: E402
import report  # noqa: E402
import rounds_bench  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RUNS = {"micro": micro_bench.run, "floor": floor_bench.run, "cell": cell_bench.run, "rounds": rounds_bench.run,
        "dpdk": dpdk_bench.run, "raft": raft_bench.run, "away": away_bench.run}
FLOOR, CELL = ("tercet-floor-echo", "tercet-floor-load"), ("tercet", "tercet-lb", "tercet-backend")
NEEDS = {"micro": (), "floor": FLOOR, "cell": FLOOR + CELL, "rounds": CELL, "dpdk": (dpdk_bench.CORE, *FLOOR, *CELL),
         "raft": CELL, "away": CELL}
# What is not given; some have their own.
DEFAULTS = {"rounds": 5, "outstanding": [1, 8, 64, 512], "engines": ["uring", "mmsg"], "what": list(cell_bench.WHAT)}
OWN_DEFAULTS = {"rounds": {"outstanding": list(rounds_bench.LEVELS), "engines": ["uring"], "what": ["renew"]},
                "raft": {"outstanding": list(raft_bench.LEVELS), "engines": ["uring"], "what": ["renew"]},
                "away": {"rounds": 2, "engines": ["uring"]}}
SKIPPED = 77  # as ctest's SKIP_RETURN_CODE


def a_list(of):
    def parse(text):
        values = text.split(",")
        wrong = [value for value in values if value not in of]
        if wrong:
            raise argparse.ArgumentTypeError(f"{wrong[0]!r} is not one of {' '.join(of)}")
        return values
    return parse


def levels(text):
    try:
        values = [int(value) for value in text.split(",")]
    except ValueError:
        values = [0]
    if any(not 1 <= value <= 4096 or (value > 64 and value % 64) for value in values):
        raise argparse.ArgumentTypeError(f"{text!r}: write numbers as in 1,8,64,512 (above 64: multiples of 64)")
    return values


def thread_counts(text):
    try:
        values = [int(value) for value in text.split(",")]
    except ValueError:
        values = [-1]
    if any(not 0 <= value <= 8 for value in values):
        raise argparse.ArgumentTypeError(f"{text!r}: write numbers from 0 to 8, as in 0,1,2")
    return values


def parse(argv):
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__,
                                     epilog="TERCET_BIN=FOLDER uses the programs there and builds nothing.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="micro, floor, cell, rounds, dpdk, raft, away (default: all)")
    parser.add_argument("--quick", action="store_true", help="one short round of everything: does it run?")
    parser.add_argument("--rounds", type=int, help="alternating rounds, or repetitions (default 5; away 2)")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement (default 2)")
    parser.add_argument("--outstanding", type=levels, metavar="N,…",
                        help="requests outstanding (default 1,8,64,512; rounds 1,8,12,64; raft 1,512)")
    parser.add_argument("--bytes", type=int, default=128, help="of an echo's datagram (default 128)")
    engines = a_list(("uring", "mmsg", "dpdk"))
    parser.add_argument("--engines", type=engines, metavar="E,…",
                        help="of the cell (default uring,mmsg; rounds, raft and away uring, and dpdk where asked for)")
    parser.add_argument("--engine", type=engines, dest="engines", help=argparse.SUPPRESS)
    parser.add_argument("--durabilities", "--durability", type=a_list(("fsync", "memory")), default=["fsync", "memory"],
                        metavar="D,…", help="of the cell (default fsync,memory)")
    parser.add_argument("--threads", type=thread_counts, default=[0], metavar="N,…",
                        help="of the cell's load balancers, port.steering_threads (default 0)")
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="FILE:KEY=VALUE",
                        help="of the cell, as of scripts/cell up")
    parser.add_argument("--what", type=a_list(cell_bench.WHAT), metavar="Q,…",
                        help="queries of the cell (default checkout,renew,read; rounds renew)")
    parser.add_argument("--parts", type=a_list(away_bench.PARTS), default=list(away_bench.PARTS), metavar="P,…",
                        help="of away: entries, image (how what was missed is caught up with), leases (default all)")
    parser.add_argument("--entries", type=int, default=1_000_000, help="of away: that were missed (default 1000000)")
    parser.add_argument("--leases", type=int, default=1_000_000,
                        help="of away: held, some of them by the load (default 1000000, which is a book's most)")
    parser.add_argument("--out", default=os.path.join(ROOT, "bench", "out"), metavar="DIR",
                        help="rows, report and plots (default bench/out)")
    parser.add_argument("--scratch", metavar="DIR", help="where cells and peers keep their disks (default: the temporary folder)")
    parser.add_argument("--programs", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    wrong = [name for name in options.names if name not in RUNS]
    if wrong:
        parser.error(f"{wrong[0]!r} is not one of {' '.join(RUNS)}")
    if not 1 <= (options.rounds or 1) <= 1000 or not 0.05 <= options.seconds <= 3600:
        parser.error("--rounds 1 to 1000, --seconds 0.05 to 3600")
    if not 1000 <= options.entries <= 50_000_000 or not 1000 <= options.leases <= 1_000_000:
        parser.error("--entries 1000 to 50000000, --leases 1000 to 1000000")
    options.names = [name for name in RUNS if name in (options.names or RUNS)]
    if "cell" in options.names and "dpdk" in (options.engines or ()):
        parser.error("bench cell has no echo on dpdk: bench dpdk is what you want, or bench rounds --engines dpdk")
    options.root = ROOT
    options.say = lambda text: print(f"bench: {text}", file=sys.stderr, flush=True)
    return options


def of_bench(name, options):
    """What that benchmark is run with."""
    defaults = {**DEFAULTS, **OWN_DEFAULTS.get(name, {})}
    return argparse.Namespace(**{**vars(options), **{key: getattr(options, key) or value for key, value in defaults.items()}})


def command_line(argv):
    """What repeats this run."""
    shown, skip = [], False
    for word in argv:
        if skip:
            skip = False
        elif word in ("--programs", "--out", "--scratch"):
            skip = True
        elif not word.startswith(("--programs=", "--out=", "--scratch=")):
            shown.append(word)
    return shlex.join(["./scripts/bench", *shown])


def main(argv):
    options = parse(argv)
    os.makedirs(options.out, exist_ok=True)
    about = {"bench": "about", "machine": measure.machine(), "cores": measure.CORES, "command": command_line(argv)}
    code = 0
    for name in options.names:
        missing = [program for program in NEEDS[name] if not os.access(os.path.join(options.programs, program), os.X_OK)]
        if missing:
            raise RuntimeError(f"{options.programs} holds no {' '.join(missing)}: unset TERCET_BIN to build it")
        with open(os.path.join(options.out, f"{name}.jsonl"), "w", encoding="utf-8") as file:
            def write(row, file=file):
                file.write(json.dumps(row) + "\n")
                file.flush()
            write(about)
            try:
                RUNS[name](of_bench(name, options), write)
            except measure.NotHere as error:
                print(f"SKIPPED: {error}", file=sys.stderr)
                code = code or SKIPPED
            except measure.FAILURES as error:  # the others' rows, and those that came until then, are kept
                failed = f"{name} ended early: {error}"
                write({"bench": name, "failed": failed})
                options.say(failed)
                code = 1
    text = report.report(options.out, options.names)
    with open(os.path.join(options.out, "report.md"), "w", encoding="utf-8") as file:
        file.write(text)
    print(text)
    options.say(f"report and rows: {options.out}")
    return code


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (RuntimeError, OSError) as error:
        print(f"tercet: bench: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
