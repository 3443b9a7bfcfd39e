"""The hosts of a cell that is up, as the verbs see them: where their files are, and how a command gets there."""

import argparse
import os
import subprocess

import network
from common import HOSTS, SERVERS, TAG, CellError, holder_pid, read_state


def running(cell_dir):
    """The state of the cell in D, which must be up."""
    state = read_state(cell_dir)
    if holder_pid(state) is None:
        raise CellError(f"no cell is up in {cell_dir}: scripts/cell up --dir {cell_dir}", 2)
    return state


def a_host(name, of=HOSTS):
    if name not in of:
        raise CellError(f"{name} is not one of {' '.join(of)}", 2)
    return name


def environment(cell_dir, state, host):
    """What a command in the cell sees: the tag by which `down` finds it, the programs, the client's configuration."""
    result = dict(os.environ)
    result[TAG] = state["id"]
    result["TERCET_CELL_HOST"] = host
    result["PATH"] = state["programs"] + os.pathsep + result.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    if os.path.exists(os.path.join(cell_dir, "client", "client.toml")):
        result["TERCET_CONFIG"] = os.path.join(cell_dir, "client", "client.toml")
    if host in SERVERS and cell_dir.startswith("/run/"):  # then the cell has no /run of its own, where DPDK leaves a folder
        result["RUNTIME_DIRECTORY"] = os.path.join(cell_dir, host)
    return result


def need_test_faults(state):
    """For verbs that only programs obey which were built with TERCET_TEST_FAULTS: others would ignore them."""
    program = os.path.join(state["programs"], "tercet-backend")
    said = subprocess.run([program, "--version"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False)
    if "test faults" not in said.stdout:
        raise CellError(f"{program} was built without test faults (TERCET_TEST_FAULTS=OFF): make the cell with programs of "
                        "another preset, such as release", 2)


def inside(state, host, argv):
    """The command line that runs argv on a host, from outside; host None: where the bridges stand."""
    enter = ["nsenter", "--target", str(state["pid"]), "--mount", f"--wdns={os.getcwd()}"]
    if state["user_namespace"]:
        enter += ["--user", "--preserve-credentials"]
    if host is None:
        return enter + ["--net", "--"] + argv
    return enter + ["--"] + network.enter_argv(host, state["netns_exec"]) + argv


def size_of(path):
    try:
        return os.path.getsize(path)
    except FileNotFoundError:
        return 0


def log_of(cell_dir, host):
    return os.path.join(cell_dir, host, "log")


def tail(path, lines=15, after=0):
    """The end of a log, from byte `after` on."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            file.seek(after)
            return "".join("    " + line for line in file.readlines()[-lines:])
    except FileNotFoundError:
        return ""


def config_file(cell_dir, host):
    return os.path.join(cell_dir, host, f"{host}.toml")


def one_host(arguments):
    if len(arguments) != 1:
        raise CellError("name one host", 2)
    return arguments[0]


class Parser(argparse.ArgumentParser):
    def __init__(self, verb):
        super().__init__(prog=f"scripts/cell {verb}", add_help=False, allow_abbrev=False)

    def error(self, message):
        raise CellError(f"{message} (scripts/cell --help)", 2)
