#pragma once
// The licenses. A license has three places for constituents, one a container, each with the terms of its own
// revision: while a new revision comes in constituent by constituent, the old one serves until two of the new
// one are there. Revisions whose properties are equal serve together: a reissue that only binds a constituent
// to another container leaves no gap. A license is valid by two of three (I7): the terms in force are those
// that two present constituents share. One whose slot is absent (its container is gone, or its backend down
// for long) is not present, though its terms stay.

#include <bit>
#include <span>
#include <vector>

#include "base/hash.h"
#include "base/zeroed.h"
#include "license/constituents.h"

namespace tercet::license {

struct License {
  uint8_t present[kBackends];   ///< 1: the constituent is here
  uint8_t bound_to[kBackends];  ///< generation of its slot's container (Cell::generations)
  uint8_t withdrawn;            ///< 1: by its issuer, for ever
  uint8_t reserved;
  Terms terms[kBackends];  ///< zero while not present

  /// The terms that two constituents share, whether their slots are absent or not, of the newest revision; or
  /// nullptr.
  [[nodiscard]] const Terms* in_force() const;
  /// The terms in force, or else the newest that are here (there is one).
  [[nodiscard]] const Terms& shown() const;
  /// Bits of the slots whose constituent is here; of those that share the terms in force.
  [[nodiscard]] uint8_t present_bits() const;
  [[nodiscard]] uint8_t sharing_bits() const;
};
static_assert(std::has_unique_object_representations_v<License>);

/// Why terms in force do not serve at `wall_ms`: granted (they do), not_yet_valid, expired.
Code validity(const Terms& terms, int64_t wall_ms);

class Licenses {
 public:
  Licenses();

  [[nodiscard]] uint32_t size() const { return size_; }
  /// By index, in the order of first import. An index never changes.
  [[nodiscard]] const License& operator[](uint32_t index) const { return licenses_[index]; }
  /// The terms that serve while the constituents of the slots in `absent` are missing, or nullptr; kept at
  /// hand for every checkout and renew.
  [[nodiscard]] const Terms* in_force(uint32_t index, uint32_t absent) const {
    const uint32_t there = sharing_[index] & ~absent;
    return (there & (there - 1)) == 0 ? nullptr : &licenses_[index].terms[std::countr_zero(there)];
  }
  [[nodiscard]] uint32_t tmr_id(uint32_t index) const { return tmr_ids_[index]; }
  /// The index of one license, or kNone.
  [[nodiscard]] uint32_t find(uint32_t firm, uint32_t product, uint32_t tmr_id) const;

  struct Match {
    uint32_t firm;
    uint32_t product;
    uint32_t tmr_id;
    uint32_t index;
    auto operator<=>(const Match&) const = default;
  };
  /// Those of a product, by TMR-ID; or only the one with `tmr_id` if that is not 0.
  [[nodiscard]] std::span<const Match> matching(uint32_t firm, uint32_t product, uint32_t tmr_id) const;

  void add(const License& license);                     ///< gets index size()
  void pop();                                           ///< undo of add
  void change(uint32_t index, const License& license);  ///< firm, product and TMR-ID stay
  void clear();

 private:
  void put(uint32_t index, const License& license);

  Zeroed<License> licenses_;
  Zeroed<uint32_t> tmr_ids_;
  Zeroed<uint8_t> sharing_;  ///< License::sharing_bits()
  uint32_t size_ = 0;
  std::vector<Match> sorted_;
};

Hash128 hash_of(uint32_t index, const License& license);

}  // namespace tercet::license
