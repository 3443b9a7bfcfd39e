#pragma once
// Turns: what a polling thread notes of its own turns, from the one clock reading that each of them begins
// with. A turn lasts until the next one begins; the part after Port::wait() fell asleep is idle, by the clock
// that the engine had to read anyway, and so is a whole turn that never slept but found nothing to do. The
// rest is work. Nothing here reads a clock.

#include "base/counters.h"
#include "base/time.h"
#include "dataplane/turn_lengths.h"

namespace tercet::dataplane {

/// Written by the polling thread, read by the control thread. On cache lines of its own: what one polling
/// thread counts must not slow down another.
struct alignas(64) LoopCounters {
  Counter polls;
  Counter busy_polls;  ///< … that brought datagrams (a quorum thread: messages)
  Counter late_polls;  ///< … that came over kLate after they were due: the thread was not run
  Counter latest_ns;   ///< the worst of them so far
  Counter busy_ns;     ///< at work
  Counter idle_ns;     ///< asleep, or spinning without anything to do
  Counter longest_ns;  ///< the longest work of one turn: who comes meanwhile waits that long
  Counter taken;       ///< datagrams (messages) that the busy ones brought, all together: a burst is taken /
                       ///< busy_polls
  Counter taken_max;   ///< the most that one brought
  TurnLengths worked;  ///< turns by how long they worked; those that did nothing are not in it
};

class Turns {
 public:
  static constexpr Duration kLate = milliseconds(10);

  /// First thing in a turn. `slept_since`: Port::slept_since().
  void begin(MonoTime now, MonoTime slept_since);
  /// What this turn brought.
  void took(size_t count);
  /// It had something else to do (a message to send, a timer): it does not count as idle.
  void worked() { worked_ = true; }
  /// When the next one should begin, as the turn's end says, and then the wait. Who wants to go on at once
  /// was at work, though nothing came in or went out: a backend writes its checkpoints so.
  void due(MonoTime again) {
    due_ = again;
    worked_ = worked_ || again <= began_;
  }
  void waits(MonoTime until) { due_ = later(earlier(due_, until), began_); }

  [[nodiscard]] MonoTime began() const { return began_; }
  [[nodiscard]] const LoopCounters& counters() const { return counters_; }

 private:
  LoopCounters counters_;
  MonoTime began_;                    ///< the turn under way, or the last
  MonoTime due_ = MonoTime::never();  ///< when the next one should begin
  bool ran_ = false;                  ///< there was one before
  bool worked_ = false;
};

static_assert(alignof(Turns) == 64 && sizeof(LoopCounters) % 64 == 0);

}  // namespace tercet::dataplane
