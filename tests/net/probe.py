#!/usr/bin/python3
"""UDP from one host of a cell to another, for the network tests.

  probe.py serve PORT          answers every datagram on all addresses, IPv4 and IPv6, until it is ended
  probe.py ask ADDRESS PORT    exit 0 if an answer comes within a second (several tries), 1 if none does
  probe.py arp ADDRESS         asks the network behind eth0 who has that IPv4 address; prints each hardware address
                               that answers within half a second (three questions), a line each
  probe.py claim ADDRESS       says on the network behind eth0 that it has that IPv4 address (three gratuitous ARPs)
"""

import fcntl
import socket
import struct
import sys
import time


def serve(port):
    server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    # The answer must come from the address that was asked, of which a host may have several: learn it for each packet.
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    server.bind(("::", port))
    print("ready", flush=True)
    while True:
        data, ancillary, _, client = server.recvmsg(2048, 256)
        server.sendmsg([data], [item for item in ancillary if item[1] == socket.IPV6_PKTINFO], 0, client)


def ask(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    client = socket.socket(family, socket.SOCK_DGRAM)
    client.connect((address, port))
    client.settimeout(0.1)
    question = f"{time.monotonic_ns()}".encode()
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline:
        try:
            client.send(question)
            if client.recv(2048) == question:
                return 0
        except TimeoutError:
            pass
        except OSError:  # unreachable, or refused
            time.sleep(0.05)
    return 1


def arp(address):
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
    link.bind(("eth0", 0x0806))
    link.settimeout(0.05)
    own = link.getsockname()[4]
    control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender = fcntl.ioctl(control, 0x8915, struct.pack("256s", b"eth0"))[20:24]  # SIOCGIFADDR
    target = socket.inet_aton(address)
    question = (b"\xff" * 6 + own + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1) + own + sender + b"\0" * 6 +
                target)
    holders = set()
    for _ in range(3):
        link.send(question)
        deadline = time.monotonic() + 0.17
        while time.monotonic() < deadline:
            try:
                frame = link.recv(128)
            except TimeoutError:
                continue
            # A reply about that address, to us. What is announced at large is no answer.
            if len(frame) >= 42 and frame[20:22] == b"\0\2" and frame[28:32] == target and frame[32:38] == own:
                holders.add(frame[22:28].hex(":"))
    print("".join(f"{mac}\n" for mac in sorted(holders)), end="")


def claim(address):
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
    link.bind(("eth0", 0x0806))
    own = link.getsockname()[4]
    claimed = socket.inet_aton(address)
    for _ in range(3):
        link.send(b"\xff" * 6 + own + struct.pack("!HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1) + own + claimed + b"\0" * 6 +
                  claimed)
        time.sleep(0.1)


if __name__ == "__main__":
    if sys.argv[1] == "claim":
        sys.exit(claim(sys.argv[2]))
    if sys.argv[1] == "arp":
        sys.exit(arp(sys.argv[2]))
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    sys.exit(ask(sys.argv[2], int(sys.argv[3])))
