#pragma once
// Handle → number, in one flat table of eight bytes a place: open addressing with linear probing, and no
// marks of what was removed (the run behind it moves up). Its layout depends on history and seed, so nothing
// ever walks it.

#include <bit>

#include "base/check.h"
#include "base/hash.h"
#include "base/zeroed.h"
#include "license/limits.h"
#include "wire/ids.h"

namespace tercet::license {

class HandleTable {
 public:
  /// For at most `items` handles at once.
  HandleTable(size_t items, uint64_t seed)
      : seed_(seed), mask_(static_cast<uint32_t>(places_for(items) - 1)), places_(places_for(items)) {}
  static constexpr size_t places_for(size_t items) { return std::bit_ceil(items + items / 2 + 2); }
  static constexpr size_t bytes_for(size_t items) { return places_for(items) * sizeof(Place); }

  /// The number under `handle`, or kNone. `is(number)` says whether a candidate's handle is this one.
  template <class Is>
  [[nodiscard]] uint32_t find(const Handle& handle, Is is) const {
    const uint32_t tag = tag_of(handle);
    for (uint32_t at = tag & mask_; places_[at].number != 0; at = (at + 1) & mask_) {
      if (places_[at].tag == tag && is(places_[at].number - 1)) {
        return places_[at].number - 1;
      }
    }
    return kNone;
  }
  /// `handle` is not in it yet.
  void insert(const Handle& handle, uint32_t number) {
    const uint32_t tag = tag_of(handle);
    uint32_t at = tag & mask_;
    while (places_[at].number != 0) {
      at = (at + 1) & mask_;
    }
    places_[at] = {tag, number + 1};
  }
  /// `number` is in it under `handle`.
  void erase(const Handle& handle, uint32_t number) {
    uint32_t hole = tag_of(handle) & mask_;
    while (places_[hole].number != number + 1) {
      TERCET_CHECK(places_[hole].number != 0, "handle table: erased what is not there");
      hole = (hole + 1) & mask_;
    }
    // Whatever may not stand behind an empty place (its own place is at or before the hole) moves into the
    // hole.
    for (uint32_t at = (hole + 1) & mask_; places_[at].number != 0; at = (at + 1) & mask_) {
      const uint32_t home = places_[at].tag & mask_;
      if (((at - home) & mask_) >= ((at - hole) & mask_)) {
        places_[hole] = places_[at];
        hole = at;
      }
    }
    places_[hole] = {};
  }
  void clear() { places_.clear(); }
  void prefault() { places_.prefault(places_.size()); }

 private:
  struct Place {
    uint32_t tag;
    uint32_t number;  ///< + 1; 0: empty
  };
  [[nodiscard]] uint32_t tag_of(const Handle& handle) const {
    return static_cast<uint32_t>(hash64(handle.bytes, seed_));
  }

  uint64_t seed_;
  uint32_t mask_;
  Zeroed<Place> places_;
};

}  // namespace tercet::license
