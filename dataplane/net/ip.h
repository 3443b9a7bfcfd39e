#pragma once
// IPv4 headers: parsed with every check of RFC 1122 §3.2.1 that concerns an end host, and written.
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
//    +---------------------------------------------------------------+
//    |                  Options (IHL > 5), skipped                   |
//    +---------------------------------------------------------------+

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/bytes.h"
#include "base/endian.h"
#include "dataplane/net/checksum.h"
#include "dataplane/net/net_drop.h"
#include "wire/endpoint.h"

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

inline constexpr uint8_t kProtocolIcmp = 1;
inline constexpr uint8_t kProtocolUdp = 17;
inline constexpr uint8_t kProtocolVrrp = 112;
inline constexpr uint8_t kTosInternetControl = 0xC0;  ///< RFC 4594: network control, as routers mark VRRP
inline constexpr uint16_t kDontFragment = 0x4000;
inline constexpr uint16_t kFragment = 0x3FFF;  ///< "more fragments" and the offset

/// Equal, in one comparison: for four bytes in a std::array, g++ calls memcmp.
constexpr bool same(const Ipv4& a, const Ipv4& b) {
  return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
}
// Words, not bytes, here as well: four byte stores that are read as one word a moment later cost more than
// all the rest (base/endian.h has said that this is a little-endian machine).

/// The address as a number, its first byte the highest: what masks and routes are about.
constexpr uint32_t number(const Ipv4& a) { return __builtin_bswap32(std::bit_cast<uint32_t>(a)); }
constexpr Ipv4 ipv4_of(uint32_t number) { return std::bit_cast<Ipv4>(__builtin_bswap32(number)); }
/// An Endpoint holds IPv4 as IPv4-mapped IPv6.
constexpr Endpoint endpoint_of(const Ipv4& a, uint16_t port) {
  const std::array<uint32_t, 4> words{0, 0, 0xFFFF0000U, std::bit_cast<uint32_t>(a)};
  return {std::bit_cast<std::array<uint8_t, 16>>(words), port};
}
/// The same, written to where it stands: put together elsewhere and copied, it is read before its words are
/// through.
inline void put_endpoint(Endpoint& out, const Ipv4& a, uint16_t port) {
  const uint64_t low = 0;
  const uint64_t high = uint64_t{std::bit_cast<uint32_t>(a)} << 32U | 0xFFFF0000U;
  std::memcpy(out.address.data(), &low, sizeof low);
  std::memcpy(out.address.data() + sizeof low, &high, sizeof high);
  out.port = port;
}
constexpr Ipv4 ipv4_of(const std::array<uint8_t, 16>& mapped) {
  return std::bit_cast<Ipv4>(std::bit_cast<std::array<uint32_t, 4>>(mapped)[3]);
}

/// Endpoint::is_v4(), in two comparisons.
inline bool is_ipv4(const Endpoint& endpoint) {
  constexpr std::array<uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  return std::memcmp(endpoint.address.data(), kMapped.data(), kMapped.size()) == 0;
}

constexpr bool is_multicast(const Ipv4& a) { return (a[0] & 0xF0U) == 0xE0; }
constexpr bool is_loopback(const Ipv4& a) { return a[0] == 127; }
/// 255.255.255.255 and the rest of class E, which no host has (RFC 1112 §4).
constexpr bool is_reserved(const Ipv4& a) { return a[0] >= 240; }
/// One that a host on some network can have as its own, as far as the address alone can tell.
constexpr bool is_host(const Ipv4& a) {
  return a[0] != 0 && !is_loopback(a) && !is_multicast(a) && !is_reserved(a);
}

struct Ipv4View {
  Ipv4 source{};
  Ipv4 destination{};
  uint8_t ttl = 0;
  uint8_t protocol = 0;
  bool fragment = false;     ///< the first or a later piece: `size` bytes of it are here
  uint16_t header_size = 0;  ///< options included
  uint16_t size = 0;         ///< of the payload, which begins header_size bytes into the packet
};

/// `packet` may be longer than its total length (Ethernet pads to 60 bytes): what is behind it is not looked
/// at. `checked`: the device found the header's checksum right.
inline NetDrop parse_ip(Bytes packet, bool checked, Ipv4View& out) {
  Ipv4Header header;
  if (packet.size() < sizeof header) {
    return NetDrop::ip_short;
  }
  std::memcpy(&header, packet.data(), sizeof header);
  if (header.version_ihl >> 4U != 4) {
    return NetDrop::ip_version;
  }
  const size_t header_size = (header.version_ihl & 0x0FU) * size_t{4};
  if (header_size < sizeof header || header_size > packet.size()) {
    return NetDrop::ip_header;
  }
  const size_t total = header.total_length;
  if (total < header_size || total > packet.size()) {
    return NetDrop::ip_length;
  }
  if (!checked && ones_fold(ones_sum(packet.first(header_size))) != 0xFFFF) {
    return NetDrop::ip_checksum;
  }
  out.source = header.source;
  out.destination = header.destination;
  out.ttl = header.ttl;
  out.protocol = header.protocol;
  out.fragment = (header.flags_offset & kFragment) != 0;
  out.header_size = static_cast<uint16_t>(header_size);
  out.size = static_cast<uint16_t>(total - header_size);
  return NetDrop::none;
}

/// Writes an IPv4 header in front of `payload`, which is copied behind it; length and checksum are filled in.
/// Returns the size, 0 when `packet` is too small.
size_t write_ip_packet(MutBytes packet, const Ipv4Header& header, Bytes payload);

}  // namespace tercet::dataplane
