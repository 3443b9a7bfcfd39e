#include "dataplane/net/checksum.h"

#include <bit>
#include <cstring>

namespace tercet::dataplane {
namespace {

uint64_t load(const uint8_t* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

}  // namespace

uint32_t ones_sum(Bytes bytes, uint32_t sum) {
  // The sum is the same in either byte order, its bytes swapped (RFC 1071 §2 B): add as the machine loads,
  // swap once. Halves of 64-bit words go to sums of their own, so that nothing carries: 2^32 of them fit.
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  uint64_t low = 0;
  uint64_t high = 0;
  for (; left >= 32; left -= 32, at += 32) {
    const uint64_t a = load(at);
    const uint64_t b = load(at + 8);
    const uint64_t c = load(at + 16);
    const uint64_t d = load(at + 24);
    low += (a & 0xFFFFFFFFU) + (b & 0xFFFFFFFFU) + (c & 0xFFFFFFFFU) + (d & 0xFFFFFFFFU);
    high += (a >> 32U) + (b >> 32U) + (c >> 32U) + (d >> 32U);
  }
  for (; left >= 8; left -= 8, at += 8) {
    const uint64_t word = load(at);
    low += word & 0xFFFFFFFFU;
    high += word >> 32U;
  }
  if (left > 0) {
    uint64_t word = 0;
    std::memcpy(&word, at, left);  // zeros behind: the padding of an odd last byte
    low += word & 0xFFFFFFFFU;
    high += word >> 32U;
  }
  uint64_t total = low + high;
  total = (total & 0xFFFFFFFFU) + (total >> 32U);
  total = (total & 0xFFFFU) + ((total >> 16U) & 0xFFFFU) + (total >> 32U);
  const uint16_t folded = ones_fold(static_cast<uint32_t>(total));
  return sum + static_cast<uint32_t>(static_cast<uint16_t>(folded << 8U | folded >> 8U));
}

}  // namespace tercet::dataplane
