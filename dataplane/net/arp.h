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

#include "base/bytes.h"
#include "base/endian.h"
#include "dataplane/net/ethernet.h"
#include "dataplane/net/ip.h"

namespace tercet::dataplane {

/// What stands behind the Ethernet header (and its tag).
struct ArpPacket {
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
static_assert(sizeof(ArpPacket) == 28 && alignof(ArpPacket) == 1);
inline constexpr uint16_t kArpEthernet = 1;
inline constexpr uint16_t kArpRequest = 1;
inline constexpr uint16_t kArpReply = 2;

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

/// none, or why it is not a request or reply that a station can have sent: too short, not Ethernet and IPv4,
/// another operation; its sender a group MAC (RFC 1812 §3.3.2) or an address that no host has. 0.0.0.0 is a
/// sender: who asks whether an address is free (RFC 5227 §2.1.1) has none yet.
NetDrop parse_arp(Bytes packet, ArpPacket& out);
/// "Who has `target`? Tell `sender`."
ArpPacket arp_request(const Mac& sender_mac, const Ipv4& sender, const Ipv4& target);
/// "`address` is at `mac`", for who asked.
ArpPacket arp_reply(const ArpPacket& request, const Mac& mac, const Ipv4& address);

/// RFC 5227 §3: an ARP announcement: a request to all with sender = target = the address. The reply form is
/// left out: some switches broke on it, and Linux ignores one whose target MAC is not the sender's within a
/// second of its last update.
inline ArpFrame gratuitous_arp(const Mac& mac, const Ipv4& address) {
  ArpFrame frame;
  frame.destination = kBroadcast;
  frame.source = mac;
  frame.ether_type = kEtherTypeArp;
  frame.hardware_type = kArpEthernet;
  frame.protocol_type = kEtherTypeIpv4;
  frame.hardware_size = 6;
  frame.protocol_size = 4;
  frame.operation = kArpRequest;
  frame.sender_mac = mac;
  frame.sender = address;
  frame.target = address;
  return frame;
}

}  // namespace tercet::dataplane
