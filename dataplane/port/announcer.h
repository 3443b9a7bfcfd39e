#pragma once
// Announcer: how an LB holds its virtual addresses and tells the network about them. An interface like Port:
// kernel_announcer (netlink, raw VRRP socket, AF_PACKET), port_announcer (DPDK: all through the port), the simulator's own.
// All calls by the one thread that owns it (the control thread); none waits for a peer. A failed call is
// counted by the engine and not retried: the caller repeats what matters (adverts by the interval,
// announcements by their schedule, with own() before each).

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace tercet::dataplane {

/// An address as in Endpoint: IPv4 is held IPv4-mapped (RFC 4291 §2.5.5.2).
using IpAddress = std::array<uint8_t, 16>;

/// A virtual address with the length of its network's prefix, in bits of its own family.
struct Vip {
  IpAddress address{};
  uint8_t prefix_length = 0;
  constexpr bool operator==(const Vip&) const = default;
};
/// Most virtual addresses of one LB; all stand in one VRRP advert.
inline constexpr size_t kVipsMax = 8;

/// Longest VRRPv3 IPv4 packet: 8 bytes and 255 addresses.
inline constexpr size_t kAdvertMax = 8 + 255 * 4;

/// A received VRRP packet (IP protocol 112), its IP header taken off and not yet parsed: untrusted.
struct Advert {
  IpAddress from{};
  IpAddress to{};     ///< the group, or our own address (unicast peers): part of the checksum
  uint8_t ttl = 0;    ///< must be 255 (RFC 9568 §7.1): the parser checks
  uint16_t size = 0;  ///< bytes used
  std::array<uint8_t, kAdvertMax> bytes{};
  [[nodiscard]] Bytes view() const { return {bytes.data(), size}; }
};

/// Whether clients can get to the addresses, as far as this host itself can tell.
enum class Reach : uint8_t {
  good,
  restored,  ///< good again since the last call: an address was put back, or the link came back
  none,      ///< the link is down, or an address that is ours to hold cannot be put on it
};

class Announcer {
 public:
  Announcer() = default;
  Announcer(const Announcer&) = delete;
  Announcer& operator=(const Announcer&) = delete;
  virtual ~Announcer() = default;

  /// This host answers for the address from now on. Harmless when it does already.
  virtual void own(const Vip& vip) = 0;
  /// It no longer does. Harmless when it did not.
  virtual void disown(const Vip& vip) = 0;
  /// One gratuitous ARP: request form, broadcast, sender = target = the address (RFC 5227 §3's announcement).
  virtual void announce(const Vip& vip) = 0;
  /// Sends one VRRP packet to the group, or to each unicast peer. `packet` comes with a zero checksum: it
  /// covers source and destination, which only the engine knows, so the engine fills it in
  /// (failover::fill_checksum) per destination.
  virtual void advert(Bytes packet) = 0;
  /// Fills `adverts` with what others sent since the last call, without waiting; our own are left out.
  /// Returns how many.
  virtual size_t adverts(std::span<Advert> adverts) = 0;
  /// Looks whether the link is up and all that own() gave still stands; puts back what somebody removed.
  /// Cheap when nothing changed.
  virtual Reach reach() = 0;
  /// Gives up every address it holds, whatever state it is in: last call of a clean stop.
  virtual void resign() = 0;
};

}  // namespace tercet::dataplane
