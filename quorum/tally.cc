#include "quorum/tally.h"

#include <algorithm>

namespace tercet::quorum {

void Tally::add(Slot slot, uint64_t s, Bytes result) {
  present_.add(slot);
  s_[index(slot)] = s;
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
      return &results_[index(a)];
    }
    const Result& mine = results_[index(a)];
    for (const Slot b : kSlots) {
      if (b == a || !has(b) || !counted.has(b)) {
        continue;
      }
      const Result& theirs = results_[index(b)];
      if (equal({mine.data(), mine.size()}, {theirs.data(), theirs.size()})) {
        return &mine;
      }
    }
  }
  return nullptr;
}

}  // namespace tercet::quorum
