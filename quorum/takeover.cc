#include "quorum/takeover.h"

#include <tuple>

#include "base/mutant.h"
#include "wire/vote.h"

namespace tercet::quorum {

std::optional<Choice> choose(const Promises& promises, SlotSet left_out) {
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
    Choice genesis;
    genesis.genesis = true;
    genesis.all_three = true;
    return genesis;
  }
  // A promise counts if the newest members table among them names its incarnation. An empty log has no table
  // of its own: its promise counts only when all three have answered (else a wiped disk could pass for a
  // blank one).
  unsigned counted = 0;
  bool any_empty = false;
  const Promised* best = nullptr;
  Choice choice;
  for (const Slot slot : kSlots) {
    const Promised& promise = promises[index(slot)];
    if (!promise.here || left_out.has(slot) || (promise.flags & kAmnesiac) != 0 ||
        !(table.names(slot, promise.incarnation) || planted(Mutant::former_life_counts))) {
      continue;
    }
    const bool empty = promise.last.value == 0;
    if (empty ? !all_answered : !promise.admitted) {
      continue;
    }
    any_empty = any_empty || empty;
    ++counted;
    if (empty) {
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
  if (counted < 2 || best == nullptr) {
    return std::nullopt;
  }
  choice.all_three = any_empty;
  choice.last = best->last;
  choice.l = best->l;
  choice.last_epoch = best->last_epoch;
  choice.cell = best->cell;
  choice.wall = best->wall;
  // Those that the chosen log names: a Rejoin that only another log has is never decided.
  choice.members = best->members;
  return choice;
}

}  // namespace tercet::quorum
