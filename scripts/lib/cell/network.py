"""The cell's network, made inside the holder's namespaces.

      br0  198.18.0.0/24  2001:db8::/64                          br1  198.18.1.0/24  2001:db8:1::/64
   lb1 .1  lb2 .2  b1 .11  b2 .12  b3 .13  client .21  peer .22  router .254 ─┬─ router .254  far .21
                                                                              └─ forwards, an ordinary Linux

The two bridges stand in the holder's own network namespace; a bridge port has its host's name (the router's second
one: router1), the host's end is eth0 (the router's second one: eth1). Cuts are made *at the ports*, as a failed
switch path is: the host's link stays up, and frames are dropped in both directions.

A host whose engine is DPDK has eth0 as a device of its own would be: its kernel keeps no address on it and hears nothing
of it, and what the switch sends there is cut into frames, as on a wire.
"""

import ipaddress
import os
import subprocess

from common import HOSTS, CellError

IPV4 = {"lb1": 1, "lb2": 2, "b1": 11, "b2": 12, "b3": 13, "client": 21, "peer": 22, "router": 254}
VIRTUAL_IP = "198.18.0.100/24"
_OWN_PROC = "/run/proc"


def address(host):
    return "198.18.1.21" if host == "far" else f"198.18.0.{IPV4[host]}"


def dpdk_settings(host, threads=1):
    """What a server whose engine is DPDK wants beyond that: its device, and what its kernel knew. (key, TOML value)."""
    queues = f",qpairs={threads}" if threads > 1 else ""
    return [("port.eal", f'"--no-huge -m 64 --no-pci --no-shconf --vdev=net_af_packet0,iface=eth0{queues}"'),
            ("port.address", f'"{address(host)}/24"'),
            ("port.routes", f'["198.18.1.0/24 via {address("router")}"]')]


def address6(host):
    return "2001:db8:1::21" if host == "far" else f"2001:db8::{IPV4[host]}"


def ports(host):
    return ("router", "router1") if host == "router" else (host,)


def enter_argv(host, netns_exec):
    """What to put before a command so that it runs on that host; for a process inside the holder's namespaces."""
    return ["ip", "netns", "exec", host] if netns_exec else ["nsenter", f"--net=/run/netns/{host}", "--"]


# Prerouting comes before the bridge learns: a host that is cut off must not teach the switch where an address is.
# The *_path sets cut only between two: by ports on one bridge, by port and far address across the router.
_CUTS = """
table bridge cell {
  set cut_port { type ifname; }
  set cut_path { type ifname . ifname; }
  set cut_path4 { type ifname . ipv4_addr; }
  set cut_path6 { type ifname . ipv6_addr; }
  chain from_host {
    type filter hook prerouting priority -300; policy accept;
    iifname @cut_port drop
    iifname . ip daddr @cut_path4 drop
    iifname . ip6 daddr @cut_path6 drop
  }
  chain to_host {
    type filter hook forward priority -300; policy accept;
    oifname @cut_port drop
    iifname . oifname @cut_path drop
    oifname . ip saddr @cut_path4 drop
    oifname . ip6 saddr @cut_path6 drop
  }
}
"""


def _run(argv, text=None):
    done = subprocess.run(argv, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise CellError(f"{' '.join(argv)}: {done.stdout.strip()}")
    return done.stdout


def _batch(host, lines):
    _run(["ip"] + (["-n", host] if host else []) + ["-batch", "-"], "\n".join(lines) + "\n")


def _sysctl(values):
    """Writes net.* settings of the namespace this process stands in. Those marked needed must work."""
    # Some containers show /proc/sys read-only; a /proc of our own (mount_run) is not.
    proc = _OWN_PROC if os.path.ismount(_OWN_PROC) else "/proc"
    for name, value, needed in values:
        path = f"{proc}/sys/net/{name}"
        try:
            with open(path, encoding="ascii") as file:
                if file.read().strip() == value:
                    continue
            with open(path, "w", encoding="ascii") as file:
                file.write(value)
        except OSError as error:
            if needed:
                raise CellError(f"{path} cannot be set ({error.strerror}): make /proc/sys/net writable here") from error


def mount_run(keep_visible):
    """A private /run, where iproute2 keeps its names (and where the host's /run/netns may not even exist)."""
    under_run = any(os.path.realpath(path).startswith("/run/") for path in keep_visible)
    if under_run:
        if not os.path.isdir("/run/netns"):
            raise CellError("--dir is below /run, which the cell must cover: choose a --dir elsewhere", 2)
        _run(["mount", "-t", "tmpfs", "-o", "mode=755", "cell", "/run/netns"])
    else:
        _run(["mount", "-t", "tmpfs", "-o", "mode=755", "cell", "/run"])
        os.mkdir("/run/netns")
        os.mkdir("/run/lock")
        if not os.access("/proc/sys/net/ipv4/ip_forward", os.W_OK):
            os.mkdir(_OWN_PROC)
            subprocess.run(["mount", "-t", "proc", "proc", _OWN_PROC], stderr=subprocess.DEVNULL, check=False)


def make():
    """All hosts, links, addresses and routes. Runs in new, empty namespaces; nothing to undo on failure."""
    # A namespace starts with the IPv4 settings of the machine, which differ from one to another: set what matters.
    ordinary = [("ipv4/conf/all/rp_filter", "0", False), ("ipv4/conf/default/rp_filter", "0", False),
                ("ipv4/conf/all/arp_ignore", "0", False), ("ipv4/conf/all/arp_announce", "0", False),
                ("ipv4/conf/all/arp_accept", "0", False), ("ipv4/conf/default/arp_accept", "0", False),
                ("ipv6/conf/all/accept_ra", "0", False), ("ipv6/conf/default/accept_ra", "0", False),
                ("ipv6/conf/all/accept_dad", "0", False)]
    for host in HOSTS:
        _run(["ip", "netns", "add", host])
    links = ["link set lo up"]
    for bridge in ("br0", "br1"):
        links += [f"link add {bridge} type bridge stp_state 0 forward_delay 0", f"link set {bridge} up"]
    number = 0
    for host in HOSTS:
        for index, port in enumerate(ports(host)):
            number += 1
            mac = f"02:54:43:00:00:{number:02x}"  # locally administered, easy to tell apart in a capture
            bridge = "br1" if port in ("far", "router1") else "br0"
            links += [f"link add {port} type veth peer name eth{index} address {mac} netns {host}",
                      f"link set {port} master {bridge} up"]
    if _has_ipv6():
        _sysctl([("ipv6/conf/default/disable_ipv6", "1", False)])
    # Where br_netfilter is loaded, a bridge would take every packet through the machine's IP hooks too (16 % of the load
    # balancer's time under load): a switch does not.
    if os.path.isdir("/proc/sys/net/bridge"):
        _sysctl([(f"bridge/bridge-nf-call-{family}tables", "0", False) for family in ("ip", "ip6", "arp")])
    _batch(None, links)
    for host in HOSTS:
        forward = "1" if host == "router" else "0"
        settings = ordinary + [("ipv4/ip_forward", forward, host == "router"),
                               ("ipv6/conf/all/forwarding", forward, False)]
        # While a link-local address is tentative (1 to 2 s) a router asks for no neighbour on behalf of others.
        settings += [(f"ipv6/conf/eth{index}/accept_dad", "0", False) for index in range(len(ports(host)))]
        if os.fork() == 0:  # the settings are those of the namespace a process is in: a child goes there
            status = 1
            try:
                _enter(host)
                _sysctl(settings)
                status = 0
            except CellError as error:
                os.write(2, f"{error}\n".encode())
            finally:
                os._exit(status)
        if os.wait()[1] != 0:
            raise CellError(f"the settings of host {host} could not be made (above)")
        _batch(host, _addresses(host))
    try:
        _run(["nft", "-f", "-"], _CUTS)
    except CellError as error:
        raise CellError(f"this kernel's nftables lack the bridge family, which `cut` needs: {error}") from error


# Taps (af_packet, tcpdump) come before it, XDP does too.
_DEAF = """
table netdev cell {
  chain deaf { type filter hook ingress device "eth0" priority -300; policy drop; }
}
"""


def leave_to_dpdk(host, netns_exec):
    """eth0 of this host is DPDK's from now on, and no more its kernel's."""
    _batch(host, ["address flush dev eth0"])
    _run(enter_argv(host, netns_exec) + ["nft", "-f", "-"], _DEAF)
    # A kernel sends a run of UDP datagrams (or TCP segments) as one packet, for a NIC to cut. veth cuts nothing, and the
    # other end's kernel knows what it has; af_packet takes it for one long datagram.
    _batch(None, [f"link set dev {host} gso_max_segs 1"])


def give_back_to_kernel(host, netns_exec):
    """What leave_to_dpdk took."""
    _run(enter_argv(host, netns_exec) + ["nft", "delete", "table", "netdev", "cell"])
    _batch(None, [f"link set dev {host} gso_max_segs 65535"])
    # An af_xdp server that was killed has left its program. Down and up: so eth0 gets its link-local address again.
    _batch(host, ["link set eth0 xdp off", "link set eth0 down"] + _addresses(host))


def _enter(host):
    import ctypes  # only here: it is slow to load
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/run/netns/{host}", "rb") as file:
        if libc.setns(file.fileno(), 0x40000000) != 0:  # CLONE_NEWNET
            raise CellError(f"cannot enter the namespace of {host}: {os.strerror(ctypes.get_errno())}")


def _has_ipv6():
    return os.path.isdir("/proc/sys/net/ipv6")


def _addresses(host):
    lines = ["link set lo up", "link set eth0 up"]
    if host == "router":
        lines += ["link set eth1 up", "address add 198.18.1.254/24 brd + dev eth1"]
    lines.append(f"address add {address(host)}/24 brd + dev eth0")
    if host == "far":
        lines.append("route replace default via 198.18.1.254")
    elif host != "router":
        lines.append("route replace 198.18.1.0/24 via 198.18.0.254")
    if _has_ipv6():
        lines.append(f"address add {address6(host)}/64 dev eth0 nodad")
        if host == "router":
            lines.append("address add 2001:db8:1::254/64 dev eth1 nodad")
        elif host == "far":
            lines.append("route replace default via 2001:db8:1::254")
        else:
            lines.append("route replace 2001:db8:1::/64 via 2001:db8::254")
    return lines


def cut_elements(host, other):
    """What a cut puts into the sets above: pairs of set and element. `other` None: the host from everybody."""
    if other is None:
        return [("cut_port", f'"{port}"') for port in ports(host)]
    if "far" not in (host, other):
        return [("cut_path", f'"{host}" . "{other}"'), ("cut_path", f'"{other}" . "{host}"')]
    near = other if host == "far" else host
    if near == "router":
        return [("cut_path", '"far" . "router1"'), ("cut_path", '"router1" . "far"')]
    # Across the router the frames carry its hardware address: the far host is known by its own addresses, whatever
    # address of the near host (its own or the virtual one) they go to.
    far4 = ipaddress.ip_address(address("far"))
    far6 = ipaddress.ip_address(address6("far"))
    return [("cut_path4", f'"{near}" . {far4}'), ("cut_path6", f'"{near}" . {far6}')]
