#pragma once
// What stands in front of a datagram in a capture that was opened (tercet capture --opened): then comes the
// datagram's header as it was on the wire, and its plaintext in the place of ciphertext and tag. Only in
// files, never on a wire; the first byte, 0, is no datagram's version, so the two cannot be mistaken for each
// other.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +---------------+---------------+-------------------------------+
//   |       0       |  Version (1)  |         Reserved (0)          |
//   +---------------+---------------+-------------------------------+
//   |                         Magic: "open"                         |
//   +---------------------------------------------------------------+

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/endian.h"
#include "wire/datagram.h"

namespace tercet {

inline constexpr uint8_t kOpenedVersion = 1;

struct OpenedMark {
  uint8_t zero = 0;
  uint8_t version = kOpenedVersion;
  Le16 reserved;
  uint8_t magic[4] = {'o', 'p', 'e', 'n'};
};
static_assert(sizeof(OpenedMark) == 8 && alignof(OpenedMark) == 1);

}  // namespace tercet
