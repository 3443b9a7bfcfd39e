#include "failover/suspicion.h"

#include <algorithm>
#include <cstdlib>

namespace tercet::failover {

namespace {
Duration max(Duration a, Duration b) { return a < b ? b : a; }
Duration min(Duration a, Duration b) { return a < b ? a : b; }
}  // namespace

Duration Suspicion::floor() const { return max(options_.floor_min, options_.heartbeat * 3); }

void Suspicion::heard(bool fit, MonoTime now) {
  if (heard_) {
    sample(silence(now));
  }
  started_ = true;
  heard_ = true;
  fit_ = fit;
  last_ = now;
  discount_ = {};
  // S3: one that was under way when its sender died does not revive it; a new life goes on sending.
  if (!told_surely_ || now - told_at_ > floor()) {
    told_ = Cause::none;
    told_surely_ = false;
  }
}

void Suspicion::resigned(Cause cause, MonoTime now) {
  told_ = cause;
  told_surely_ = true;
  told_at_ = now;
}

void Suspicion::hint(Cause cause, MonoTime now) {
  if (told_ == Cause::none) {
    told_ = cause;
    told_at_ = now;
  }
}

void Suspicion::tick(MonoTime now) {
  last_stall_ = {};
  if (!started_) {
    started_ = true;
    last_ = now;
  } else if (ticked_.ns != 0) {
    // Twice a heartbeat between two turns is lateness that a loaded machine has all the time; beyond, we
    // stood still.
    const Duration gap = now - ticked_;
    if (gap > options_.heartbeat * 2) {
      last_stall_ = gap - options_.heartbeat;
      ++stalls_;
      // Only the part since its last sign: a heartbeat taken in this very turn began a new silence.
      discount_ = discount_ + min(last_stall_, max(now - last_ - discount_, {}));
    }
  }
  ticked_ = now;
}

Duration Suspicion::silence(MonoTime now) const {
  // Turns since the last tick are judged as tick() would: between a stall and the tick that finds it nobody
  // is suspected.
  Duration standing = discount_;
  if (ticked_.ns != 0 && now - ticked_ > options_.heartbeat * 2) {
    standing = standing + (now - ticked_ - options_.heartbeat);
  }
  return max(now - last_ - standing, {});
}

void Suspicion::sample(Duration gap) {
  // Heartbeats that were read in one turn were not sent in one instant; their gaps of nothing would hide the
  // real ones.
  if (gap < options_.heartbeat / 4) {
    return;
  }
  gap = min(gap, options_.cap);
  if (mean_.ns == 0) {
    mean_ = gap;
    deviation_ = gap / 2;
  } else {
    const Duration off{std::abs(gap.ns - mean_.ns)};
    deviation_ = deviation_ + (off - deviation_) / 4;
    mean_ = mean_ + (gap - mean_) / 8;
  }
  widest_ = max(gap, widest_ - widest_ / 1024);  // forgotten to a half in 700 heartbeats
}

Duration Suspicion::threshold() const {
  if (!heard_) {
    return options_.unheard;
  }
  const Duration learnt = max(mean_ + deviation_ * 8, widest_ + widest_ / 2);
  return std::clamp(learnt, floor(), max(options_.cap, floor()));
}

Cause Suspicion::cause(MonoTime now) const {
  if (told_ != Cause::none) {
    return told_;
  }
  if (heard_ && !fit_) {
    return Cause::unfit;
  }
  if (started_ && silence(now) > threshold()) {
    return heard_ ? Cause::silence : Cause::first_start;
  }
  return Cause::none;
}

Verdict Suspicion::verdict(MonoTime now) const {
  return cause(now) == Cause::none ? Verdict::healthy : Verdict::suspect;
}

MonoTime Suspicion::due(MonoTime now) const {
  if (!started_ || verdict(now) == Verdict::suspect) {
    return MonoTime::never();
  }
  return now + (threshold() - silence(now)) + nanoseconds(1);
}

}  // namespace tercet::failover
