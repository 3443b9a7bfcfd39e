#pragma once
// ThreadLoad: how busy each polling thread was of late, so that one sees which core is the bottleneck; and
// what `tercet status` and /v1/status show of the threads.
//
// note() by the control thread; the rest by any thread.

#include <array>
#include <atomic>
#include <nlohmann/json_fwd.hpp>
#include <span>

#include "base/time.h"
#include "dataplane/service_loop.h"
#include "dataplane/thread_view.h"

namespace tercet::control {

class ThreadLoad {
 public:
  static constexpr Duration kEvery = seconds(1);

  /// Call it often: once a kEvery it looks.
  void note(MonoTime now, std::span<const dataplane::ThreadView> threads);
  /// The part of its time at work, 0 to 1000, between the last two looks. 0 before them.
  [[nodiscard]] unsigned permille(size_t thread) const {
    return permille_[thread].load(std::memory_order_relaxed);
  }

 private:
  static constexpr size_t kThreadsMax = dataplane::kSteeringMax + 1;
  struct Last {
    uint64_t busy_ns = 0;
    uint64_t idle_ns = 0;
  };
  std::array<std::atomic<unsigned>, kThreadsMax> permille_{};  // a number alone: nothing is published by it
  std::array<Last, kThreadsMax> last_{};
  MonoTime due_;
};

/// A list, an object for each thread.
nlohmann::json threads_json(std::span<const dataplane::ThreadView> threads, const ThreadLoad& load);

}  // namespace tercet::control
