#include "quorum/checkpoints.h"

namespace tercet::quorum {

std::optional<Slot> Checkpoints::due(const Backends& backends, SlotSet voters, Seq last, MonoTime now) {
  if (state_ == State::written && (backends[slot_].base >= seq_ || now - since_ >= options_.patience)) {
    state_ = State::idle;
  }
  if (state_ != State::idle) {
    return std::nullopt;
  }
  std::optional<Slot> whose;
  for (const Slot slot : kSlots) {
    const Backend& b = backends[slot];
    if (voters.has(slot) && b.told_base && last.value >= b.base.value + options_.every &&
        (!whose || b.base < backends[*whose].base)) {
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
