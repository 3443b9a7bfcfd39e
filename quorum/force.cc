#include "quorum/force.h"

#include "wire/vote.h"

namespace tercet::quorum {
namespace {

/// Its own log names it, and it lost nothing.
bool has_its_log(const Said& word) {
  return word.answered && (word.flags & kMember) != 0 && (word.flags & kAmnesiac) == 0;
}

bool is_newcomer(const Said& word, Incarnation incarnation) {
  return word.answered && word.newcomer && (word.flags & kMember) == 0 && word.incarnation == incarnation;
}

}  // namespace

const char* name_of(ForceVerdict verdict) {
  static constexpr std::array<const char*, 9> kNames{
      "may",        "not_needed", "no_survivor", "survivor_unfit", "other_answers",
      "not_asking", "knows_more", "standby",     "no_answer"};
  return kNames[static_cast<size_t>(verdict)];
}

ForceFinding may_force(const AllSaid& words, const ForcedRejoin& order) {
  SlotSet members;
  for (const Slot slot : kSlots) {
    if (has_its_log(words[index(slot)])) {
      members.add(slot);
    }
  }
  if (members.has(order.slot)) {
    return {ForceVerdict::not_asking};
  }
  if (members.count() >= 2) {
    bool whole = true;
    for (const Slot slot : kSlots) {
      whole = whole && (!members.has(slot) || (words[index(slot)].flags & (kDivergent | kStopped)) == 0);
    }
    return {whole ? ForceVerdict::not_needed : ForceVerdict::other_answers};
  }
  if (members.empty()) {
    return {ForceVerdict::no_survivor};
  }
  const Slot survivor = members.has(Slot::one) ? Slot::one : members.has(Slot::two) ? Slot::two : Slot::three;
  const Said& with_log = words[index(survivor)];
  const Said& named = words[index(order.slot)];
  if ((with_log.flags & (kDivergent | kStopped)) != 0) {
    return {ForceVerdict::survivor_unfit, survivor};
  }
  if (!is_newcomer(named, order.incarnation)) {
    return {ForceVerdict::not_asking, survivor};
  }
  if (named.decided > with_log.last) {
    return {ForceVerdict::knows_more, survivor};
  }
  return {ForceVerdict::may, survivor};
}

std::optional<Choice> choose_forced(const Promises& promises, SlotSet left_out, Slot survivor,
                                    const ForcedRejoin& order) {
  std::optional<Choice> choice = choose_alone(promises, left_out);
  if (!choice || choice->source != survivor || order.slot == survivor) {
    return std::nullopt;
  }
  choice->forced = order;
  const Seq at = next(choice->last);
  for (const Slot slot : kSlots) {
    if (slot != survivor) {
      Member& member = choice->members.slots[index(slot)];
      member.incarnation = slot == order.slot ? order.incarnation : Incarnation{0};
      member.seq = at;
    }
  }
  return choice;
}

}  // namespace tercet::quorum
