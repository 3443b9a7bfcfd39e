"""What the verbs and the holder share: the hosts of a cell, where its state lies, and which processes belong to it."""

import json
import os
import signal
import socket
import time

LBS = ("lb1", "lb2")
BACKENDS = ("b1", "b2", "b3")
SERVERS = LBS + BACKENDS
HOSTS = ("client",) + SERVERS + ("peer", "router", "far")

# Every process of a cell carries its id here. Process and namespace numbers are used again after a crash; this is not.
TAG = "TERCET_CELL_ID"


class CellError(Exception):
    """Something the user can mend. `code` as in the project's exit codes: 2 usage or configuration, 1 otherwise."""

    def __init__(self, message, code=1):
        super().__init__(message)
        self.code = code


def state_folder(cell_dir):
    return os.path.join(cell_dir, ".holder")


def read_state(cell_dir):
    """The record that `up` left in D/.holder/state.json; None where there is none."""
    try:
        with open(os.path.join(state_folder(cell_dir), "state.json"), encoding="utf-8") as file:
            return json.load(file)
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return None


def write_state(cell_dir, state):
    path = os.path.join(state_folder(cell_dir), "state.json")
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(state, file, indent=1)
    os.replace(path + ".new", path)


def process(pid):
    """The fields of /proc/PID/stat from the state on; None if there is no such process, or only a zombie of it."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else fields


def start_time(pid):
    """When that process started (clock ticks since boot), which tells it from a later one of the same number."""
    fields = process(pid)
    return int(fields[19]) if fields else None


def holder_pid(state):
    """The holder's pid if it lives, else None."""
    if not state or not state.get("pid"):
        return None
    return state["pid"] if start_time(state["pid"]) == state["started"] else None


class Socket:
    """The holder's socket. A path may be longer than sun_path allows: it is named through an open folder."""

    def __init__(self, cell_dir):
        self._folder = os.open(state_folder(cell_dir), os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self.address = f"/proc/self/fd/{self._folder}/socket"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._folder)


def ask(cell_dir, **request):
    """One request to the holder, its answer back. The holder's own refusals come as CellError."""
    with Socket(cell_dir) as path, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(20)
        connection.connect(path.address)
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("rb") as stream:
            answer = json.loads(stream.readline() or b'{"error": "the holder went away"}')
    if "error" in answer:
        raise CellError(answer["error"], answer.get("code", 1))
    return answer


def processes_of(cell_id):
    """Pids that carry this cell's tag, without the caller and its parents."""
    mine = set()
    pid = os.getpid()
    while pid > 1 and pid not in mine:
        mine.add(pid)
        fields = process(pid)
        pid = int(fields[1]) if fields else 0
    tag = f"{TAG}={cell_id}".encode()
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) in mine:
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                if tag in file.read().split(b"\0"):
                    found.append(int(name))
        except OSError:  # gone meanwhile, or another user's
            continue
    return found


def end_processes(cell_id, reap=lambda: None, grace=2.0):
    """Ends every process of the cell: politely (a capture writes its last packets), after `grace` seconds by KILL."""
    deadline = time.monotonic() + grace
    first = True
    while True:
        reap()
        pids = processes_of(cell_id)
        if not pids:
            return
        late = time.monotonic() > deadline
        for pid in pids:
            try:
                if late:
                    os.kill(pid, signal.SIGKILL)
                elif first:
                    os.kill(pid, signal.SIGTERM)
                    os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass
        if time.monotonic() > deadline + 5:
            raise CellError(f"processes of the cell do not end: {pids}")
        first = False
        time.sleep(0.01)
