#pragma once
// Sizes of the book: what an entry may do at most, and how much there may be of everything.

#include <cstddef>
#include <cstdint>

#include "wire/book_limits.h"
#include "wire/limits.h"

namespace tercet::license {

// Fixed by the protocol: all books must agree.
inline constexpr unsigned kExpiriesPerEntry = 64;  ///< more are done by the entries that follow (more_due)
inline constexpr unsigned kPurgesPerEntry = 128;   ///< tombstones whose time is over
static_assert(kPurgesPerEntry > kExpiriesPerEntry + 1, "tombstones go at least as fast as they come");
inline constexpr unsigned kLicensesMax = 4096;
inline constexpr unsigned kLicensesPerProductMax = 256;  ///< bounds a checkout's search for a free seat
inline constexpr size_t kNameMax = 96;                   ///< of a license, bytes
inline constexpr size_t kIssuersMax = 32;
inline constexpr uint32_t kLeaseDefaultMs = 60'000;  ///< of a license that sets none

// Chosen.
inline constexpr uint32_t kLeasesEver = 1U << 24U;  ///< no book holds as many: an index fits 24 bits
inline constexpr uint32_t kNone = UINT32_MAX;       ///< no index

/// How large a book may grow. `leases_max` and `tombstones_max` decide what is denied, so the three books of
/// a cell must be given the same.
struct BookOptions {
  uint32_t leases_max = 1'000'000;
  uint32_t tombstones_max = 1'000'000;  ///< above this the oldest goes early, and older checkouts are STALE
  uint32_t undo_entries = 16'384;       ///< as many undecided entries can be taken back …
  uint32_t undo_bytes = 16U << 20U;     ///< … if their changes fit here
  uint64_t hash_seed = 0;               ///< of the handle tables; any number: no result depends on it
};

}  // namespace tercet::license
