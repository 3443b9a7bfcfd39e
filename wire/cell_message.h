#pragma once
// The first byte of every message between servers, and helpers that all their files share.

#include <cstdint>

#include "base/bytes.h"
#include "base/endian.h"
#include "base/hash.h"
#include "base/time.h"
#include "wire/ids.h"

namespace tercet {

enum class CellMessage : uint8_t {
  accept = 1,
  vote = 2,
  answer = 3,
  prepare = 4,
  promise = 5,
  refused = 6,
  ask = 7,
  heard = 8,
  keepalive = 9,
  missing = 10,
  entries = 11,
  heartbeat = 12,
  handover = 13,  ///< its place; later
  chunk = 14,
  fetch = 15,
};

/// A Hash128 on the wire.
struct WireHash {
  Le64 low;
  Le64 high;
  WireHash() = default;
  WireHash(const Hash128& h) : low(h.low), high(h.high) {}  // NOLINT(google-explicit-constructor)
  [[nodiscard]] Hash128 get() const { return {low, high}; }
};
static_assert(sizeof(WireHash) == 16 && alignof(WireHash) == 1);

/// The header at the front of `bytes`, or null when they are too short.
template <class Header>
const Header* header_of(Bytes bytes) {
  static_assert(alignof(Header) == 1);
  return bytes.size() < sizeof(Header) ? nullptr : reinterpret_cast<const Header*>(bytes.data());
}
/// Puts `header` at the front of `out` (which has room: the caller opened it).
template <class Header>
void put(MutBytes out, const Header& header) {
  static_assert(alignof(Header) == 1);
  std::memcpy(out.data(), &header, sizeof(Header));
}
/// Copies `bytes` to the front of `out` (which has room) and returns how many.
inline size_t put_bytes(MutBytes out, Bytes bytes) {
  if (!bytes.empty()) {
    std::memcpy(out.data(), bytes.data(), bytes.size());
  }
  return bytes.size();
}
constexpr int64_t as_signed(uint64_t v) { return static_cast<int64_t>(v); }
constexpr uint64_t as_unsigned(int64_t v) { return static_cast<uint64_t>(v); }

}  // namespace tercet
