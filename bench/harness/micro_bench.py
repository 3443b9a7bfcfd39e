"""bench micro: every Google Benchmark of the project; what a query meets on its way, in one table."""

import json
import os
import subprocess

PREFIX = "bench_"


def run(options, write):
    programs = sorted(name for name in os.listdir(options.programs) if name.startswith(PREFIX))
    if not programs:
        raise RuntimeError(f"{options.programs} holds no {PREFIX}*: build the target benches")
    repetitions, least = (1, 0.005) if options.quick else (options.rounds, 0.1)
    environment = dict(os.environ)
    if options.scratch:
        environment["TERCET_BENCH_DIR"] = options.scratch
    failed = []
    for name in programs:
        arguments = [f"--benchmark_min_time={least}", f"--benchmark_repetitions={repetitions}",
                     "--benchmark_format=json", "--benchmark_enable_random_interleaving=true"]
        if options.quick and "store" in name:
            arguments.append("--benchmark_filter=log_without_disk|/1$|/1/")  # one commit each, not a thousand
        done = subprocess.run([os.path.join(options.programs, name), *arguments], capture_output=True, text=True,
                              check=False, env=environment, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise RuntimeError(f"{name}: exit {done.returncode}: {done.stderr.strip()[-500:]}")
        with open(os.path.join(options.out, f"{name}.json"), "w", encoding="utf-8") as file:
            file.write(done.stdout)
        for row in json.loads(done.stdout)["benchmarks"]:
            if row.get("run_type") == "iteration":
                write({"bench": "micro", "program": name, **row})
                if row.get("error_occurred") and "does not run on this machine" not in row["error_message"]:
                    failed.append(f"{name} {row['name']}: {row['error_message']}")
        options.say(f"micro: {name} done")
    if failed:
        raise RuntimeError("; ".join(sorted(set(failed))))
