#pragma once
// Which neighbour a packet is handed to: the receiver itself on our own network, else what the longest
// matching static route says, else the gateway. Fixed at start: a host with one interface has a handful of
// them, in order of their length, and the first that fits is the longest.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/net/ip.h"

namespace tercet::dataplane {

struct StaticRoute {
  Ipv4 network{};
  uint8_t prefix_length = 0;  ///< 0..32; bits of `network` behind it are not looked at
  Ipv4 via{};                 ///< a neighbour of ours
};

/// The neighbour that stands for no way at all. (A flag beside the address would make five bytes of them,
/// which are put together in memory and read back before they are there: 7 ns a datagram.)
inline constexpr Ipv4 kNowhere{};

class RouteTable {
 public:
  /// `own`/`prefix_length` is the network that is on the link.
  RouteTable(const Ipv4& own, uint8_t prefix_length)
      : own_(number(own)), own_mask_(mask_of(prefix_length)), own_length_(prefix_length) {}

  /// At start only. Of two for the same network the first stays.
  void add(const StaticRoute& route) {
    const Entry entry{number(route.network) & mask_of(route.prefix_length), mask_of(route.prefix_length),
                      route.via};
    // Longer masks are greater numbers: behind all that are as long, before the shorter.
    const auto place = std::ranges::find_if(entries_, [&](const Entry& e) { return e.mask < entry.mask; });
    entries_.insert(place, entry);
  }

  /// The neighbour that what is for `to` is handed to, or kNowhere.
  [[nodiscard]] Ipv4 find(const Ipv4& to) const {
    const uint32_t address = number(to);
    const bool direct = ((address ^ own_) & own_mask_) == 0;
    for (const Entry& entry : entries_) {
      if (direct && entry.mask <= own_mask_) {
        break;  // our own network is at least as long as what is left
      }
      if (((address ^ entry.network) & entry.mask) == 0) {
        return entry.via;
      }
    }
    return direct ? to : kNowhere;
  }

  /// In our own network.
  [[nodiscard]] bool in_own_network(const Ipv4& address) const {
    return ((number(address) ^ own_) & own_mask_) == 0;
  }
  /// One that we may have as a neighbour: in our own network, or what a route leads through.
  [[nodiscard]] bool on_link(const Ipv4& address) const {
    return in_own_network(address) ||
           std::ranges::any_of(entries_, [&](const Entry& entry) { return entry.via == address; });
  }
  /// The broadcast address of our own network, or the address that stands for the network itself (RFC 1122
  /// §3.2.1.3 takes it for an old form of broadcast). Networks of two or one address have neither (RFC 3021).
  [[nodiscard]] bool is_directed_broadcast(const Ipv4& address) const {
    const uint32_t host = number(address) & ~own_mask_;
    return own_length_ < 31 && in_own_network(address) && (host == 0 || host == ~own_mask_);
  }

 private:
  struct Entry {
    uint32_t network;
    uint32_t mask;
    Ipv4 via;
  };
  static constexpr uint32_t mask_of(uint8_t length) {
    return length == 0 ? 0 : length >= 32 ? ~uint32_t{0} : ~uint32_t{0} << (32U - length);
  }

  uint32_t own_;
  uint32_t own_mask_;
  uint8_t own_length_;
  std::vector<Entry> entries_;
};

}  // namespace tercet::dataplane
