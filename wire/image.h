#pragma once
// ImageBase: what stands at the front of an image, in a file and on its way to a peer, before the book: the
// place in the log where it was cut, and all that goes on from there.

#include <cstddef>

#include "wire/prepare.h"

namespace tercet {

struct ImageBase {
  Le64 seq;  ///< of the checkpoint entry …
  Le64 epoch;
  Le64 cell_ms;
  Le64 wall_ms;
  WireHash l;
  WireHash s;                  ///< … S there,
  WireHash s_before;           ///< S before it,
  uint8_t result[kResultMax];  ///< and its result: S is made of these and the book's digest
  uint8_t result_size;
  uint8_t reserved[7];
  WireMember members[kBackends];  ///< as of that entry
  /// XXH3-128 of all before it: a peer sends what its disk says, and nothing else covers members and times.
  WireHash sum;
};
static_assert(sizeof(ImageBase) == 240 && offsetof(ImageBase, sum) == 224);

}  // namespace tercet
