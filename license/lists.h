#pragma once
// Lists: what a read is answered with, one page at the book's present state. Listings go by index, which
// never changes while the thing lives, and a cursor is the next index to look at: what lives through a whole
// listing is seen exactly once, what comes or goes meanwhile at most once.
//
//   licenses    those that the virtual container shows (valid now); with `all` the others too
//   containers  slot 0 is the virtual container; with `all` the three real ones follow
//   leases      never a whole handle, it is what its holder proves itself with: its first four bytes
//   usage       every license, valid or not; behind them what no license is to blame for, if there was any
//   lease       the one of a handle, with its last request number and the units that it used: who did not
//               create the handle goes on from there; or UNKNOWN_HANDLE

#include "base/bytes.h"
#include "license/state.h"

namespace tercet::license {

/// Answers `query`, a whole operation; one that is no read gets an empty page with BAD_REQUEST. Returns the
/// size, at most kReadAnswerMax; `out` has room for that.
size_t write_page(const State& state, Bytes query, MutBytes out);

}  // namespace tercet::license
