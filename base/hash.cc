#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tercet {

Hash128 hash128(Bytes bytes, uint64_t seed) {
  const XXH128_hash_t h = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
  return {h.low64, h.high64};
}

uint64_t hash64(Bytes bytes, uint64_t seed) { return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed); }

}  // namespace tercet
