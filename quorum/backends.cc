#include "quorum/backends.h"

#include <algorithm>

namespace tercet::quorum {

const char* name_of(BackendState state) {
  static constexpr std::array<const char*, 6> kNames{"down",      "voting",   "catching-up",
                                                     "divergent", "amnesiac", "stopped"};
  return kNames[static_cast<size_t>(state)];
}

void Backends::hear(Slot slot, uint8_t flags, Incarnation incarnation, MonoTime now) {
  Backend& b = (*this)[slot];
  if (b.incarnation != incarnation) {
    b.outvoted = false;
    b.regressed = false;
    b.told_base = false;
    b.newcomer = false;
    b.asks_rejoin = false;
    b.absent.reset();
    b.stop = StopReason::none;
    b.acked = Seq{0};
    b.durable = Seq{0};
    b.pulled_to = Seq{0};
    b.decided = Seq{0};
  }
  if (!b.heard || now - b.heard_at > down_after(slot)) {
    b.progress_at = now;  // back from absence: its time to answer begins now
    b.resends = 0;
    b.resend_at = now;
  }
  b.heard = true;
  b.closed_at = {};
  b.flags = flags;
  b.incarnation = incarnation;
  b.heard_at = now;
}

/// RFC 6298 §2, in its integer form.
void Backends::measure(Slot slot, Duration round_trip) {
  Backend& b = (*this)[slot];
  const Duration error = round_trip - b.rtt;
  b.rtt = b.rtt + error / 8;
  const Duration size = error.ns < 0 ? Duration{-error.ns} : error;
  b.rtt_deviation = b.rtt_deviation + (size - b.rtt_deviation) / 4;
}

void Backends::report_closed(Slot slot, MonoTime now) {
  Backend& b = (*this)[slot];
  if (b.closed_at.ns == 0) {
    b.closed_at = now;
  }
}

bool Backends::closed(Slot slot, MonoTime now) const {
  const Backend& b = (*this)[slot];
  return b.closed_at.ns != 0 && now - b.closed_at > std::max(b.rtt * kClosedAfterRtts, kClosedAfterMin);
}

Duration Backends::down_after(Slot slot) const {
  return std::max((*this)[slot].rtt * kDownAfterRtts, kDownAfterMin);
}

Duration Backends::resend_after(Slot slot) const {
  const Backend& b = (*this)[slot];
  const Duration base = std::max(b.rtt + b.rtt_deviation * 4, kResendMin);
  return std::min(base * (int64_t{1} << std::min(b.resends, 7U)), kResendMax);
}

bool Backends::counts(Slot slot) const {
  const Backend& b = (*this)[slot];
  const bool right_life = member(slot).value == 0 || member(slot) == b.incarnation;
  return b.heard && right_life && !b.outvoted && !b.regressed && (b.flags & (kDivergent | kAmnesiac)) == 0 &&
         (b.flags & kMember) != 0;
}

bool Backends::replaced(Slot slot, Seq decided) const {
  const Backend& b = (*this)[slot];
  const Named& named = members_[index(slot)];
  return b.heard && (b.flags & kMember) != 0 && named.incarnation.value != 0 &&
         named.incarnation != b.incarnation && named.at <= decided;
}

SlotSet Backends::counted() const {
  SlotSet set;
  for (const Slot slot : kSlots) {
    if (counts(slot)) {
      set.add(slot);
    }
  }
  return set;
}

bool Backends::divergent(Slot slot) const {
  const Backend& b = (*this)[slot];
  return b.heard && member(slot) == b.incarnation && !b.regressed && (b.flags & kDivergent) != 0 &&
         (b.flags & kAmnesiac) == 0;
}

BackendState Backends::state(Slot slot, MonoTime now, Seq last) const {
  const Backend& b = (*this)[slot];
  if (!b.heard || closed(slot, now) || now - b.heard_at > down_after(slot)) {
    return BackendState::down;
  }
  const bool wrong_life = member(slot).value != 0 && member(slot) != b.incarnation;
  if ((b.flags & kAmnesiac) != 0 || b.regressed || wrong_life) {
    return BackendState::amnesiac;
  }
  if ((b.flags & kStopped) != 0) {
    return BackendState::stopped;
  }
  if ((b.flags & kDivergent) != 0 || b.outvoted) {
    return BackendState::divergent;
  }
  const bool stalled = b.acked < last && now - b.progress_at > std::max(down_after(slot), kStalledAfter);
  if ((b.flags & kCatchingUp) != 0 || (b.flags & kMember) == 0 || stalled) {
    return BackendState::catching_up;
  }
  return BackendState::voting;
}

void Backends::restart(Seq before_first, MonoTime now) {
  for (Backend& b : slots_) {
    b.acked = before_first;
    b.acked_at = now;
    b.durable = Seq{0};
    b.absent.reset();
    b.progress_at = now;
    b.resends = 0;
    b.resend_at = now;
    b.regressed = false;
  }
}

}  // namespace tercet::quorum
