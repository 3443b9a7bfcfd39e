#include "quorum/takeover.h"

#include <tuple>

#include "base/mutant.h"
#include "wire/vote.h"

namespace tercet::quorum {

namespace {

struct Counted {
  unsigned promises = 0;
  bool vacant = false;  ///< the newest table among them has a vacant slot
  Choice choice;
};

/// A promise counts if the newest members table among them names its incarnation. An empty log has no table
/// of its own: its promise counts only if it is one of a Genesis' three, and only when all three have
/// answered (else a wiped disk could pass for a blank one).
bool counts(const Promised& promise, Slot slot, const Members& table, bool all_answered) {
  const bool named = table.names(slot, promise.incarnation) || planted(Mutant::former_life_counts);
  if (!promise.here || (promise.flags & kAmnesiac) != 0 || !named) {
    return false;
  }
  const bool empty = promise.last.value == 0;
  return empty ? all_answered && !table.slots[index(slot)].rejoined() : promise.admitted;
}

Counted count(const Promises& promises, SlotSet left_out) {
  Counted counted;
  Members table;
  unsigned answered = 0;
  unsigned empties = 0;
  for (const Promised& promise : promises) {
    if (promise.here && (promise.flags & kAmnesiac) == 0) {
      ++answered;
      empties += promise.last.value == 0 ? 1 : 0;
      table = newest(table, promise.members);
    }
  }
  const bool all_answered = answered == kBackends;
  if (empties == kBackends ||
      (planted(Mutant::genesis_from_two_empty_promises) && empties == answered && answered >= 2)) {
    counted.promises = kBackends;
    counted.choice.genesis = true;
    counted.choice.all_three = true;
    return counted;
  }
  counted.vacant = table.vacant();
  const Promised* best = nullptr;
  Choice& choice = counted.choice;
  for (const Slot slot : kSlots) {
    const Promised& promise = promises[index(slot)];
    if (left_out.has(slot) || !counts(promise, slot, table, all_answered)) {
      continue;
    }
    ++counted.promises;
    if (promise.last.value == 0) {
      choice.all_three = true;
      continue;
    }
    const bool higher = best == nullptr || (planted(Mutant::choose_highest_seq_without_epoch)
                                                ? promise.last > best->last
                                                : std::tie(promise.last_epoch, promise.last) >
                                                      std::tie(best->last_epoch, best->last));
    if (higher) {
      best = &promise;
      choice.source = slot;
    }
  }
  if (best == nullptr) {
    counted.promises = 0;
    return counted;
  }
  choice.alone = counted.promises == 1;
  choice.last = best->last;
  choice.l = best->l;
  choice.last_epoch = best->last_epoch;
  choice.cell = best->cell;
  choice.wall = best->wall;
  // Those that the chosen log names: a Rejoin that only another log has is never decided.
  choice.members = best->members;
  return counted;
}

}  // namespace

std::optional<Choice> choose(const Promises& promises, SlotSet left_out) {
  const Counted counted = count(promises, left_out);
  return counted.promises >= (counted.vacant ? 1U : 2U) ? std::optional(counted.choice) : std::nullopt;
}

std::optional<Choice> choose_alone(const Promises& promises, SlotSet left_out) {
  const Counted counted = count(promises, left_out);
  return counted.promises == 1 ? std::optional(counted.choice) : std::nullopt;
}

}  // namespace tercet::quorum
