#pragma once
// Counts this program's allocations, so that a test can show that the polling path makes none.

#include <cstdint>

namespace tercet {
/// Calls of operator new so far, of all threads.
uint64_t allocations();
}  // namespace tercet
