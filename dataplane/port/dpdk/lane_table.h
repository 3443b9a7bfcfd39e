#pragma once
// LaneTable: which lane a datagram belongs to. The connected one whose local and remote end are both the
// datagram's, else the unconnected one at its local end; in each case before any at 0.0.0.0, which are at
// every address. Whether an address is ours is not asked here.
//
// A *door* is a local end with the lanes that stand at it: a hash finds it in one step (a quarter of the
// places is used at most), and with the clients' there is nothing more to look at. An end is six bytes in one
// number.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/fixed.h"
#include "dataplane/net/ip.h"
#include "dataplane/port/port.h"

namespace tercet::dataplane {

class LaneTable {
 public:
  static constexpr Lane kNone = 0xFF;

  /// At start only, at most kLanesMax. `remote_port` 0: unconnected.
  void add(Lane lane, const Ipv4& local, uint16_t local_port, const Ipv4& remote, uint16_t remote_port) {
    Door& door = doors_[place_of(end(local, local_port))];
    door.end = end(local, local_port);
    any_ = any_ || local == Ipv4{};
    if (remote_port == 0) {
      door.unconnected = lane;
      return;
    }
    connected_.push_back({end(remote, remote_port), lane, door.first});
    door.first = static_cast<uint8_t>(connected_.size() - 1);
  }

  /// kNone: no lane is there.
  [[nodiscard]] Lane find(const Ipv4& local, uint16_t local_port, const Ipv4& remote,
                          uint16_t remote_port) const {
    const uint64_t from = end(remote, remote_port);
    const Door& here = doors_[place_of(end(local, local_port))];
    Lane lane = connected(here, from);
    if (any_) [[unlikely]] {
      const Door& anywhere = doors_[place_of(end({}, local_port))];
      lane = lane != kNone ? lane : connected(anywhere, from);
      lane = lane != kNone || here.unconnected != kNone ? lane : anywhere.unconnected;
    }
    return lane != kNone ? lane : here.unconnected;
  }

 private:
  static constexpr uint8_t kNil = 0xFF;
  static constexpr size_t kPlaces = 4 * kLanesMax;
  static_assert(std::has_single_bit(kPlaces) && kLanesMax < kNil);

  struct Door {
    uint64_t end = 0;  ///< 0: a free place
    Lane unconnected = kNone;
    uint8_t first = kNil;  ///< of the connected ones
  };
  struct Connected {
    uint64_t remote = 0;
    Lane lane = 0;
    uint8_t next = kNil;
  };

  static uint64_t end(const Ipv4& address, uint16_t port) {
    return uint64_t{port} << 32U | std::bit_cast<uint32_t>(address);
  }
  /// Where the door `end` is, or would be: a free place has no lanes.
  [[nodiscard]] size_t place_of(uint64_t end) const {
    size_t place = (end * 0x9E3779B97F4A7C15ULL) >> (64U - std::bit_width(kPlaces - 1));
    while (doors_[place].end != end && doors_[place].end != 0) {
      place = (place + 1) % kPlaces;
    }
    return place;
  }
  [[nodiscard]] Lane connected(const Door& door, uint64_t remote) const {
    for (uint8_t i = door.first; i != kNil; i = connected_[i].next) {
      if (connected_[i].remote == remote) {
        return connected_[i].lane;
      }
    }
    return kNone;
  }

  bool any_ = false;  ///< there are lanes at 0.0.0.0
  std::array<Door, kPlaces> doors_{};
  FixedVector<Connected, kLanesMax> connected_;
};

}  // namespace tercet::dataplane
