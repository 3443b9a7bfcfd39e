#pragma once
// IPv4 and UDP headers, for those who write whole packets (the guard's last words; DPDK later).
//
//     0                   1                   2                   3
//     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//    +-------+-------+---------------+-------------------------------+
//    |Version|  IHL  |      TOS      |         Total length          |   RFC 791 §3.1
//    +-------+-------+---------------+-----+-------------------------+
//    |        Identification         |Flags|     Fragment offset     |
//    +---------------+---------------+-----+-------------------------+
//    |      TTL      |   Protocol    |        Header checksum        |
//    +---------------+---------------+-------------------------------+
//    |                            Source                             |
//    +---------------------------------------------------------------+
//    |                          Destination                          |
//    +-------------------------------+-------------------------------+
//    |          Source port          |       Destination port        |   RFC 768
//    +-------------------------------+-------------------------------+
//    |            Length             |           Checksum            |
//    +-------------------------------+-------------------------------+

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/endian.h"

namespace tercet::dataplane {

using Ipv4 = std::array<uint8_t, 4>;

struct Ipv4Header {
  uint8_t version_ihl = 0x45;  ///< version 4, five words: no options
  uint8_t tos = 0;
  Be16 total_length;
  Be16 id;
  Be16 flags_offset;
  uint8_t ttl = 64;
  uint8_t protocol = 0;
  Be16 checksum;
  Ipv4 source{};
  Ipv4 destination{};
};
static_assert(sizeof(Ipv4Header) == 20 && alignof(Ipv4Header) == 1);
static_assert(offsetof(Ipv4Header, ttl) == 8 && offsetof(Ipv4Header, source) == 12);

struct UdpHeader {
  Be16 source_port;
  Be16 destination_port;
  Be16 length;
  Be16 checksum;
};
static_assert(sizeof(UdpHeader) == 8 && alignof(UdpHeader) == 1);

inline constexpr uint8_t kProtocolUdp = 17;
inline constexpr uint8_t kTosInternetControl = 0xC0;  ///< RFC 4594: network control, as routers mark VRRP

/// RFC 1071: the one's complement sum of 16-bit words, not folded; an odd last byte is padded with zero.
uint32_t ones_sum(Bytes bytes, uint32_t sum = 0);
/// Folded to 16 bits and inverted: what stands in a checksum field.
uint16_t ones_checksum(uint32_t sum);

/// Writes header, UDP header and payload into `packet`; returns the size, 0 when `packet` is too small. All
/// checksums set.
size_t write_udp_packet(MutBytes packet, Ipv4 source, uint16_t source_port, Ipv4 destination,
                        uint16_t destination_port, Bytes payload);
/// Writes an IPv4 header in front of `payload` of another protocol. Returns the size, 0 when `packet` is too
/// small.
size_t write_ip_packet(MutBytes packet, const Ipv4Header& header, Bytes payload);

}  // namespace tercet::dataplane
