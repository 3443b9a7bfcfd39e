#pragma once
// The Internet checksum (RFC 1071): the one's complement sum of 16-bit words, in network byte order. On the
// path of every datagram whose checksum no device computes, so it adds eight bytes at a time.

#include <cstdint>

#include "base/bytes.h"

namespace tercet::dataplane {

/// The sum, not folded; an odd last byte is padded with zero. `sum` is what was summed before: of anything
/// with an even number of bytes.
uint32_t ones_sum(Bytes bytes, uint32_t sum = 0);

/// Folded to 16 bits: what the sum of something with a right checksum in it makes 0xFFFF.
constexpr uint16_t ones_fold(uint32_t sum) {
  sum = (sum & 0xFFFFU) + (sum >> 16U);
  return static_cast<uint16_t>(sum + (sum >> 16U));
}
/// Folded and inverted: what stands in a checksum field.
constexpr uint16_t ones_checksum(uint32_t sum) { return static_cast<uint16_t>(~ones_fold(sum)); }

/// RFC 1624 (its equation 3): the checksum after one 16-bit word under it was changed.
constexpr uint16_t ones_update(uint16_t checksum, uint16_t before, uint16_t after) {
  const uint32_t sum = uint32_t{static_cast<uint16_t>(~checksum)} + static_cast<uint16_t>(~before) + after;
  return ones_checksum(sum);
}

}  // namespace tercet::dataplane
