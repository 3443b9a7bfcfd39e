"""scripts/cell: a whole cell on one machine, for trying things out and for tests.

Each host (client lb1 lb2 b1 b2 b3 peer, and router with far behind it) is a network namespace. All of them belong to
one *holder* process (holder.py), which lives until `down`; the other verbs talk to it or enter its namespaces.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import configuration  # noqa: E402
import disks  # noqa: E402
import network  # noqa: E402
from common import (BACKENDS, HOSTS, LBS, SERVERS, CellError, ask, end_processes, holder_pid,  # noqa: E402
                    read_state, start_time, state_folder, write_state)
from holder import remove_files  # noqa: E402
from hosts import (Parser, a_host, config_file, environment, inside, log_of, need_test_faults, one_host,  # noqa: E402
                   running, size_of, tail)

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
FILES = SERVERS + ("client",)
PROGRAMS = ("tercet", "tercet-lb", "tercet-backend")

HELP = """usage: scripts/cell VERB [--dir D] …            (D: where all of its state lies; default .cell/ in the project)

  up [--engine uring|mmsg|dpdk] [--durability fsync|memory] [--set FILE:KEY=VALUE]… [--owner PID] [--bare]
                        builds, makes the cell and returns once it serves. FILE: lb1 lb2 b1 b2 b3 client.
                        dpdk: by the af_packet driver. --set b1:port.engine=… gives a host another engine than the rest.
                        --owner: the cell goes down when that process ends. --bare: the network alone, no servers
  license FLAGS…        issues (flags of `tercet issue`) and imports a license; prints its TMR-ID
  exec HOST -- CMD…     runs a command on a host; `tercet` finds its configuration there
  kill HOST [SIGNAL]    ends the server on that host (KILL); start HOST starts it again with its disk as it was
  pause HOST, resume HOST
                        SIGSTOP, SIGCONT
  cut HOST [HOST2]      cuts a host off, or only the path between two; heal HOST [HOST2] mends that
  lie HOST              starts a stopped backend so that it votes wrong results
  wipe HOST             a new, empty disk for a stopped backend: log, identity, container and key are gone
  corrupt HOST [--bytes N] [--seed S]
                        flips N bytes (1) of what a stopped backend's log and checkpoints hold; prints where
  disk HOST full|eio|slow|ok
                        what that backend's disk does from now on (within 200 ms): no space, errors, 50 ms more a write
  pcap HOST FILE        captures what passes the host's port of the switch, until interrupted or the cell goes down
  status [--json], logs HOST
                        what the cell and a server say
  down [--keep]         ends it and leaves nothing behind (--keep: but its files)

Hosts: client lb1 lb2 b1 b2 b3 peer router, and far behind the router. TERCET_BIN=FOLDER uses the programs there and
builds nothing. Exit codes: 0 done, 1 it went wrong, 2 usage or something missing; exec: those of CMD."""


def replace_by(argv, environ):
    """Becomes that command, so that signals and the exit code are its own."""
    sys.stdout.flush()
    try:
        os.execvpe(argv[0], argv, environ)
    except FileNotFoundError as error:
        raise CellError(f"{argv[0]} is not installed: scripts/deps installs it") from error


def program(state, name):
    return os.path.join(state["programs"], name)


# ---- up and down -----------------------------------------------------------------------------------------------------

def namespaces_argv():
    """How to get new namespaces here: plainly as root, else by a user namespace."""
    # The probe does what the holder will do, so that what is missing is named before anything is made.
    probe = ["sh", "-c", "mount -t tmpfs cell /run && ip link add probe0 type veth peer name probe1"]
    ways = [["--user", "--map-root-user"]] if os.geteuid() != 0 else [[], ["--user", "--map-root-user"]]
    said = []
    for way in ways:
        argv = ["unshare"] + way + ["--mount", "--net", "--propagation", "slave"]
        done = subprocess.run(argv + probe, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return argv, bool(way)
        said.append(done.stderr.strip())
    hints = []
    for knob, wrong in (("kernel/unprivileged_userns_clone", "0"), ("user/max_user_namespaces", "0"),
                        ("kernel/apparmor_restrict_unprivileged_userns", "1")):
        try:
            with open("/proc/sys/" + knob, encoding="ascii") as file:
                if file.read().strip() == wrong:
                    hints.append(f"{knob.replace('/', '.')} is {wrong} here")
        except OSError:
            pass
    who = "root here lacks CAP_SYS_ADMIN or CAP_NET_ADMIN" if os.geteuid() == 0 else "you are not root"
    raise CellError(f"this needs network namespaces: {who}, and user namespaces do not work "
                    f"({'; '.join(said + hints)}): run it as root, or allow user namespaces", 2)


def build():
    """The folder with the three programs, built where TERCET_BIN does not name one."""
    given = os.environ.get("TERCET_BIN")
    if given:
        missing = [name for name in PROGRAMS if not os.access(os.path.join(given, name), os.X_OK)]
        if missing:
            raise CellError(f"TERCET_BIN={given} holds no {' '.join(missing)}", 2)
        return os.path.abspath(given)
    done = subprocess.run([os.path.join(ROOT, "scripts/lib/build"), "release", *PROGRAMS], stdin=subprocess.DEVNULL,
                          stdout=sys.stderr, check=False)
    if done.returncode != 0:
        raise CellError("the build failed (above)")
    return os.path.join(ROOT, "build", "release", "bin")


def claim_folder(cell_dir):
    """Makes D/.holder, which is ours alone from then on."""
    existed = os.path.isdir(cell_dir)
    try:
        os.makedirs(cell_dir, exist_ok=True)
    except OSError as error:
        raise CellError(f"{cell_dir} cannot be made ({error.strerror}): choose another --dir", 2) from error
    state = read_state(cell_dir)
    if holder_pid(state) is not None:
        raise CellError(f"a cell is up in {cell_dir} already: scripts/cell down, or choose another --dir", 2)
    if os.path.isdir(state_folder(cell_dir)):
        maker = (state or {}).get("up")
        if maker and start_time(maker[0]) == maker[1]:
            raise CellError(f"a cell is just coming up in {cell_dir}: choose another --dir", 2)
        clean_up(cell_dir)  # of one that crashed
        os.makedirs(cell_dir, exist_ok=True)
    clash = sorted(set(os.listdir(cell_dir)) & set(HOSTS + ("issuer", "licenses")))
    if clash:
        raise CellError(f"{cell_dir} holds {' '.join(clash)} already: remove that or choose another --dir", 2)
    try:
        os.mkdir(state_folder(cell_dir), 0o700)
    except FileExistsError as error:
        raise CellError(f"a cell is just coming up in {cell_dir}: choose another --dir", 2) from error
    return existed


def clean_up(cell_dir, keep=False):
    """Ends whatever of the cell in D still lives, and removes its files."""
    state = read_state(cell_dir)
    pid = holder_pid(state)
    if pid is not None:
        try:
            ask(cell_dir, op="down")
        except (OSError, CellError, ValueError):
            pass  # it is on its way out, or stuck: see below
        deadline = time.monotonic() + 3
        while holder_pid(state) is not None:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.005)
    if state:
        end_processes(state["id"])
    if keep:
        shutil.rmtree(state_folder(cell_dir), ignore_errors=True)
    else:
        remove_files(cell_dir)


def start_holder(cell_dir, state, argv):
    read_end, write_end = os.pipe()
    with open(os.path.join(state_folder(cell_dir), "log"), "ab") as log:
        holder = subprocess.Popen(
            argv + ["/usr/bin/python3", "-I", "-B", os.path.join(HERE, "holder.py"), cell_dir, state["id"],
                    str(write_end), str(os.getpid())],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(write_end,), start_new_session=True, cwd="/")
    os.close(write_end)
    with os.fdopen(read_end, encoding="utf-8") as ready:
        said = ready.read().strip()
    if said != "ok":
        holder.wait()
        raise CellError(f"the network could not be made: {said or tail(os.path.join(state_folder(cell_dir), 'log'))}")


def tool(state, cell_dir, *arguments):
    """Runs `tercet …` on files alone (no network), and returns what it printed."""
    done = subprocess.run([program(state, "tercet"), *arguments], stdout=subprocess.PIPE, text=True, check=False,
                          env=environment(cell_dir, state, "client"), stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise CellError(f"tercet {' '.join(arguments)} failed (exit {done.returncode}, above)", done.returncode)
    return done.stdout


def write_configuration(cell_dir, state, options, settings):
    tool(state, cell_dir, "issuer", "init", os.path.join(cell_dir, "issuer"))
    servers = []
    for lb in LBS:
        servers += ["--lb", network.address(lb)]
    for backend in BACKENDS:
        servers += ["--backend", network.address(backend)]
    tool(state, cell_dir, "cell", "init", cell_dir, "--vip", network.VIRTUAL_IP, *servers,
         "--issuer", os.path.join(cell_dir, "issuer", "issuer.pub"))
    for host in FILES:
        if not os.path.exists(config_file(cell_dir, host)):
            raise CellError(f"tercet cell init wrote no {config_file(cell_dir, host)}")
    if options.engine:
        for host in SERVERS:
            configuration.change(config_file(cell_dir, host), "port.engine", f'"{options.engine}"')
    if options.durability:
        for host in BACKENDS:
            configuration.change(config_file(cell_dir, host), "store.durability", f'"{options.durability}"')
    for file, key, value in settings:
        configuration.change(config_file(cell_dir, file), key, value)
    for host in BACKENDS:
        tool(state, cell_dir, "container", "init", "--config", config_file(cell_dir, host))


def suit_engine(cell_dir, host, settings=()):
    """However DPDK was asked for: a file without this host's address gets what is needed, but for what `settings` set,
    and eth0 is left to DPDK, or given back to the kernel."""
    path = config_file(cell_dir, host)
    dpdk = configuration.value_of(path, "port.engine") == "dpdk"
    if dpdk and not configuration.value_of(path, "port.address"):
        given = [key for file, key, _ in settings if file == host]
        threads = configuration.value_of(path, "port.steering_threads")
        for key, value in network.dpdk_settings(host, threads if isinstance(threads, int) else 1):
            if key not in given:
                configuration.change(path, key, value)
    ask(cell_dir, op="interface", host=host, dpdk=dpdk)


def start_server(cell_dir, state, host, fault=None):
    environ = environment(cell_dir, state, host)
    environ.pop("TERCET_CONFIG", None)
    if fault:
        environ["TERCET_FAULT"] = fault
    if host in BACKENDS:
        environ["TERCET_FAULT_DISK"] = disks.fault_file(cell_dir, host)
    name = "tercet-lb" if host in LBS else "tercet-backend"
    pid = ask(cell_dir, op="start", host=host, environment=environ,
              argv=[program(state, name), "--config", config_file(cell_dir, host)])["pid"]
    return pid


def check_started(cell_dir, hosts, seconds=0.1, log_from=0):
    """A server that cannot start says so and ends at once: look a moment later. Its log before log_from is of
    former lives."""
    time.sleep(seconds)
    alive = ask(cell_dir, op="list")["servers"]
    for host in hosts:
        if host not in alive:
            raise CellError(f"{host} ended right after its start; its log's end:\n"
                            f"{tail(log_of(cell_dir, host), after=log_from)}")


def wait_until_it_serves(cell_dir, state, seconds=20):
    deadline = time.monotonic() + seconds
    said = ""
    while time.monotonic() < deadline:
        check_started(cell_dir, SERVERS, 0.05)
        done = subprocess.run(inside(state, "client", ["tercet", "status", "--json", "--timeout", "1s"]), text=True,
                              env=environment(cell_dir, state, "client"), capture_output=True, check=False,
                              stdin=subprocess.DEVNULL)
        said = (done.stdout or done.stderr).strip()
        try:
            status = json.loads(done.stdout) if done.returncode == 0 else {}
        except ValueError:
            status = {}
        roles = {lb.get("name"): lb.get("role") for lb in status.get("lbs", [])}
        voting = [backend for backend in status.get("backends", []) if backend.get("state") == "voting"]
        if (status.get("serving") and len(voting) == len(BACKENDS) and
                sorted(roles.get(lb) or "" for lb in LBS) == ["active", "standby"]):
            return
    logs = "".join(f"  {host}:\n{tail(log_of(cell_dir, host), 8)}" for host in SERVERS)
    raise CellError(f"the cell does not serve after {seconds} s; `tercet status` said: {said}\n{logs}")


def up(cell_dir, arguments):
    parser = Parser("up")
    parser.add_argument("--engine", choices=("auto", "uring", "mmsg", "dpdk"))
    parser.add_argument("--durability", choices=("fsync", "memory"))
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="FILE:KEY=VALUE")
    parser.add_argument("--owner", type=int, metavar="PID")
    parser.add_argument("--bare", action="store_true")
    options = parser.parse_args(arguments)
    settings = [configuration.parse_setting(setting, FILES) for setting in options.settings]
    if options.owner is not None and start_time(options.owner) is None:
        raise CellError(f"--owner {options.owner}: there is no such process", 2)

    if options.bare:
        programs = os.environ.get("TERCET_BIN") or os.path.join(ROOT, "build", "release", "bin")
        if subprocess.run([os.path.join(ROOT, "scripts/deps")], stdout=sys.stderr, check=False).returncode != 0:
            return 2
    else:
        programs = build()
    namespaces, user_namespace = namespaces_argv()

    claim_folder(cell_dir)
    try:
        state = {"id": str(uuid.uuid4()), "programs": os.path.abspath(programs), "user_namespace": user_namespace,
                 "netns_exec": True, "bare": options.bare, "up": [os.getpid(), start_time(os.getpid())],
                 "made": list(HOSTS) + ["issuer", "licenses"]}
        write_state(cell_dir, state)
        before = set(os.listdir(cell_dir))
        start_holder(cell_dir, state, namespaces)
        if not options.bare:
            write_configuration(cell_dir, state, options, settings)
            os.mkdir(os.path.join(cell_dir, "licenses"))
        for host in HOSTS:
            os.makedirs(os.path.join(cell_dir, host), exist_ok=True)
        state = read_state(cell_dir)
        state["made"] = sorted(set(state["made"]) | (set(os.listdir(cell_dir)) - before))
        write_state(cell_dir, state)
        if not options.bare:
            for host in SERVERS:
                suit_engine(cell_dir, host, settings)
            for host in BACKENDS + LBS:
                start_server(cell_dir, state, host)
            wait_until_it_serves(cell_dir, state)
        ask(cell_dir, op="owner", pid=options.owner)
    except BaseException:
        clean_up(cell_dir)
        raise
    return 0


def down(cell_dir, arguments):
    parser = Parser("down")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args(arguments)
    if os.path.isdir(state_folder(cell_dir)):
        clean_up(cell_dir, options.keep)
    return 0


# ---- the other verbs -------------------------------------------------------------------------------------------------

def license_(cell_dir, arguments):
    state = running(cell_dir)
    folder = os.path.join(cell_dir, "licenses")
    requests = []
    for host in BACKENDS:
        path = os.path.join(cell_dir, host, "request.json")
        text = tool(state, cell_dir, "container", "request", "--config", config_file(cell_dir, host))
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        requests += ["--request", path]
    number = 1
    while os.path.lexists(path := os.path.join(folder, f"{number}.lic")):
        number += 1
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))  # two at once get two numbers
    try:
        issued = json.loads(tool(state, cell_dir, "issue", "--issuer", os.path.join(cell_dir, "issuer"), *requests,
                                 "-o", path, "--json", *arguments))
    except BaseException:
        os.remove(path)
        raise
    done = subprocess.run(inside(state, "client", ["tercet", "import", path]), stdout=subprocess.PIPE, text=True,
                          env=environment(cell_dir, state, "client"), check=False)
    if done.returncode != 0:
        raise CellError(f"tercet import {path} failed (exit {done.returncode}, above){': ' if done.stdout else ''}"
                        f"{done.stdout.strip()}", done.returncode)
    print(issued["tmr_id"])
    return 0


def exec_(cell_dir, arguments):
    state = running(cell_dir)
    if len(arguments) < 2:
        raise CellError("exec HOST -- CMD…", 2)
    host, command = a_host(arguments[0]), arguments[1:]
    if command[0] == "--":
        command = command[1:]
    if not command:
        raise CellError("exec HOST -- CMD…: CMD is missing", 2)
    return replace_by(inside(state, host, command), environment(cell_dir, state, host))


def a_signal(text):
    name = text.upper()
    if name.isdigit() and 0 < int(name) < signal.NSIG:
        return int(name)
    try:
        return getattr(signal, name if name.startswith("SIG") else "SIG" + name).value
    except AttributeError as error:
        raise CellError(f"{text} is no signal: KILL, TERM, INT, HUP, …", 2) from error


# Signals after which a process need not be gone.
_NOT_FATAL = (signal.SIGSTOP, signal.SIGTSTP, signal.SIGCONT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2,
              signal.SIGCHLD, signal.SIGWINCH, signal.SIGURG)


def kill(cell_dir, arguments):
    running(cell_dir)
    if len(arguments) not in (1, 2):
        raise CellError("kill HOST [SIGNAL]", 2)
    host = a_host(arguments[0], SERVERS)
    number = a_signal(arguments[1] if len(arguments) == 2 else "KILL")
    pid = ask(cell_dir, op="signal", host=host, number=number)["pid"]
    if number in _NOT_FATAL:
        return 0
    deadline = time.monotonic() + 10
    while ask(cell_dir, op="list")["servers"].get(host) == pid:
        if time.monotonic() > deadline:
            raise CellError(f"{host} (pid {pid}) still runs 10 s after that signal: scripts/cell kill {host} ends it")
        time.sleep(0.002)
    return 0


def signal_only(number):
    def verb(cell_dir, arguments):
        running(cell_dir)
        ask(cell_dir, op="signal", host=a_host(one_host(arguments), SERVERS), number=number)
        return 0
    return verb


def start(cell_dir, arguments, fault=None, of=SERVERS):
    state = running(cell_dir)
    host = a_host(one_host(arguments), of)
    if state["bare"]:
        raise CellError("this cell is a network alone (up --bare): there is no server to start", 2)
    if fault:
        need_test_faults(state)
    log_from = size_of(log_of(cell_dir, host))
    suit_engine(cell_dir, host)
    start_server(cell_dir, state, host, fault)
    check_started(cell_dir, [host], log_from=log_from)
    return 0


def lie(cell_dir, arguments):
    return start(cell_dir, arguments, "lie", BACKENDS)


def cut_or_heal(action):
    def verb(cell_dir, arguments):
        state = running(cell_dir)
        if len(arguments) not in (1, 2):
            raise CellError("name one host, or two", 2)
        host = a_host(arguments[0])
        other = a_host(arguments[1]) if len(arguments) == 2 else None
        if host == other:
            raise CellError("name two different hosts", 2)
        elements = network.cut_elements(host, other)
        # Added first in both cases: deleting what is not there would be an error. It is one transaction.
        commands = [f"add element bridge cell {name} {{ {element} }}" for name, element in elements]
        if action == "heal":
            commands += [f"delete element bridge cell {name} {{ {element} }}" for name, element in elements]
        done = subprocess.run(inside(state, None, ["nft", "-f", "-"]), input="\n".join(commands) + "\n", text=True,
                              env=environment(cell_dir, state, ""), capture_output=True, check=False)
        if done.returncode != 0:
            raise CellError(f"nft: {done.stderr.strip()}")
        return 0
    return verb


def pcap(cell_dir, arguments):
    state = running(cell_dir)
    if len(arguments) != 2:
        raise CellError("pcap HOST FILE", 2)
    host = a_host(arguments[0])
    # At the switch, not on the host: of what DPDK sends there (af_packet passes by the queue discipline), no tap is shown.
    port = network.ports(host)[0]
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell that starts this in the background has it ignored
    file = os.path.abspath(arguments[1])
    if state["user_namespace"]:
        command = ["/usr/bin/python3", "-I", "-B", os.path.join(HERE, "capture.py"), port, file]
    else:  # -U: each packet is written at once. -Z root: the file is the caller's
        command = ["tcpdump", "-U", "-n", "-Z", "root", "-i", port, "-w", file]
    return replace_by(inside(state, None, command), environment(cell_dir, state, host))


def status(cell_dir, arguments):
    parser = Parser("status")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    state = running(cell_dir)
    if not state["bare"]:
        command = ["tercet", "status", "--timeout", "2s"] + (["--json"] if options.json else [])
        done = subprocess.run(inside(state, "client", command), env=environment(cell_dir, state, "client"),
                              capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode == 0:
            sys.stdout.write(done.stdout)
            return 0
        sys.stderr.write(done.stderr)
    alive = ask(cell_dir, op="list")["servers"]
    if options.json:
        print(json.dumps({"serving": False, "answered": False, "processes":
                          [{"host": host, "pid": alive.get(host)} for host in SERVERS]}))
    else:
        print("no load balancer answers; the server processes:" if not state["bare"] else "the network alone:")
        for host in SERVERS:
            print(f"  {host:4} {'runs, pid ' + str(alive[host]) if host in alive else 'stopped'}")
    return 0 if state["bare"] else 4


def logs(cell_dir, arguments):
    running(cell_dir)
    host = a_host(one_host(arguments), SERVERS)
    path = os.path.join(cell_dir, host, "log")
    if os.path.exists(path):
        with open(path, "rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
    return 0


VERBS = {"up": up, "down": down, "license": license_, "exec": exec_, "kill": kill, "start": start,
         "pause": signal_only(signal.SIGSTOP), "resume": signal_only(signal.SIGCONT),
         "cut": cut_or_heal("cut"), "heal": cut_or_heal("heal"), "lie": lie, "wipe": disks.wipe, "corrupt": disks.corrupt,
         "disk": disks.disk, "pcap": pcap, "status": status,
         "logs": logs}


def take_dir(arguments):
    """--dir D may stand anywhere before a `--`; what is left, and D."""
    rest, chosen = [], None
    position = 0
    while position < len(arguments):
        argument = arguments[position]
        if argument == "--":
            rest += arguments[position:]
            break
        if argument == "--dir":
            position += 1
            if position == len(arguments):
                raise CellError("--dir D: D is missing", 2)
            chosen = arguments[position]
        elif argument.startswith("--dir="):
            chosen = argument[len("--dir="):]
        else:
            rest.append(argument)
        position += 1
    if chosen == "":
        raise CellError("--dir D: D is empty", 2)
    return rest, os.path.realpath(chosen or os.path.join(ROOT, ".cell"))


def main(arguments):
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(128 + number))
    verb = None
    try:
        arguments, cell_dir = take_dir(arguments)
        if not arguments or (arguments[0] in ("-h", "--help", "help")) or arguments[1:2] in (["-h"], ["--help"]):
            print(HELP)
            return 0 if arguments else 2
        verb = arguments[0]
        if verb not in VERBS:
            raise CellError(f"there is no verb {verb}: scripts/cell --help lists them", 2)
        return VERBS[verb](cell_dir, arguments[1:])
    except CellError as error:
        print(f"scripts/cell{' ' + verb if verb else ''}: {error}", file=sys.stderr)
        return error.code
    except (ConnectionError, FileNotFoundError) as error:
        print(f"scripts/cell {verb}: the cell went away meanwhile, or a file did: {error}", file=sys.stderr)
        return 1
    except OSError as error:  # no permission, no room, a name that is too long …
        print(f"scripts/cell {verb}: {error}: choose another --dir, or make room there", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
