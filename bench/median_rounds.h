#pragma once
// For benchmarks that time one step of a round themselves: the median of all rounds. On a busy machine the
// mean says how often the scheduler came between, the median what the step costs.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <vector>

namespace tercet::bench {

/// What rounds are timed with. Here, so that a benchmark beside a pure core needs no clock of its own.
using RoundClock = std::chrono::steady_clock;

class MedianRounds {
 public:
  /// `items` per round.
  MedianRounds(benchmark::State& state, int64_t items) : state_(state), items_(items) { ns_.reserve(kMost); }
  MedianRounds(const MedianRounds&) = delete;
  MedianRounds& operator=(const MedianRounds&) = delete;
  void add(RoundClock::duration took) {
    state_.SetIterationTime(std::chrono::duration<double>(took).count());
    if (ns_.size() < kMost) {
      ns_.push_back(std::chrono::duration<double, std::nano>(took).count());
    }
  }
  /// The counter `p50_ns`: per item.
  ~MedianRounds() {
    if (!ns_.empty()) {
      const auto middle = ns_.begin() + static_cast<std::ptrdiff_t>(ns_.size() / 2);
      std::nth_element(ns_.begin(), middle, ns_.end());
      state_.counters["p50_ns"] = *middle / static_cast<double>(items_);
    }
    state_.SetItemsProcessed(static_cast<int64_t>(state_.iterations()) * items_);
  }

 private:
  static constexpr size_t kMost = 1U << 20U;
  benchmark::State& state_;
  int64_t items_;
  std::vector<double> ns_;
};

}  // namespace tercet::bench
