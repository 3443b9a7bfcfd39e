#pragma once
// What a backend says of itself in a Promise, so that Genesis can write it down and every book knows the
// three containers: its container's Ed25519 public key, then the container's serial number as text.
//
//   +---------------------------------------------------------------+
//   | container's public key (32 bytes)                             |
//   +---------------------------------------------------------------+
//   | serial number, UTF-8 without control characters, 1..31 bytes  |
//
// GenesisBody::activation_id, which all three share, is the 16 hex digits of the activation id as ASCII, its
// dashes left out.

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "base/bytes.h"
#include "wire/limits.h"

namespace tercet {

struct Introduction {
  uint8_t container_key[32];
};
static_assert(sizeof(Introduction) == 32 && alignof(Introduction) == 1);
inline constexpr size_t kIntroductionSerialMax = 31;
static_assert(sizeof(Introduction) + kIntroductionSerialMax <= kIntroductionMax);

struct IntroductionView {
  const Introduction* header = nullptr;
  std::string_view serial;  ///< borrowed
};

/// False unless key and a serial number of printable bytes are there. Views borrow.
inline bool parse_introduction(Bytes bytes, IntroductionView& out) {
  if (bytes.size() <= sizeof(Introduction) || bytes.size() > sizeof(Introduction) + kIntroductionSerialMax) {
    return false;
  }
  out.header = reinterpret_cast<const Introduction*>(bytes.data());  // alignment 1, length checked
  out.serial = as_text(bytes.subspan(sizeof(Introduction)));
  return std::ranges::all_of(out.serial, [](char c) { return static_cast<uint8_t>(c) >= 0x20; });
}

/// Returns the size; 0 if the serial number is empty or too long, or `out` too small.
inline size_t write_introduction(Bytes container_key, std::string_view serial, MutBytes out) {
  const size_t size = sizeof(Introduction) + serial.size();
  if (container_key.size() != sizeof(Introduction) || serial.empty() ||
      serial.size() > kIntroductionSerialMax || size > out.size()) {
    return 0;
  }
  std::memcpy(out.data(), container_key.data(), sizeof(Introduction));
  std::memcpy(out.data() + sizeof(Introduction), serial.data(), serial.size());
  return size;
}

}  // namespace tercet
