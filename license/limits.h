#pragma once
// Sizes of the book: what an entry may do at most, and how much there may be of everything.

#include <cstddef>
#include <cstdint>

#include "wire/book_limits.h"
#include "wire/limits.h"

namespace tercet::license {

// Fixed by the protocol: all books must agree.
inline constexpr unsigned kExpiriesPerEntry = 64;  ///< more are done by the entries that follow (more_due) …
inline constexpr unsigned kExpiriesPerMs =
    64;  ///< … of operations, in a millisecond of cell time (expire.cc)
inline constexpr unsigned kPurgesPerEntry = 128;  ///< tombstones whose time is over …
inline constexpr unsigned kPurgesPerMs = 128;     ///< … by operations in a millisecond of cell time …
inline constexpr unsigned kPurgesAlways = 2;      ///< … but so many by each
static_assert(
    kPurgesPerEntry > kExpiriesPerEntry + 1 && kPurgesPerMs > kExpiriesPerMs && kPurgesAlways > 1,
    "tombstones go at least as fast as they come: one for each operation at most, or the lease it led to");
inline constexpr unsigned kLicensesMax = 4096;
inline constexpr unsigned kLicensesPerProductMax = 256;  ///< bounds a checkout's search for a free seat
inline constexpr size_t kNameMax = 96;                   ///< of a license, bytes
inline constexpr size_t kIssuersMax = 32;
inline constexpr size_t kRevokedMax = 64;       ///< containers that another has taken the place of
inline constexpr size_t kRevokedPerNotice = 6;  ///< that one notice names (wire/seal/notice.h)
inline constexpr uint64_t kUsageMax =
    (uint64_t{1} << 53U) - 1;                        ///< units, ms of a usage period: as license texts
inline constexpr uint32_t kLeaseDefaultMs = 60'000;  ///< of a license that sets none

// Chosen.
inline constexpr uint32_t kLeasesEver = 1U << 24U;  ///< no book holds as many: an index fits 24 bits
inline constexpr uint32_t kNone = UINT32_MAX;       ///< no index
inline constexpr uint32_t kUndoneMax = 4096;        ///< undecided entries, whatever they do: an LB's window

/// How large a book may grow. `leases_max` and `tombstones_max` decide what is denied, so the three books of
/// a cell must be given the same.
struct BookOptions {
  uint32_t leases_max = 1'000'000;
  uint32_t tombstones_max = 1'000'000;  ///< above this the oldest goes early, and older checkouts are STALE
  uint32_t undo_entries = 16'384;       ///< as many undecided entries can be taken back …
  uint32_t undo_bytes =
      160U << 20U;         ///< … if their changes fit here. Address space: memory is what they take
  uint64_t hash_seed = 0;  ///< of the handle tables; any number: no result depends on it
};

}  // namespace tercet::license
