#pragma once
// A whole number in as many bytes as it needs, at any place: ten million records fit their memory by it.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace tercet::license {

/// Zero bytes are 0. Who assigns knows that the value fits.
template <size_t kBytes>
struct Packed {
  static_assert(kBytes < sizeof(uint64_t));
  uint8_t raw[kBytes];

  [[nodiscard]] uint64_t get() const {
    uint64_t value = 0;
    std::memcpy(&value, raw, kBytes);
    return value;
  }
  operator uint64_t() const { return get(); }  // NOLINT(google-explicit-constructor): it stands for its value
  Packed& operator=(uint64_t value) {
    std::memcpy(raw, &value, kBytes);
    return *this;
  }
};
static_assert(std::is_trivial_v<Packed<3>> && sizeof(Packed<3>) == 3 && alignof(Packed<3>) == 1);

}  // namespace tercet::license
