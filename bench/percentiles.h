#pragma once
// For benchmarks whose single rounds matter: p50 and p99 beside the mean that the library prints.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <ctime>
#include <string>
#include <vector>

namespace tercet::bench {

class Percentiles {
 public:
  /// Counters `NAMEp50_us` and `NAMEp99_us`.
  explicit Percentiles(benchmark::State& state, std::string name = "")
      : state_(state), name_(std::move(name)) {
    times_.reserve(1U << 20U);
  }
  Percentiles(const Percentiles&) = delete;
  Percentiles& operator=(const Percentiles&) = delete;
  void start() { ::clock_gettime(CLOCK_MONOTONIC, &start_); }
  void stop() {
    timespec end{};
    ::clock_gettime(CLOCK_MONOTONIC, &end);
    times_.push_back(static_cast<double>(end.tv_sec - start_.tv_sec) * 1e6 +
                     static_cast<double>(end.tv_nsec - start_.tv_nsec) / 1e3);
  }
  double p50() { return at(50); }
  ~Percentiles() {
    if (!times_.empty()) {
      state_.counters[name_ + "p50_us"] = at(50);
      state_.counters[name_ + "p99_us"] = at(99);
    }
  }

 private:
  double at(size_t percent) {
    std::ranges::sort(times_);
    return times_[times_.size() * percent / 100];
  }
  benchmark::State& state_;
  std::string name_;
  timespec start_{};
  std::vector<double> times_;
};

}  // namespace tercet::bench
