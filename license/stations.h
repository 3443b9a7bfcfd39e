#pragma once
// Which leases share a station of a license: (license, station) → its leases, in O(1) and in six bytes of
// each lease and a bucket for three of them. One of a station's leases heads it; heads hang in a bucket's
// chain, the others in a list behind their head:
//
//   bucket → head ─up→ head ─up→ …          a head's `station_down` is the second lease of its station;
//             │ down                          another's `station_up` and `station_down` are its neighbours
//            lease ─down→ lease → …
//
// A copy of the station's text would cost more than all of this, so stations are compared by their head's
// text. Who heads a station, and the order in a list or a chain, depend on history and seed: nobody is told.

#include <bit>
#include <string_view>

#include "base/zeroed.h"
#include "license/lease.h"

namespace tercet::license {

class Stations {
 public:
  explicit Stations(const BookOptions& options)
      : seed_(options.hash_seed + 2), buckets_(buckets_for(options.leases_max)) {}
  static constexpr size_t buckets_for(size_t leases) { return std::bit_ceil(leases / 3 + 1); }
  static constexpr size_t bytes_for(size_t leases) { return buckets_for(leases) * sizeof(uint32_t); }

  /// One of the leases of a license at a station, or kNone. Nothing may depend on which.
  [[nodiscard]] uint32_t find(const Zeroed<Lease>& slab, uint32_t license, std::string_view station) const;
  /// No other lease of its license is at its station. Of one that is in here.
  [[nodiscard]] static bool alone(const Lease& lease) {
    return lease.heads_station != 0 && lease.station_down == 0;
  }
  /// True if it is the first of its license at its station.
  bool add(Zeroed<Lease>& slab, uint32_t index);
  /// True if it was the last.
  bool remove(Zeroed<Lease>& slab, uint32_t index);
  void clear() { buckets_.clear(); }

 private:
  [[nodiscard]] size_t bucket_of(uint32_t license, std::string_view station) const;
  [[nodiscard]] uint32_t find(const Zeroed<Lease>& slab, size_t bucket, uint32_t license,
                              std::string_view station) const;

  uint64_t seed_;
  Zeroed<uint32_t> buckets_;  ///< index of the first head + 1; 0: none. So are the links of leases
};

}  // namespace tercet::license
