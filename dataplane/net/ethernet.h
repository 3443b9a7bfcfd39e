#pragma once
// Ethernet II frames, with or without an 802.1Q tag.
//
//     0                   1                   2                   3
//     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//    +---------------------------------------------------------------+
//    |                     Ethernet destination                      |
//    |                               +-------------------------------+
//    |                               |        Ethernet source        |
//    +-------------------------------+                               |
//    |                                                               |
//    +-------------------------------+-----+-+-----------------------+
//    | EtherType 0x8100 (tagged only)| PCP |D|        VLAN id        |   IEEE 802.1Q §9.6
//    +-------------------------------+-----+-+-----------------------+
//    |           EtherType           |  payload …
//    +-------------------------------+

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/bytes.h"
#include "base/endian.h"
#include "dataplane/net/net_drop.h"

namespace tercet::dataplane {

using Mac = std::array<uint8_t, 6>;
inline constexpr Mac kBroadcast{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
inline constexpr Mac kNoMac{};
inline constexpr uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr uint16_t kEtherTypeArp = 0x0806;
inline constexpr uint16_t kEtherTypeVlan = 0x8100;
inline constexpr uint16_t kEtherTypeIpv6 = 0x86DD;
inline constexpr uint16_t kVlanIdMask = 0x0FFF;

struct EthernetHeader {
  Mac destination{};
  Mac source{};
  Be16 type;
};
static_assert(sizeof(EthernetHeader) == 14 && alignof(EthernetHeader) == 1);
static_assert(offsetof(EthernetHeader, source) == 6 && offsetof(EthernetHeader, type) == 12);

/// What stands between the header's type (0x8100) and the payload of a tagged frame.
struct VlanTag {
  Be16 control;  ///< 3 bits priority, drop eligible, 12 bits id
  Be16 type;
};
static_assert(sizeof(VlanTag) == 4 && alignof(VlanTag) == 1);

/// Equal, in two comparisons (see ip.h).
inline bool same(const Mac& a, const Mac& b) { return std::memcmp(a.data(), b.data(), sizeof(Mac)) == 0; }
/// A station's or a group's address (broadcast is a group): IEEE 802 §8.2, the first bit on the wire.
constexpr bool is_group(const Mac& mac) { return (mac[0] & 1U) != 0; }
inline bool is_zero(const Mac& mac) { return same(mac, kNoMac); }
/// What no station can have as its own.
inline bool is_station(const Mac& mac) { return !is_group(mac) && !is_zero(mac); }

struct EthernetView {
  Mac destination{};
  Mac source{};
  uint16_t type = 0;    ///< behind the tag, if there is one
  uint16_t vlan = 0;    ///< id; 0: none, or only a priority
  uint16_t offset = 0;  ///< where the payload begins
};

/// none, or frame_short.
inline NetDrop parse_ethernet(Bytes frame, EthernetView& out) {
  EthernetHeader header;
  if (frame.size() < sizeof header) {
    return NetDrop::frame_short;
  }
  std::memcpy(&header, frame.data(), sizeof header);
  out.destination = header.destination;
  out.source = header.source;
  out.type = header.type;
  out.vlan = 0;
  out.offset = sizeof header;
  if (out.type == kEtherTypeVlan) {
    VlanTag tag;
    if (frame.size() < sizeof header + sizeof tag) {
      return NetDrop::frame_short;
    }
    std::memcpy(&tag, frame.data() + sizeof header, sizeof tag);
    out.type = tag.type;
    out.vlan = tag.control & kVlanIdMask;
    out.offset = sizeof header + sizeof tag;
  }
  return NetDrop::none;
}

/// Bytes in front of the payload of a frame of `vlan` (0: untagged).
constexpr size_t ethernet_size(uint16_t vlan) {
  return sizeof(EthernetHeader) + (vlan != 0 ? sizeof(VlanTag) : 0);
}

/// Writes ethernet_size(vlan) bytes; returns how many, 0 when `frame` is too small.
inline size_t write_ethernet(MutBytes frame, const Mac& destination, const Mac& source, uint16_t vlan,
                             uint16_t type) {
  const size_t size = ethernet_size(vlan);
  if (frame.size() < size) {
    return 0;
  }
  EthernetHeader header{destination, source, type};
  if (vlan != 0) {
    header.type = kEtherTypeVlan;
    const VlanTag tag{vlan, type};
    std::memcpy(frame.data() + sizeof header, &tag, sizeof tag);
  }
  std::memcpy(frame.data(), &header, sizeof header);
  return size;
}

}  // namespace tercet::dataplane
