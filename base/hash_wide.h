#pragma once
// hash64 of long inputs where the CPU has AVX2. Only for base/hash.cc, which looks whether it has.

#include "base/hash.h"

namespace tercet {

uint64_t hash64_wide(Bytes bytes);

}  // namespace tercet
