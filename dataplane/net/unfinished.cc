#include "dataplane/net/unfinished.h"

#include <array>
#include <cstddef>
#include <cstring>

#include "dataplane/net/checksum.h"
#include "dataplane/net/ethernet.h"
#include "dataplane/net/ip.h"
#include "dataplane/net/udp.h"

namespace tercet::dataplane {
namespace {

constexpr uint8_t kProtocolTcp = 6;
constexpr size_t kTcpSizeMin = 20;
constexpr size_t kTcpChecksumAt = 16;

/// RFC 8200 §3.
struct Ipv6Header {
  std::array<uint8_t, 4> version_class_flow{};
  Be16 payload_length;
  uint8_t next_header = 0;
  uint8_t hop_limit = 0;
  std::array<uint8_t, 32> addresses{};  ///< source, destination
};
static_assert(sizeof(Ipv6Header) == 40 && alignof(Ipv6Header) == 1);
static_assert(offsetof(Ipv6Header, payload_length) == 4 && offsetof(Ipv6Header, addresses) == 8);

/// What a TCP or UDP checksum is about.
struct Transport {
  uint8_t protocol = 0;
  MutBytes packet;
  uint32_t pseudo = 0;  ///< the pseudo-header's sum, not folded
};

Transport over_ipv4(MutBytes packet) {
  Ipv4View ip;
  if (parse_ip(packet, true, ip) != NetDrop::none || ip.fragment) {
    return {};
  }
  const Bytes addresses = packet.subspan(offsetof(Ipv4Header, source), 2 * sizeof(Ipv4));
  return {ip.protocol, packet.subspan(ip.header_size, ip.size),
          ones_sum(addresses, ip.protocol + uint32_t{ip.size})};
}

/// Extension headers are not looked behind: what has them keeps its sum.
Transport over_ipv6(MutBytes packet) {
  Ipv6Header ip;
  if (packet.size() < sizeof ip) {
    return {};
  }
  std::memcpy(&ip, packet.data(), sizeof ip);
  const uint16_t size = ip.payload_length;
  if (size > packet.size() - sizeof ip) {
    return {};
  }
  return {ip.next_header, packet.subspan(sizeof ip, size),
          ones_sum(ip.addresses, ip.next_header + uint32_t{size})};
}

}  // namespace

bool finish_sum(MutBytes frame) {
  EthernetView ethernet;
  if (parse_ethernet(frame, ethernet) != NetDrop::none) {
    return false;
  }
  const MutBytes packet = frame.subspan(ethernet.offset);
  const Transport transport = ethernet.type == kEtherTypeIpv4   ? over_ipv4(packet)
                              : ethernet.type == kEtherTypeIpv6 ? over_ipv6(packet)
                                                                : Transport{};
  const bool tcp = transport.protocol == kProtocolTcp && transport.packet.size() >= kTcpSizeMin;
  const bool udp = transport.protocol == kProtocolUdp && transport.packet.size() >= sizeof(UdpHeader);
  if (!tcp && !udp) {
    return false;
  }
  uint8_t* const field = transport.packet.data() + (tcp ? kTcpChecksumAt : offsetof(UdpHeader, checksum));
  Be16 sum;
  std::memcpy(&sum, field, sizeof sum);
  if (sum != ones_fold(transport.pseudo)) {
    return false;
  }
  // The pseudo-header's sum stands in the packet already.
  const uint32_t all = ones_sum(transport.packet);
  sum = tcp ? ones_checksum(all) : udp_checksum(all);
  std::memcpy(field, &sum, sizeof sum);
  return true;
}

}  // namespace tercet::dataplane
