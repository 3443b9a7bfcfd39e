"""What happens to a backend's disk: wiped, damaged, full, failing, slow.

A store may lie on a file system that is seen only in the cell (tests mount small ones), so what is done to its files is
done there, by store_damage.py.
"""

import os
import subprocess

import configuration
from common import BACKENDS, CellError, ask
from hosts import Parser, a_host, config_file, environment, inside, need_test_faults, one_host, running

FAULTS = ("full", "eio", "slow", "ok")
_DAMAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "store_damage.py")


def fault_file(cell_dir, host):
    """What this backend's disk is to do stands there (TERCET_FAULT_DISK)."""
    return os.path.join(cell_dir, host, "disk-fault")


def _a_backend(cell_dir, state, host, stopped=True):
    a_host(host, BACKENDS)
    if state["bare"]:
        raise CellError("this cell is a network alone (up --bare): it has no disks", 2)
    if stopped and host in ask(cell_dir, op="list")["servers"]:
        raise CellError(f"{host} runs: scripts/cell kill {host} first", 2)
    return host


def _store_of(cell_dir, host):
    path = config_file(cell_dir, host)
    folder = configuration.value_of(path, "store.dir")
    if not folder:
        raise CellError(f"{path} names no store.dir", 2)
    return os.path.join(cell_dir, host, folder)


def _damage(cell_dir, state, host, what, *arguments):
    argv = ["/usr/bin/python3", "-I", "-B", _DAMAGE, what, _store_of(cell_dir, host), *arguments]
    done = subprocess.run(inside(state, None, argv), env=environment(cell_dir, state, host), stdin=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise CellError(done.stderr.strip() or f"{what} failed (exit {done.returncode})", done.returncode)
    return 0


def wipe(cell_dir, arguments):
    state = running(cell_dir)
    host = _a_backend(cell_dir, state, one_host(arguments))
    return _damage(cell_dir, state, host, "wipe")


def corrupt(cell_dir, arguments):
    parser = Parser("corrupt")
    parser.add_argument("host")
    parser.add_argument("--bytes", type=int, default=1, metavar="N")
    parser.add_argument("--seed", type=int, metavar="S")
    options = parser.parse_args(arguments)
    if options.bytes < 1:
        raise CellError("--bytes N: at least 1", 2)
    state = running(cell_dir)
    host = _a_backend(cell_dir, state, options.host)
    seed = [] if options.seed is None else [str(options.seed)]
    return _damage(cell_dir, state, host, "corrupt", str(options.bytes), *seed)


def disk(cell_dir, arguments):
    state = running(cell_dir)
    if len(arguments) != 2 or arguments[1] not in FAULTS:
        raise CellError(f"disk HOST {'|'.join(FAULTS)}", 2)
    host = _a_backend(cell_dir, state, arguments[0], stopped=False)
    need_test_faults(state)
    path = fault_file(cell_dir, host)
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(arguments[1] + "\n")
    os.replace(path + ".new", path)
    return 0
