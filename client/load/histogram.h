#pragma once
// A log-linear histogram of latencies (the idea of HdrHistogram): each power of two is cut into 128 equal
// steps, so a value is kept to better than 1 % from nanoseconds to hours, in 60 KiB, without ever dropping a
// sample.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tercet::load {

class Histogram {
 public:
  Histogram() : counts_(kBuckets) {}
  void add(int64_t ns);
  void merge(const Histogram& other);
  [[nodiscard]] uint64_t samples() const { return samples_; }
  /// Largest sample, exact.
  [[nodiscard]] int64_t max() const { return max_; }
  /// The value below or at which `quantile` (0..1) of the samples lie: the upper end of its step, at most
  /// max(). 0 when empty.
  [[nodiscard]] int64_t at(double quantile) const;

 private:
  static constexpr unsigned kStepBits = 7;
  static constexpr uint64_t kSteps = uint64_t{1} << kStepBits;
  static constexpr size_t kBuckets = (64 - kStepBits) * kSteps;
  static size_t bucket_of(uint64_t value);
  static uint64_t upper_end(size_t bucket);

  std::vector<uint64_t> counts_;
  uint64_t samples_ = 0;
  int64_t max_ = 0;
};

}  // namespace tercet::load
