#include "license/usage.h"

#include "base/bytes.h"

namespace tercet::license {

void Usage::count(Code code) {
  for (size_t i = 0; i < kCounted.size(); ++i) {
    denied[i] += kCounted[i] == code ? 1 : 0;
  }
}

Hash128 hash_of(uint32_t index, const Usage& usage) {
  if (usage == Usage{}) {
    return {};
  }
  return hash128({reinterpret_cast<const uint8_t*>(&usage), sizeof usage}, 0x75736167ULL << 32U | index);
}

}  // namespace tercet::license
