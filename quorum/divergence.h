#pragma once
// Divergence: a backend's own S against the decided one (DESIGN §2 "Divergent"). One that differs says so,
// its votes do not count, and its book is built anew from its log; the log and the promises stay. It is
// readmitted when its S is right again.

#include <algorithm>
#include <utility>

#include "quorum/limits.h"
#include "quorum/log_view.h"

namespace tercet::quorum {

class Divergence {
 public:
  /// The S (64 bits, as an LB knows it from votes) that was decided at `seq`, of a log that is ours.
  void told(Seq seq, uint64_t s) {
    seq_ = seq;
    s_ = s;
  }
  /// Compares, once the book has got that far.
  void judge(const LogView& log, Seq applied) {
    if (seq_.value == 0 || seq_ > applied || !log.has(seq_)) {
      return;
    }
    on_ = log.s_at(seq_).low != s_;
    if (!on_) {
      pause_ = kRebuildPauseMin;
    }
  }
  [[nodiscard]] bool on() const { return on_; }

  /// Whether to build the book anew now. At once the first time; if that did not help, the book computes
  /// wrong things rather than having been damaged, and trying for ever would only cost the time that the log
  /// needs.
  bool rebuild_due(MonoTime now) {
    if (!on_ || now < next_) {
      return false;
    }
    if (std::exchange(just_built_, false)) {
      next_ = now + kRebuildPauseMax;
      return false;
    }
    next_ = now + pause_;
    pause_ = std::min(pause_ * 2, kRebuildPauseMax);
    return true;
  }
  /// The book was read from its image a moment ago: that again would not help.
  void just_built() { just_built_ = on_; }
  [[nodiscard]] MonoTime next_rebuild() const { return on_ ? next_ : MonoTime::never(); }

 private:
  Seq seq_;
  uint64_t s_ = 0;
  bool on_ = false;
  bool just_built_ = false;
  MonoTime next_;
  Duration pause_ = kRebuildPauseMin;
};

}  // namespace tercet::quorum
