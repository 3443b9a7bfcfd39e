#pragma once
// Borrowed bytes: views, never owners. Who owns them is said where they are handed over.

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace tercet {

using Bytes = std::span<const uint8_t>;
using MutBytes = std::span<uint8_t>;

inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};  // char and uint8_t may alias
}
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline bool equal(Bytes a, Bytes b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}
using Bytes16 = std::array<uint8_t, 16>;
/// As two words: left to the library it is a call, several a query.
constexpr bool same(const Bytes16& a, const Bytes16& b) {
  using Words = std::array<uint64_t, 2>;
  const auto x = std::bit_cast<Words>(a);
  const auto y = std::bit_cast<Words>(b);
  return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}
/// The bytes of a plain struct of alignment-1 fields (wire formats).
template <class T>
Bytes bytes_of(const T& value) {
  static_assert(alignof(T) == 1);
  return {reinterpret_cast<const uint8_t*>(&value), sizeof(T)};
}

}  // namespace tercet
