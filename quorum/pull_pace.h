#pragma once
// PullPace: how long a backend that pulls rests between an answer and its next question. What it takes of its
// machine, and of the peer that feeds it, is taken from those who wait for answers, and for a third vote
// nobody waits while two decide. So it rests meanwhile: for the longer, the longer its work took (a busy
// machine stretches both). Yet it catches up beneath any load: it pulls at least twice as fast as the cell
// decides, if it can. And while the cell decides nothing there is no rest: it may be us that it waits for.
// The price is that for some four times as long there is no third one.

#include "base/time.h"
#include "wire/ids.h"

namespace tercet::quorum {

class PullPace {
 public:
  /// An LB said how far the cell has decided.
  void heard(Seq commit, MonoTime now);
  /// A question leaves, for what stands at `from`.
  void asked(Seq from, MonoTime now);
  /// What came in answer is in the log, which goes on at `next`: the next question leaves then.
  MonoTime answered(Seq next, MonoTime now);

 private:
  [[nodiscard]] Duration rest(Seq next, MonoTime now) const;

  Seq heard_;  ///< the cell's commit …
  MonoTime heard_at_;
  uint64_t decided_ = 0;              ///< so many entries …
  Duration within_{};                 ///< … in so long: how fast the cell is
  MonoTime due_ = MonoTime::never();  ///< the next question, as answered() said
  Seq from_;
  MonoTime asked_at_;  ///< or when that was due: who wakes late has rested longer
};

}  // namespace tercet::quorum
