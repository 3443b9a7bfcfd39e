#pragma once
// What a license's use has come to since its import: book state, whatever revision of it is in force. A new
// revision starts nothing anew, it only says how much of it there is.

#include <array>
#include <type_traits>

#include "base/hash.h"
#include "license/limits.h"
#include "wire/op.h"

namespace tercet::license {

/// Reasons whose denials are counted.
inline constexpr std::array kCounted = {Code::no_such_license,
                                        Code::only_one_constituent,
                                        Code::no_free_seat,
                                        Code::expired,
                                        Code::not_yet_valid,
                                        Code::usage_period_over,
                                        Code::feature_not_licensed,
                                        Code::no_units_left,
                                        Code::station_busy,
                                        Code::unknown_handle,
                                        Code::revoked,
                                        Code::stale,
                                        Code::bad_request,
                                        Code::book_full};

struct Usage {
  uint64_t
      started_wall_ms;  ///< of the usage period: the first checkout under terms that have one; 0: none yet
  uint64_t units_used;
  uint64_t denied[kCounted.size()];  ///< requests, by kCounted; a repeat is none
  uint32_t peak;                     ///< most seats in use at once
  uint32_t reserved;

  void count(Code code);  ///< one that is not in kCounted is not counted
  bool operator==(const Usage&) const = default;
};
static_assert(std::has_unique_object_representations_v<Usage>);

/// Where denials are counted that no license is to blame for: an unknown handle, a license that is not here.
inline constexpr uint32_t kNoLicense = kLicensesMax;

/// Of an index (kNoLicense too) for the book's digest; of one without any use, nothing.
Hash128 hash_of(uint32_t index, const Usage& usage);

}  // namespace tercet::license
