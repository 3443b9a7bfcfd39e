#pragma once
// H of the design: a fast 128-bit hash (XXH3). Guards against damage and divergence, not against forgers.

#include <compare>
#include <cstdint>

#include "base/bytes.h"

namespace tercet {

struct Hash128 {
  uint64_t low = 0;
  uint64_t high = 0;
  constexpr auto operator<=>(const Hash128&) const = default;
  constexpr Hash128 operator^(const Hash128& o) const { return {low ^ o.low, high ^ o.high}; }
};

/// 128-bit XXH3 of `bytes`; the same on every machine.
Hash128 hash128(Bytes bytes, uint64_t seed = 0);
uint64_t hash64(Bytes bytes, uint64_t seed = 0);

}  // namespace tercet
