#pragma once
// ARP for IPv4 over Ethernet (RFC 826), and the gratuitous announcement that moves a virtual address to this
// host.
//
//     0                   1                   2                   3
//     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//    +---------------------------------------------------------------+
//    |                     Ethernet destination                      |
//    |                               +-------------------------------+
//    |                               |        Ethernet source        |
//    +-------------------------------+                               |
//    |                                                               |
//    +-------------------------------+-------------------------------+
//    |       EtherType 0x0806        |        Hardware type 1        |
//    +-------------------------------+---------------+---------------+
//    |     Protocol type 0x0800      |       6       |       4       |
//    +-------------------------------+---------------+---------------+
//    |    Operation (1: request)     |                               |
//    +-------------------------------+   Sender hardware address     |
//    |                                                               |
//    +---------------------------------------------------------------+
//    |                    Sender protocol address                    |
//    +---------------------------------------------------------------+
//    |           Target hardware address             |               |
//    |                               +---------------+               |
//    |                               |    Target protocol address    |
//    +-------------------------------+-------------------------------+

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/endian.h"
#include "dataplane/net/ip.h"

namespace tercet::dataplane {

using Mac = std::array<uint8_t, 6>;
inline constexpr Mac kBroadcast{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
inline constexpr uint16_t kEtherTypeArp = 0x0806;
inline constexpr uint16_t kEtherTypeIpv4 = 0x0800;

struct ArpFrame {
  Mac destination{};
  Mac source{};
  Be16 ether_type;
  Be16 hardware_type;
  Be16 protocol_type;
  uint8_t hardware_size = 0;
  uint8_t protocol_size = 0;
  Be16 operation;
  Mac sender_mac{};
  Ipv4 sender{};
  Mac target_mac{};
  Ipv4 target{};
};
static_assert(sizeof(ArpFrame) == 42 && alignof(ArpFrame) == 1);
static_assert(offsetof(ArpFrame, operation) == 20 && offsetof(ArpFrame, sender) == 28 &&
              offsetof(ArpFrame, target) == 38);

/// RFC 5227 §3: an ARP announcement: a request to all with sender = target = the address. The reply form is
/// left out: some switches broke on it, and Linux ignores one whose target MAC is not the sender's within a
/// second of its last update.
inline ArpFrame gratuitous_arp(const Mac& mac, const Ipv4& address) {
  ArpFrame frame;
  frame.destination = kBroadcast;
  frame.source = mac;
  frame.ether_type = kEtherTypeArp;
  frame.hardware_type = uint16_t{1};
  frame.protocol_type = kEtherTypeIpv4;
  frame.hardware_size = 6;
  frame.protocol_size = 4;
  frame.operation = uint16_t{1};
  frame.sender_mac = mac;
  frame.sender = address;
  frame.target = address;
  return frame;
}

}  // namespace tercet::dataplane
