#include "dataplane/net/checksum.h"

#include <cstring>

namespace tercet::dataplane {
namespace {

/// Two words that every 64-bit machine of ours adds at once.
using Pair = uint64_t __attribute__((vector_size(16)));

template <class T>
T load(const uint8_t* at) {
  T word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

}  // namespace

uint32_t ones_sum(Bytes bytes, uint32_t sum) {
  // The sum is the same in either byte order, its bytes swapped (RFC 1071 §2 B): add as the machine loads,
  // swap once. Halves of 64-bit words go to sums of their own, so that nothing carries: 2^32 of them fit.
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  Pair lows{};
  Pair highs{};
  for (; left >= 32; left -= 32, at += 32) {
    const auto a = load<Pair>(at);
    const auto b = load<Pair>(at + 16);
    lows += (a & 0xFFFFFFFFU) + (b & 0xFFFFFFFFU);
    highs += (a >> 32U) + (b >> 32U);
  }
  uint64_t low = lows[0] + lows[1];
  uint64_t high = highs[0] + highs[1];
  for (; left >= 8; left -= 8, at += 8) {
    const uint64_t word = load<uint64_t>(at);
    low += word & 0xFFFFFFFFU;
    high += word >> 32U;
  }
  if ((left & 4U) != 0) {
    low += load<uint32_t>(at);
    at += 4;
  }
  if ((left & 2U) != 0) {
    high += load<uint16_t>(at);
    at += 2;
  }
  if ((left & 1U) != 0) {
    low += *at;  // a little-endian word whose other byte is zero
  }
  uint64_t total = low + high;
  total = (total & 0xFFFFFFFFU) + (total >> 32U);
  total = (total & 0xFFFFU) + ((total >> 16U) & 0xFFFFU) + (total >> 32U);
  const uint16_t folded = ones_fold(static_cast<uint32_t>(total));
  return sum + static_cast<uint32_t>(static_cast<uint16_t>(folded << 8U | folded >> 8U));
}

}  // namespace tercet::dataplane
