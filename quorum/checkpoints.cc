#include "quorum/checkpoints.h"

#include <utility>

namespace tercet::quorum {
namespace {

/// So many times as much is let grow while a backend catches up.
constexpr uint64_t kAwaitedFor = 4;

}  // namespace

std::optional<Slot> Checkpoints::due(const Backends& backends, SlotSet voters, bool awaited, Seq last,
                                     MonoTime now) {
  if (state_ == State::written) {
    const bool done = backends[slot_].base >= seq_;
    if (done || now - since_ >= options_.patience) {
      failures_[index(slot_)] = done ? 0 : failures_[index(slot_)] + 1;
      state_ = State::idle;
    }
  }
  if (state_ != State::idle) {
    return std::nullopt;
  }
  const uint64_t behind = awaited ? kAwaitedFor * options_.every : options_.every;
  std::optional<Slot> whose;
  for (const Slot slot : kSlots) {
    const Backend& b = backends[slot];
    if (!voters.has(slot) || !b.told_base || last.value < b.base.value + behind) {
      continue;
    }
    if (!whose || std::pair(failures_[index(slot)], b.base) <
                      std::pair(failures_[index(*whose)], backends[*whose].base)) {
      whose = slot;
    }
  }
  return whose;
}

void Checkpoints::ordered(Slot slot, Seq seq, MonoTime now) {
  state_ = State::ordered;
  slot_ = slot;
  seq_ = seq;
  since_ = now;
}

void Checkpoints::decided(Seq seq, uint64_t s) {
  if (state_ == State::ordered && seq == seq_) {
    state_ = State::measured;
    s_ = s;
  }
}

void Checkpoints::passed(Seq decided) {
  if (state_ == State::ordered && decided > seq_) {
    state_ = State::idle;
  }
}

std::optional<UsableBody> Checkpoints::usable() const {
  if (state_ != State::measured) {
    return std::nullopt;
  }
  return UsableBody{seq_.value, s_};
}

}  // namespace tercet::quorum
