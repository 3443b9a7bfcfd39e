#include "base/hash.h"

#include "base/hash_wide.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tercet {
namespace {

constexpr size_t kLong = 240;  // shorter ones have ways of their own in XXH3

bool has_wide_registers() {
#ifdef __x86_64__
  return __builtin_cpu_supports("avx2") != 0;
#else
  return false;
#endif
}
const bool kWide = has_wide_registers();

}  // namespace

Hash128 hash128(Bytes bytes, uint64_t seed) {
  const XXH128_hash_t h = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
  return {h.low64, h.high64};
}

uint64_t hash64(Bytes bytes, uint64_t seed) {
  if (bytes.size() > kLong && seed == 0 && kWide) {
    return hash64_wide(bytes);
  }
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace tercet
