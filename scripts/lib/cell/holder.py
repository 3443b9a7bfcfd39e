"""The process that a cell lives by: it stands in the cell's namespaces, which end with it.

It is started by `up` inside `unshare` (mount and network namespaces, and without root a user namespace), makes the
network, and then starts, watches and ends the server processes, whose parent it is: it reaps them, and when it dies
itself, even by KILL, the kernel kills them too. Requests come over D/.holder/socket, one JSON line each.

Arguments: D, the cell's id, the descriptor on which it says `ok` or what is wrong, the pid of `up`. Until `up` says
that the cell is complete, and afterwards where `up --owner PID` named a process, the cell goes down with that one.
"""

import ctypes
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import network  # noqa: E402
from common import (CellError, Socket, end_processes, read_state, start_time, state_folder,  # noqa: E402
                    write_state)

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class Holder:
    def __init__(self, cell_dir, cell_id):
        self._dir = cell_dir
        self._id = cell_id
        self._servers = {}  # host -> Popen
        self._selector = selectors.DefaultSelector()
        self._owner = None
        self._netns_exec = True
        self._dpdk = set()  # hosts whose eth0 is DPDK's
        self._down_answers = []

    def prepare(self, keep_visible):
        network.mount_run(keep_visible)
        network.make()
        # `ip netns exec` also shows the host's own /sys; where mounting that is forbidden, do without.
        self._netns_exec = subprocess.run(["ip", "netns", "exec", "client", "true"], stdout=subprocess.DEVNULL,
                                          stderr=subprocess.DEVNULL, check=False).returncode == 0
        return self._netns_exec

    def watch(self, pid):
        """The cell goes down when `pid` ends; None: it stays."""
        if self._owner is not None:
            self._selector.unregister(self._owner)
            os.close(self._owner)
            self._owner = None
        if pid is not None:
            self._owner = os.pidfd_open(pid)
            self._selector.register(self._owner, selectors.EVENT_READ, "owner")

    def serve(self, listener):
        """Until somebody says down. True: the cell's files are to be removed here, nobody else will."""
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        stop = []
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.append(True))
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._selector.register(wake_read, selectors.EVENT_READ, "wake")
        self._selector.register(listener, selectors.EVENT_READ, "listener")
        while not stop:
            for key, _ in self._selector.select():
                if key.data == "wake":
                    os.read(wake_read, 4096)
                    self._reap()
                elif key.data == "owner":
                    return True
                elif self._answer_one(listener):
                    return False
        return True

    def end(self):
        end_processes(self._id, self._reap)
        for connection in self._down_answers:
            with connection:
                connection.sendall(b"{}\n")

    def _answer_one(self, listener):
        connection, _ = listener.accept()
        connection.settimeout(5)
        try:
            with connection.makefile("rb") as stream:
                request = json.loads(stream.readline(1 << 20))
            if request["op"] == "down":
                self._down_answers.append(connection)
                return True
            try:
                answer = getattr(self, "_op_" + request.pop("op"))(**request)
            except CellError as error:
                answer = {"error": str(error), "code": error.code}
            connection.sendall(json.dumps(answer).encode() + b"\n")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            print(f"request not understood: {error}", file=sys.stderr, flush=True)
        connection.close()
        return False

    def _reap(self):
        for host, server in list(self._servers.items()):
            if server.poll() is not None:
                print(f"{host} (pid {server.pid}) ended: status {server.returncode}", file=sys.stderr, flush=True)
                del self._servers[host]
                try:
                    os.remove(os.path.join(self._dir, host, "pid"))
                except FileNotFoundError:
                    pass

    def _op_owner(self, pid):
        try:
            self.watch(pid)
        except ProcessLookupError as error:
            raise CellError(f"there is no process {pid} that could own the cell", 2) from error
        return {}

    def _op_list(self):
        self._reap()
        return {"servers": {host: server.pid for host, server in self._servers.items()}}

    def _op_interface(self, host, dpdk):
        """Makes that host's eth0 DPDK's, or its kernel's, unless its server runs."""
        self._reap()
        if host in self._servers:
            return {}
        if dpdk and host not in self._dpdk:
            network.leave_to_dpdk(host, self._netns_exec)
            self._dpdk.add(host)
        elif not dpdk and host in self._dpdk:
            network.give_back_to_kernel(host, self._netns_exec)
            self._dpdk.remove(host)
        return {}

    def _op_start(self, host, argv, environment):
        self._reap()
        if host in self._servers:
            raise CellError(f"{host} runs already (pid {self._servers[host].pid}): scripts/cell kill {host} first", 2)
        environment = dict(environment, TERCET_CELL_ID=self._id, TERCET_CELL_HOST=host)
        enter = network.enter_argv(host, self._netns_exec)
        with open(os.path.join(self._dir, host, "log"), "ab") as log:
            server = subprocess.Popen(
                enter + argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
                cwd=os.path.join(self._dir, host), start_new_session=True,
                preexec_fn=lambda: _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL))
        self._servers[host] = server
        path = os.path.join(self._dir, host, "pid")
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(f"{server.pid}\n")
        os.replace(path + ".new", path)
        return {"pid": server.pid}

    def _op_signal(self, host, number):
        self._reap()
        if host not in self._servers:
            raise CellError(f"no server runs on {host}: scripts/cell start {host} starts it", 2)
        os.kill(self._servers[host].pid, number)
        return {"pid": self._servers[host].pid}


def remove_files(cell_dir):
    """What `up` made below D, and D itself if nothing else is there."""
    state = read_state(cell_dir) or {}
    for name in state.get("made", []):
        path = os.path.join(cell_dir, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, ignore_errors=True)
        elif os.path.lexists(path):
            os.remove(path)
    shutil.rmtree(state_folder(cell_dir), ignore_errors=True)
    try:
        os.rmdir(cell_dir)
    except OSError:
        pass


def _tell(ready, text):
    try:
        ready.write(text.encode() + b"\n")
    except BrokenPipeError:
        pass  # `up` is dead: serve() sees that


def main():
    cell_dir, cell_id, ready_fd, up_pid = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    os.umask(0o077)
    holder = Holder(cell_dir, cell_id)
    with os.fdopen(ready_fd, "wb", buffering=0) as ready:
        try:
            try:
                holder.watch(up_pid)
            except ProcessLookupError:  # killed already
                remove_files(cell_dir)
                return 1
            sees_sys = holder.prepare([cell_dir, os.path.dirname(os.path.abspath(__file__))])
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            with Socket(cell_dir) as path:
                listener.bind(path.address)
            listener.listen(64)
            state = read_state(cell_dir)
            state.update(pid=os.getpid(), started=start_time(os.getpid()), netns_exec=sees_sys)
            write_state(cell_dir, state)
        except (CellError, OSError) as error:
            _tell(ready, str(error))
            return 1
        _tell(ready, "ok")
    alone = holder.serve(listener)
    holder.end()
    if alone:
        remove_files(cell_dir)
    return 0


if __name__ == "__main__":
    sys.exit(main())
