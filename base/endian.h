#pragma once
// Alignment-1 integers of a stated byte order: a wire format is a struct of these, so that its declaration, its parser
// and its writer are one thing. Reading a field is `header.seq.get()` (or a conversion), writing is an assignment.

#include <bit>
#include <cstdint>
#include <cstring>

namespace tercet {

static_assert(std::endian::native == std::endian::little, "Tercet's servers are little-endian machines");

namespace detail {
template <class T>
constexpr T swap_bytes(T value) {
  T out = 0;
  for (unsigned i = 0; i < sizeof(T); ++i) {
    out = static_cast<T>((out << 8U) | ((value >> (8U * i)) & 0xFFU));
  }
  return out;
}
}  // namespace detail

template <class T, bool kBig>
struct WireInt {
  uint8_t raw[sizeof(T)] = {};

  WireInt() = default;
  WireInt(T value) { set(value); }  // NOLINT(google-explicit-constructor): a field is assigned from its value
  WireInt& operator=(T value) {
    set(value);
    return *this;
  }
  [[nodiscard]] T get() const {
    T value;
    std::memcpy(&value, raw, sizeof(T));
    if constexpr (kBig) {
      value = detail::swap_bytes(value);
    }
    return value;
  }
  operator T() const { return get(); }  // NOLINT(google-explicit-constructor)

 private:
  void set(T value) {
    if constexpr (kBig) {
      value = detail::swap_bytes(value);
    }
    std::memcpy(raw, &value, sizeof(T));
  }
};

using Le16 = WireInt<uint16_t, false>;
using Le32 = WireInt<uint32_t, false>;
using Le64 = WireInt<uint64_t, false>;
using Be16 = WireInt<uint16_t, true>;
using Be32 = WireInt<uint32_t, true>;
using Be64 = WireInt<uint64_t, true>;
static_assert(sizeof(Le64) == 8 && alignof(Le64) == 1);

}  // namespace tercet
