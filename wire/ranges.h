#pragma once
// Checks that every parser of wire/ shares: headers of a type, ranges of seqs, times and epochs, bytes that
// must be zero.

#include <cstddef>

#include "wire/cell_message.h"
#include "wire/drop.h"
#include "wire/limits.h"

namespace tercet {

/// The header at the front of `plain`, whose first byte must be `type`.
template <class Header>
Drop take_header(Bytes plain, CellMessage type, const Header*& out) {
  out = header_of<Header>(plain);
  if (out == nullptr) {
    return Drop::too_short;
  }
  if (plain.size() > kCellPlainMax) {
    return Drop::too_long;
  }
  return out->type == static_cast<uint8_t>(type) ? Drop::none : Drop::unknown_type;
}
/// The same for a message that is its header and nothing else.
template <class Header>
Drop take_whole(Bytes plain, CellMessage type, const Header*& out) {
  const Drop drop = take_header(plain, type, out);
  if (drop != Drop::none) {
    return drop;
  }
  return plain.size() == sizeof(Header) ? Drop::none : Drop::malformed;
}
template <size_t kSize>
bool all_zero(const uint8_t (&bytes)[kSize]) {
  uint8_t any = 0;
  for (const uint8_t byte : bytes) {
    any = static_cast<uint8_t>(any | byte);
  }
  return any == 0;
}
constexpr bool only_bits(uint8_t flags, unsigned known) { return (flags & ~known) == 0; }
constexpr bool seq_fits(uint64_t seq) { return seq <= kSeqMax; }
constexpr bool time_fits(uint64_t ms) { return ms <= kTimeMsMax; }
/// Far below 2^64, so that the next epoch can always be counted.
constexpr bool epoch_fits(uint64_t epoch) { return is_valid(Epoch{epoch}) && epoch < (uint64_t{1} << 62U); }
constexpr bool epoch_or_none(uint64_t epoch) { return epoch == 0 || epoch_fits(epoch); }

}  // namespace tercet
