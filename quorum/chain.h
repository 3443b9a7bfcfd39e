#pragma once
// The two hash chains (DESIGN §2 "Two hashes"). L(n) names a log: the LB computes it, Accept, Missing and
// Promise match logs by it. S(n) names a state: only backends compute it, votes carry it.

#include "base/hash.h"
#include "wire/entry.h"

namespace tercet::quorum {

/// L(n) = H(L(n−1), seq, epoch, cell time, wall time, kind, operation).
Hash128 next_l(const Hash128& previous, const EntryView& entry);
/// S(n) = H(S(n−1), L(n), result(n), book digest(n)).
Hash128 next_s(const Hash128& previous, const Hash128& l, Bytes result, const Hash128& book_digest);

}  // namespace tercet::quorum
