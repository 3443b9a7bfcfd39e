#pragma once
// Borrowed bytes: views, never owners. Who owns them is said where they are handed over.

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
/// The bytes of a plain struct of alignment-1 fields (wire formats).
template <class T>
Bytes bytes_of(const T& value) {
  static_assert(alignof(T) == 1);
  return {reinterpret_cast<const uint8_t*>(&value), sizeof(T)};
}

}  // namespace tercet
