#pragma once
// VRRPv3 advertisements for IPv4 as bytes (RFC 9568 §5.2): declared once, written and parsed from that
// declaration.
//
//     0                   1                   2                   3
//     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//    +-------+-------+---------------+---------------+---------------+
//    |Version| Type  | Virtual Rtr ID|   Priority    |IPvX Addr Count|
//    +-------+-------+---------------+---------------+---------------+
//    | Rsvd  |  Max Advertise Interval (cs)  |          Checksum     |
//    +-------+-----------------------+-------+-----------------------+
//    |                       IPv4 addresses …                        |
//    +---------------------------------------------------------------+
//
// The checksum has two forms in the field. RFC 5798 was read as covering a pseudo-header for IPv4 too
// (keepalived sends and wants that one); RFC 9568 §5.2.8 covers the packet alone. We send the former and take
// both, saying which it was.

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/endian.h"
#include "base/fixed.h"
#include "base/time.h"

namespace tercet::failover {

/// As Endpoint::address: IPv4 is held IPv4-mapped. Compares in network byte order, as VRRP's tie rule wants.
using Address = std::array<uint8_t, 16>;
constexpr Address v4_address(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
  return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, a, b, c, d};
}
bool is_v4(const Address& address);

inline constexpr uint8_t kVrrpProtocol = 112;
inline constexpr uint8_t kVrrpTtl =
    255;  ///< a router would have lowered it: proves that the sender is on the link
inline constexpr Address kVrrpGroup = v4_address(224, 0, 0, 18);

struct VrrpHeader {
  uint8_t version_type;  ///< 3 << 4 | 1
  uint8_t vrid;
  uint8_t priority;  ///< 0: the sender stops being active now; 255: it owns the addresses
  uint8_t count;     ///< of addresses
  Be16 interval;     ///< 4 bits reserved (ignored on receipt), 12 bits of centiseconds
  Be16 checksum;
};
static_assert(sizeof(VrrpHeader) == 8 && alignof(VrrpHeader) == 1);
static_assert(offsetof(VrrpHeader, vrid) == 1 && offsetof(VrrpHeader, priority) == 2 &&
              offsetof(VrrpHeader, count) == 3);
static_assert(offsetof(VrrpHeader, interval) == 4 && offsetof(VrrpHeader, checksum) == 6);

inline constexpr uint8_t kVersionType = 0x31;
inline constexpr uint16_t kIntervalCsMax = 0x0FFF;
/// Most addresses that we send in one advert (the parser takes up to 255).
inline constexpr size_t kAdvertAddressesMax = 8;
inline constexpr size_t kVrrpSizeMax = sizeof(VrrpHeader) + 255 * 4;
using VrrpBytes = FixedVector<uint8_t, sizeof(VrrpHeader) + 4 * kAdvertAddressesMax>;

struct VrrpAdvert {
  uint8_t vrid = 0;
  uint8_t priority = 0;
  uint16_t interval_cs = 0;  ///< 1..4095
  FixedVector<Address, kAdvertAddressesMax> addresses;
};

/// The packet with a zero checksum; fill_checksum() completes it for one source and destination.
VrrpBytes write_advert(const VrrpAdvert& advert);
/// Puts the checksum with the IPv4 pseudo-header into `packet` (at least a header; both addresses IPv4).
void fill_checksum(MutBytes packet, const Address& source, const Address& destination);

enum class Checksum : uint8_t { pseudo_header, plain };

/// Why a packet was dropped; each is counted. In the order in which they are looked at.
enum class VrrpDrop : uint8_t {
  none,
  too_short,      ///< no whole header
  bad_ttl,        ///< not 255: came through a router
  bad_version,    ///< not 3 (a keepalived without `vrrp_version 3` sends 2)
  bad_type,       ///< not an advertisement
  zero_count,     ///< RFC 9568 §7.1: ignored
  bad_length,     ///< count says another length than the packet has
  bad_checksum,   ///< by neither form
  zero_interval,  ///< ignored: its sender's silence could not be told from its life
  other_vrid,     ///< somebody else's group on this link
  count_          ///< how many there are
};
inline constexpr size_t kVrrpDrops = static_cast<size_t>(VrrpDrop::count_);
const char* name_of(VrrpDrop drop);

struct VrrpView {
  uint8_t priority = 0;
  Duration interval;  ///< the sender's advertisement interval, 10 ms to 40.95 s
  Checksum checksum = Checksum::pseudo_header;
  Bytes addresses;  ///< 4 bytes each, of the parsed packet
};

/// How a packet reached us, from its IP header.
struct VrrpArrival {
  uint8_t ttl = 0;
  Address source{};
  Address destination{};
};

/// Other addresses or another interval than ours are no reason to drop (nor are they for keepalived): the
/// VRID decides.
VrrpDrop parse_advert(Bytes packet, const VrrpArrival& arrival, uint8_t vrid, VrrpView& out);

}  // namespace tercet::failover
