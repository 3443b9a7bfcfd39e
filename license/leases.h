#pragma once
// The leases: a slab of records, found by handle, by index (listings go by it: a lease never moves while it
// lives) and by who ends next. A record is 176 bytes, its place in a heap 16, in the handle table 13: ten
// million fit 2 GB.

#include <array>
#include <cstdint>
#include <type_traits>

#include "base/hash.h"
#include "base/time.h"
#include "license/due_heap.h"
#include "license/handle_table.h"
#include "license/index_set.h"
#include "wire/op.h"

namespace tercet::license {

/// What is kept of the last answer on a handle besides the lease's own fields.
struct LastAnswer {
  uint64_t features;
  uint32_t request;   ///< the handle's last
  uint32_t lease_ms;  ///< 0 when it was a denial
  uint32_t in_use;
  uint32_t quantity;
};

struct Lease {
  Handle handle;
  uint64_t end_ms;         ///< cell time
  uint64_t end_wall_ms;    ///< for people
  uint64_t since_wall_ms;  ///< wall time of its checkout
  LastAnswer last;
  uint32_t lease_ms;            ///< as granted at checkout
  uint16_t license : 12;        ///< index
  uint16_t seated : 1;          ///< takes a seat (user-limit)
  uint16_t last_unlimited : 1;  ///< the last answer said "seats without number"
  uint16_t reserved : 2;
  uint8_t last_code;          ///< Code
  uint8_t text_size[5];       ///< user, host, process, version, station …
  char text[kHolderTextMax];  ///< … back to back; zero behind them
  uint32_t place;             ///< in its license's heap; not part of the book's state
};
static_assert(sizeof(Lease) == 176 && std::is_trivially_copyable_v<Lease>);
static_assert(kLicensesMax <= 1U << 12U);
inline constexpr size_t kLeaseStateSize = sizeof(Lease) - sizeof(Lease::place);

/// A lease by value, as undo records and tests keep it.
struct LeaseImage {
  Lease lease;
  uint64_t due_ms;  ///< cell time at which it is over: end plus grace
};

/// The answer that `lease` keeps, as it was first sent.
OpResult last_answer(const Lease& lease, uint32_t tmr_id);

class Leases {
 public:
  explicit Leases(const BookOptions& options);
  /// Bytes that `leases` leases take, tables for them included.
  static constexpr uint64_t bytes_for(uint64_t leases) {
    return leases * sizeof(Lease) + leases / 8 + HandleTable::bytes_for(leases) +
           ChunkPool::chunks_for(leases, 1) * sizeof(Chunk);
  }

  [[nodiscard]] uint32_t size() const { return used_.size(); }
  [[nodiscard]] bool full() const { return used_.full(); }
  [[nodiscard]] uint32_t size_of(uint32_t license) const { return heaps_[license].size(); }
  [[nodiscard]] uint32_t seated(uint32_t license) const { return seated_[license]; }
  /// Index or kNone.
  [[nodiscard]] uint32_t find(const Handle& handle) const;
  [[nodiscard]] uint32_t next_used(uint64_t from) const {
    return from >= slab_.size() ? kNone : used_.next_used(static_cast<uint32_t>(from));
  }
  [[nodiscard]] const Lease& operator[](uint32_t index) const { return slab_[index]; }
  [[nodiscard]] uint64_t due_of(uint32_t index) const;
  [[nodiscard]] LeaseImage image(uint32_t index) const;
  /// The lease of all, or of one license, that is over first; kNone if there is none.
  [[nodiscard]] uint32_t earliest() const { return order_size_ == 0 ? kNone : earliest(order_[0]); }
  [[nodiscard]] uint32_t earliest(uint32_t license) const {
    return size_of(license) == 0 ? kNone : heaps_[license].at(chunks_, 0).lease;
  }

  /// The index that the next lease gets. Only while not full().
  [[nodiscard]] uint32_t next_index() const { return used_.lowest_free(); }
  void add(uint32_t index, const LeaseImage& image);
  void remove(uint32_t index);
  /// Handle, license and seat stay.
  void change(uint32_t index, const LeaseImage& image);

  void clear();
  void prefault(uint32_t leases);

 private:
  // Licenses that have leases, in a binary heap by their earliest lease.
  void order_fix(uint32_t license);
  [[nodiscard]] bool before(uint32_t a, uint32_t b) const;
  void order_put(uint32_t place, uint32_t license);
  void order_settle(uint32_t place, uint32_t license);

  Zeroed<Lease> slab_;
  IndexSet used_;
  HandleTable by_handle_;
  ChunkPool chunks_;
  Zeroed<DueHeap> heaps_;
  Zeroed<uint32_t> seated_;
  std::array<uint16_t, kLicensesMax> order_{};
  std::array<uint16_t, kLicensesMax> order_place_{};  ///< + 1; 0: not in it
  uint32_t order_size_ = 0;
};

/// Hash of one lease for the book's digest.
Hash128 hash_of(uint32_t index, const LeaseImage& image);

}  // namespace tercet::license
