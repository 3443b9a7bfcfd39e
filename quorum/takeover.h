#pragma once
// Takeover: from promises to the one log that the new epoch continues (DESIGN §2 "Takeover" 3, "First
// start").

#include <array>
#include <optional>

#include "quorum/members.h"
#include "quorum/tally.h"

namespace tercet::quorum {

struct Promised {
  bool here = false;
  uint8_t flags = 0;
  bool admitted = false;
  Incarnation incarnation;
  Epoch last_epoch;
  Seq last;
  Hash128 l;
  Seq commit;
  CellTime cell;
  WallTime wall;
  Members members;
  FixedVector<uint8_t, kIntroductionMax> introduction;
};

/// What the operator ordered (quorum/force.h).
struct ForcedRejoin {
  Slot slot = Slot::one;    ///< who comes back …
  Incarnation incarnation;  ///< … as it says itself
  constexpr bool operator==(const ForcedRejoin&) const = default;
};

struct Choice {
  bool genesis = false;     ///< all three are empty: order Genesis
  bool alone = false;       ///< of one promise: the others' count for nothing
  bool all_three = false;   ///< serve only after all three have voted the first entry
  Slot source = Slot::one;  ///< who has the chosen log
  Seq last;
  Hash128 l;
  Epoch last_epoch;
  CellTime cell;
  WallTime wall;
  Members members;
  std::optional<ForcedRejoin> forced;  ///< by the operator's order; `members` are those that it leaves
};

using Promises = std::array<Promised, kBackends>;

/// Chooses among the promises of one epoch, without those of `left_out`; none while too few of them count:
/// two, or, where the operator's order left two members, one (both vote each entry, so either knows all).
std::optional<Choice> choose(const Promises& promises, SlotSet left_out);
/// By the operator's order only (quorum/force.h): of one promise that counts, and no second one.
std::optional<Choice> choose_alone(const Promises& promises, SlotSet left_out);

}  // namespace tercet::quorum
