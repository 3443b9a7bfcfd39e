"""bench floor: what a bare UDP echo costs here, one thread, over loopback, through each engine."""

import signal

from measure import Meter, Started, extent, load_average

ENGINES = ("plain", "mmsg", "uring")


def sockets_for(outstanding):
    """As many sockets as requests, up to 64: one request each is what many clients look like."""
    return min(outstanding, 64)


def echo_once(programs, engine, outstanding, seconds, size, address="127.0.0.1", at=(), client_at=(), also=None):
    """One echo server under load. `at`, `client_at`: what enters their hosts. `also`: pids that are metered beside it."""
    server = Started([f"{programs}/tercet-floor-echo", "--engine", engine, "--address", address], at)
    client = None
    try:
        server.go()
        endpoint = server.line().removeprefix("listening ").strip()
        if not endpoint:
            server.result()  # says why
        client = Started([f"{programs}/tercet-floor-load", "--to", endpoint, "--sockets", str(sockets_for(outstanding)),
                          "--outstanding", str(outstanding), "--bytes", str(size), "--seconds", str(seconds)], client_at)
        meter = Meter({"echo": server.pid, **(also or {})})
        meter.start()
        client.go()
        load = client.result()
        metered = meter.stop()
        echo = server.end(signal.SIGTERM)
    finally:
        server.kill()
        if client is not None:
            client.kill()
    return {"engine": engine, "what": "echo", "outstanding": outstanding, "sockets": load["sockets"], "bytes": size,
            "requests": echo["requests"], "rate": load["rate"], "latency_us": load["latency_us"], "lost": load["lost"],
            "wrong": load["wrong"], "client_us": load["own_cpu_us"], "load_average": load_average(),
            "calls_per_request": echo["calls"] / max(1, echo["requests"]),
            "server_us_per_request": {"user": echo["user_us_per_request"], "system": echo["system_us_per_request"],
                                      "total": echo["cpu_us_per_request"]}, **metered}


def run(options, write):
    rounds, seconds, levels = extent(options, quick_seconds=0.2)
    for number in range(1, rounds + 1):
        for outstanding in levels:
            # Each round begins with another engine, so that none always runs on the warmest machine.
            for shift in range(len(ENGINES)):
                engine = ENGINES[(number + shift) % len(ENGINES)]
                row = echo_once(options.programs, engine, outstanding, seconds, options.bytes)
                write({"bench": "floor", "round": number, "path": "loopback", **row})
        options.say(f"floor: round {number} of {rounds} done")
