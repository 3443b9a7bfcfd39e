#pragma once
// ICMP for IPv4 (RFC 792): echo, answered in place, and "destination unreachable", which quotes the datagram
// of ours that could not be delivered.
//
//     0                   1                   2                   3
//     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//    +---------------+---------------+-------------------------------+
//    |     Type      |     Code      |           Checksum            |
//    +---------------+---------------+-------------------------------+
//    |   echo: identifier, sequence;  unreachable: unused, next MTU  |
//    +---------------------------------------------------------------+
//    |   echo: data;  unreachable: the IP header, and 8 bytes of UDP |
//    +---------------------------------------------------------------+

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/endian.h"
#include "dataplane/net/ip.h"
#include "dataplane/net/net_drop.h"

namespace tercet::dataplane {

struct IcmpHeader {
  uint8_t type = 0;
  uint8_t code = 0;
  Be16 checksum;
  Be32 rest;
};
static_assert(sizeof(IcmpHeader) == 8 && alignof(IcmpHeader) == 1);

inline constexpr uint8_t kIcmpEchoReply = 0;
inline constexpr uint8_t kIcmpUnreachable = 3;
inline constexpr uint8_t kIcmpEcho = 8;
/// Longest echo request that is answered, with its header: what fits a frame of 1,500 bytes without options.
inline constexpr size_t kPingMax = 1500 - sizeof(Ipv4Header);

/// `packet` is the payload of an IPv4 packet that is no fragment. none, icmp_malformed or icmp_checksum.
NetDrop parse_icmp(Bytes packet, IcmpHeader& out);

/// Makes an echo request its own reply: type and checksum. `packet` as parse_icmp() took it.
void make_echo_reply(MutBytes packet);

/// What the error in `packet` (type unreachable, as parse_icmp() took it) is about.
struct Unreachable {
  Ipv4 source{};  ///< of the quoted datagram: ours
  Ipv4 destination{};
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  bool hard = false;  ///< nobody will take it there: protocol, port or administration (RFC 1122 §4.2.3.9).
                      ///< Else it may pass
};
/// none; icmp_malformed: no whole header is quoted; icmp_other: not about a first piece of UDP.
NetDrop parse_unreachable(Bytes packet, Unreachable& out);

}  // namespace tercet::dataplane
