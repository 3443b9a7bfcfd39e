#pragma once
// UDP over IPv4 (RFC 768).
//
//     0                   1                   2                   3
//     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//    +-------------------------------+-------------------------------+
//    |          Source port          |       Destination port        |
//    +-------------------------------+-------------------------------+
//    |            Length             |           Checksum            |
//    +-------------------------------+-------------------------------+
//
// The checksum covers a pseudo-header too (source, destination, protocol, length). 0 says that there is none;
// a sum that comes out as 0 is sent as all ones.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/bytes.h"
#include "base/endian.h"
#include "dataplane/net/checksum.h"
#include "dataplane/net/ip.h"

namespace tercet::dataplane {

struct UdpHeader {
  Be16 source_port;
  Be16 destination_port;
  Be16 length;
  Be16 checksum;
};
static_assert(sizeof(UdpHeader) == 8 && alignof(UdpHeader) == 1);
static_assert(offsetof(UdpHeader, length) == 4 && offsetof(UdpHeader, checksum) == 6);

/// What nearly every datagram begins with: IPv4 without options, UDP.
struct Ipv4Udp {
  Ipv4Header ip;
  UdpHeader udp;
};
static_assert(sizeof(Ipv4Udp) == 28 && alignof(Ipv4Udp) == 1);

/// Of the pseudo-header, not folded.
inline uint32_t udp_pseudo_sum(const Ipv4& source, const Ipv4& destination, uint16_t length) {
  const uint32_t from = number(source);
  const uint32_t to = number(destination);
  return (from >> 16U) + (from & 0xFFFFU) + (to >> 16U) + (to & 0xFFFFU) + kProtocolUdp + length;
}

/// How much of a checksum is to be believed before it is computed.
enum class UdpSum : uint8_t {
  compute,
  compute_or_unfinished,  ///< or it is the pseudo-header's sum alone: what a kernel leaves for its device to
                          ///< finish
  good,                   ///< somebody did already
};

/// `datagram` is a UDP header and its payload, no more.
inline bool is_sum_right(Bytes datagram, uint16_t checksum, const Ipv4& source, const Ipv4& destination,
                         UdpSum sum) {
  if (sum == UdpSum::good || checksum == 0) {
    return true;
  }
  const uint32_t pseudo = udp_pseudo_sum(source, destination, static_cast<uint16_t>(datagram.size()));
  return ones_fold(ones_sum(datagram, pseudo)) == 0xFFFF ||
         (sum == UdpSum::compute_or_unfinished && checksum == ones_fold(pseudo));
}

struct UdpView {
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  uint16_t size = 0;  ///< of the payload, which begins 8 bytes into `packet`
};

/// `packet` is the payload of an IPv4 packet from `source` to `destination`. A length below the packet's is
/// taken (the rest is not looked at), one beyond it is not.
inline NetDrop parse_udp(Bytes packet, const Ipv4& source, const Ipv4& destination, UdpSum sum,
                         UdpView& out) {
  UdpHeader header;
  if (packet.size() < sizeof header) {
    return NetDrop::udp_length;
  }
  std::memcpy(&header, packet.data(), sizeof header);
  const uint16_t length = header.length;
  if (length < sizeof header || length > packet.size()) {
    return NetDrop::udp_length;
  }
  if (!is_sum_right(packet.first(length), header.checksum, source, destination, sum)) {
    return NetDrop::udp_checksum;
  }
  out.source_port = header.source_port;
  out.destination_port = header.destination_port;
  out.size = static_cast<uint16_t>(length - sizeof header);
  return NetDrop::none;
}

/// What stands in the field for a sum over pseudo-header, header (with checksum 0) and payload.
constexpr uint16_t udp_checksum(uint32_t sum) {
  const uint16_t checksum = ones_checksum(sum);
  return checksum == 0 ? uint16_t{0xFFFF} : checksum;
}

/// Writes header, UDP header and payload into `packet`; returns the size, 0 when `packet` is too small. All
/// checksums set.
size_t write_udp_packet(MutBytes packet, Ipv4 source, uint16_t source_port, Ipv4 destination,
                        uint16_t destination_port, Bytes payload);

}  // namespace tercet::dataplane
