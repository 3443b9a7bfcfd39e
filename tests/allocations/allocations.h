#pragma once
// Counts the allocations of the test program that links this folder, for tests that allow none: on the
// polling path, in the book, in sealing and opening. It replaces operator new ([new.delete]); what calls
// malloc by itself (C libraries) is not seen.

#include <cstdint>

namespace tercet {

/// Calls of any operator new so far, by any thread.
uint64_t allocations_so_far();

}  // namespace tercet
