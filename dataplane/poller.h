#pragma once
// Poller: runs a Loop until it is told to stop. Spinning and sleeping are the Port's (PollMode): between two
// turns it sleeps until something arrives or the Service wants its turn, or never with poll = "busy".

#include <atomic>

#include "dataplane/clock.h"
#include "dataplane/loop.h"

namespace tercet::dataplane {

class Poller {
 public:
  /// Both outlive it.
  Poller(Loop& loop, Clock& clock) : loop_(loop), clock_(clock) {}
  /// By the polling thread; returns after stop(), at the latest `kTurn` later.
  void run();
  /// By any thread.
  void stop() {
    stop_.store(true, std::memory_order_relaxed);
  }  // nothing is published by it: seen within a turn
  /// Longest sleep: how soon stop() is noticed when nothing else happens.
  static constexpr Duration kTurn = milliseconds(100);

 private:
  Loop& loop_;
  Clock& clock_;
  std::atomic<bool> stop_{false};
};

}  // namespace tercet::dataplane
