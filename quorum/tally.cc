#include "quorum/tally.h"

#include <algorithm>

namespace tercet::quorum {

void Tally::add(Slot slot, uint64_t s, Bytes result) {
  if (present_.has(slot)) {
    leave(slot);
  }
  const unsigned own = index(slot);
  s_[own] = s;
  kept_[own] = place_of(result, static_cast<uint8_t>(own));
  present_.add(slot);
}

/// A ballot of `slot` is replaced: who shares the bytes in its place gets them in his own.
void Tally::leave(Slot slot) {
  const auto place = static_cast<uint8_t>(index(slot));
  uint8_t heir = place;
  for (const Slot other : kSlots) {
    if (other == slot || !present_.has(other) || kept_[index(other)] != place) {
      continue;
    }
    if (heir == place) {
      heir = static_cast<uint8_t>(index(other));
      results_[heir] = results_[place];
    }
    kept_[index(other)] = heir;
  }
  present_.remove(slot);
}

/// Where a result stands: with another's that is equal, else it is put into `own`, which nobody uses.
uint8_t Tally::place_of(Bytes result, uint8_t own) {
  for (unsigned other = 0; other < kBackends; ++other) {
    if ((present_.bits() >> other & 1U) != 0) {
      const Result& theirs = results_[kept_[other]];
      if (equal({theirs.data(), theirs.size()}, result)) {
        return kept_[other];
      }
    }
  }
  Result& mine = results_[own];
  mine.resize(result.size());
  std::copy(result.begin(), result.end(), mine.begin());
  return own;
}

Tally::Finding Tally::find(SlotSet counted) const {
  Finding finding;
  const SlotSet here(static_cast<uint8_t>(present_.bits() & counted.bits()));
  finding.agree = agreeing(here);
  if (finding.agree.empty()) {
    finding.split = here.count() >= 2;
    return finding;
  }
  finding.verdict = Verdict::decided;
  finding.s = finding.agree.has(Slot::one) ? s_[0] : s_[1];
  finding.outvoted = SlotSet(static_cast<uint8_t>(here.bits() & ~finding.agree.bits()));
  return finding;
}

const Result* Tally::answer(SlotSet counted) const {
  for (const Slot a : kSlots) {
    if (!has(a) || !counted.has(a)) {
      continue;
    }
    if (planted(Mutant::answer_on_equal_s_one_result)) {
      return &result_of(a);
    }
    const Result& mine = result_of(a);
    for (const Slot b : kSlots) {
      if (b == a || !has(b) || !counted.has(b)) {
        continue;
      }
      const Result& theirs = result_of(b);
      if (&mine == &theirs || equal({mine.data(), mine.size()}, {theirs.data(), theirs.size()})) {
        return &mine;
      }
    }
  }
  return nullptr;
}

}  // namespace tercet::quorum
