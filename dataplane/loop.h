#pragma once
// Loop: one turn of a polling thread. OneThread does everything in a turn; with several threads a steering
// loop ends at a Link between open and order, and begins again at one between tally and reply (messages cross
// by value).

#include <cstddef>

#include "base/time.h"

namespace tercet::dataplane {

/// Most messages that one turn of the thread with the Service can send, unless it is told otherwise.
inline constexpr size_t kOutboxParcels = 2048;

class Loop {
 public:
  Loop() = default;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  virtual ~Loop() = default;

  /// One turn, without waiting. Returns when the next one is due at the latest; a time that has passed: at
  /// once.
  virtual MonoTime poll(const Moment& now) = 0;
  /// Sleeps until there is something to do, or `until`. Call it after every poll: engines that queue what
  /// they send submit it here.
  virtual void wait(MonoTime until) = 0;
  /// After the last turn, by the thread that polled: nothing stays under way (Port::finish).
  virtual void finish() {}
};

}  // namespace tercet::dataplane
