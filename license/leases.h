#pragma once
// The leases: a slab of records, found by handle, by index (listings go by it: a lease never moves while it
// lives), by station and by who ends next. A record is 176 bytes, its place in a heap 16, in the handle table
// 13, among the stations 2, the units that it used 7: ten million fit 2 GB.

#include <array>
#include <cstdint>

#include "base/time.h"
#include "license/due_heap.h"
#include "license/handle_table.h"
#include "license/index_set.h"
#include "license/lease.h"
#include "license/stations.h"

namespace tercet::license {

static_assert(kUsageMax < uint64_t{1} << 56U, "units fit seven bytes");

class Leases {
 public:
  explicit Leases(const BookOptions& options);
  /// Bytes that `leases` leases take, tables for them included.
  static constexpr uint64_t bytes_for(uint64_t leases) {
    return leases * (sizeof(Lease) + sizeof(Packed<7>)) + leases / 8 + HandleTable::bytes_for(leases) +
           Stations::bytes_for(leases) + ChunkPool::chunks_for(leases, 1) * sizeof(Chunk);
  }

  [[nodiscard]] uint32_t size() const { return used_.size(); }
  [[nodiscard]] bool full() const { return used_.full(); }
  [[nodiscard]] uint32_t capacity() const { return used_.capacity(); }
  [[nodiscard]] bool has(uint32_t index) const { return used_.has(index); }
  [[nodiscard]] uint32_t size_of(uint32_t license) const { return heaps_[license].size(); }
  /// Seats of a license in use: of leases with a seat of their own, and one for each station.
  [[nodiscard]] uint32_t seated(uint32_t license) const { return seated_[license]; }
  /// A lease of the license shares the seat of that station.
  [[nodiscard]] bool has_station(uint32_t license, std::string_view station) const {
    return stations_.find(slab_, license, station) != kNone;
  }
  /// The one lease of the license at that station; kNone if there is none, or more than one.
  [[nodiscard]] uint32_t alone_at(uint32_t license, std::string_view station) const {
    const uint32_t found = stations_.find(slab_, license, station);
    return found != kNone && Stations::alone(slab_[found]) ? found : kNone;
  }
  /// A seat is free once this lease has ended.
  [[nodiscard]] bool frees_seat(uint32_t index) const {
    return slab_[index].seated != 0 || (slab_[index].stationed != 0 && Stations::alone(slab_[index]));
  }
  /// Index or kNone.
  [[nodiscard]] uint32_t find(const Handle& handle) const;
  [[nodiscard]] uint32_t next_used(uint64_t from) const {
    return from >= slab_.size() ? kNone : used_.next_used(static_cast<uint32_t>(from));
  }
  /// A bit for each index, set where there is a lease.
  void used(Zeroed<uint64_t>& out) const { used_.copy_to(out); }
  [[nodiscard]] const Lease& operator[](uint32_t index) const { return slab_[index]; }
  [[nodiscard]] uint64_t due_of(uint32_t index) const;
  [[nodiscard]] LeaseImage image(uint32_t index) const;
  /// Its time is over, or its license's is whatever their time (set_over).
  [[nodiscard]] bool is_over(uint32_t index, uint64_t now_ms) const {
    return over_[slab_[index].license] != 0 || due_of(index) <= now_ms;
  }
  /// Units that its handle has used: 0 unless it is `metered`.
  [[nodiscard]] uint64_t units_of(uint32_t index) const { return units_[index]; }
  /// The lease of all, or of one license, that is over first; kNone if there is none.
  [[nodiscard]] uint32_t earliest() const { return order_size_ == 0 ? kNone : earliest(order_[0]); }
  [[nodiscard]] uint32_t earliest(uint32_t license) const {
    return size_of(license) == 0 ? kNone : heaps_[license].at(chunks_, 0).lease;
  }

  /// The index that the next lease gets. Only while not full().
  [[nodiscard]] uint32_t next_index() const { return used_.lowest_free(); }
  void add(uint32_t index, const LeaseImage& image);
  void remove(uint32_t index);
  /// Handle, license, seat and texts stay.
  void change(uint32_t index, const LeaseImage& image);
  /// Whether the leases of a license are over whatever their time: then they come before all others.
  void set_over(uint32_t license, bool over);
  void set_units(uint32_t index, uint64_t total) { units_[index] = total; }

  void clear();
  void prefault(uint32_t leases);

 private:
  void put_place(uint32_t index, uint32_t place) { slab_[index].place = place & 0xFF'FFFFU; }
  // Licenses that have leases, in a binary heap by their earliest lease.
  void order_fix(uint32_t license);
  [[nodiscard]] bool before(uint32_t a, uint32_t b) const;
  void order_put(uint32_t place, uint32_t license);
  void order_settle(uint32_t place, uint32_t license);

  Zeroed<Lease> slab_;
  IndexSet used_;
  HandleTable by_handle_;
  ChunkPool chunks_;
  Stations stations_;
  Zeroed<DueHeap> heaps_;
  Zeroed<uint32_t> seated_;
  Zeroed<uint8_t> over_;     ///< by license
  Zeroed<Packed<7>> units_;  ///< apart from the leases: most use none
  std::array<uint16_t, kLicensesMax> order_{};
  std::array<uint16_t, kLicensesMax> order_place_{};  ///< + 1; 0: not in it
  uint32_t order_size_ = 0;
};

}  // namespace tercet::license
