#include "quorum/tally.h"

#include <algorithm>

namespace tercet::quorum {

void Tally::add(Slot slot, uint64_t s, Bytes result) {
  s_[index(slot)] = s;
  if (present_.has(slot)) {
    leave(slot);
  }
  keep(slot, result);
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

void Tally::keep(Slot slot, Bytes result) {
  for (const Slot other : kSlots) {
    if (present_.has(other)) {
      const Result& theirs = result_of(other);
      if (equal({theirs.data(), theirs.size()}, result)) {
        kept_[index(slot)] = kept_[index(other)];
        return;
      }
    }
  }
  kept_[index(slot)] = static_cast<uint8_t>(index(slot));
  Result& mine = results_[index(slot)];
  mine.resize(result.size());
  std::copy(result.begin(), result.end(), mine.begin());
}

Tally::Finding Tally::find(SlotSet counted) const {
  Finding finding;
  const SlotSet here(static_cast<uint8_t>(present_.bits() & counted.bits()));
  for (const Slot a : kSlots) {
    if (!here.has(a)) {
      continue;
    }
    SlotSet agree;
    for (const Slot b : kSlots) {
      if (here.has(b) && s_of(b) == s_of(a)) {
        agree.add(b);
      }
    }
    if (agree.count() >= 2) {
      finding.verdict = Verdict::decided;
      finding.s = s_of(a);
      finding.agree = agree;
      finding.outvoted = SlotSet(static_cast<uint8_t>(here.bits() & ~agree.bits()));
      return finding;
    }
  }
  finding.split = here.count() >= 2;
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
