#pragma once
// Health: whether a server's threads still turn. The control thread notes its own turns and the polling
// thread's; the admin's /healthz asks.

#include <atomic>
#include <cstdint>

#include "base/time.h"

namespace tercet::control {

class Health {
 public:
  /// Control thread, each turn. `polls`: the polling thread's turns so far.
  void turned(MonoTime now, uint64_t polls) {
    turned_ns_.store(now.ns, std::memory_order_relaxed);
    if (polls != polls_) {
      polls_ = polls;
      polled_ns_.store(now.ns, std::memory_order_relaxed);
    }
  }
  /// Any thread. A turn takes microseconds and is due each 100 ms: one that is this late hangs.
  [[nodiscard]] bool sound(MonoTime now) const {
    const MonoTime oldest = now - kLateMax;
    return MonoTime{turned_ns_.load(std::memory_order_relaxed)} > oldest &&
           MonoTime{polled_ns_.load(std::memory_order_relaxed)} > oldest;
  }

 private:
  static constexpr Duration kLateMax = seconds(3);
  std::atomic<int64_t> turned_ns_{0};  // a time alone: nothing else is published by it
  std::atomic<int64_t> polled_ns_{0};
  uint64_t polls_ = UINT64_MAX;
};

}  // namespace tercet::control
