#pragma once
// Health: whether a server's threads still turn. The control thread notes its own turns and those of every
// polling thread; the admin's /healthz asks.

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "base/time.h"
#include "dataplane/service_loop.h"
#include "dataplane/thread_view.h"

namespace tercet::control {

class Health {
 public:
  /// Control thread, each turn. `threads`: the polling threads, always the same ones.
  void turned(MonoTime now, std::span<const dataplane::ThreadView> threads) {
    turned_ns_.store(now.ns, std::memory_order_relaxed);
    MonoTime oldest = now;
    for (size_t i = 0; i < threads.size() && i < seen_.size(); ++i) {
      if (const uint64_t polls = threads[i].loop->polls.get(); polls != seen_[i].polls) {
        seen_[i] = {polls, now};
      }
      oldest = earlier(oldest, seen_[i].at);
    }
    polled_ns_.store(oldest.ns, std::memory_order_relaxed);
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
  std::atomic<int64_t> polled_ns_{0};  ///< of the polling thread that turned longest ago
  struct Seen {
    uint64_t polls = UINT64_MAX;
    MonoTime at;  ///< when that was news
  };
  std::array<Seen, dataplane::kSteeringMax + 1> seen_{};
};

}  // namespace tercet::control
