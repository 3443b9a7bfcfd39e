#!/usr/bin/python3
"""UDP from one host of a cell to another, for the network tests.

  probe.py serve PORT          answers every datagram on all addresses, IPv4 and IPv6, until it is ended
  probe.py ask ADDRESS PORT    exit 0 if an answer comes within a second (several tries), 1 if none does
"""

import socket
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


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(int(sys.argv[2]))
    sys.exit(ask(sys.argv[2], int(sys.argv[3])))
