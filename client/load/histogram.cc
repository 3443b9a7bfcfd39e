#include "client/load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace tercet::load {

// Values below 2^7 are their own bucket. Above, with e = floor(log2(value)), the 7 bits behind the leading
// one choose the step: bucket = (e - 6) * 128 + those bits. So octave e begins at (e - 6) * 128, right behind
// octave e - 1.
size_t Histogram::bucket_of(uint64_t value) {
  if (value < kSteps) {
    return value;
  }
  const unsigned exponent = static_cast<unsigned>(std::bit_width(value)) - 1;
  const uint64_t step = (value >> (exponent - kStepBits)) & (kSteps - 1);
  return (exponent - kStepBits + 1) * kSteps + step;
}

uint64_t Histogram::upper_end(size_t bucket) {
  if (bucket < kSteps) {
    return bucket;
  }
  const unsigned shift = static_cast<unsigned>(bucket / kSteps) - 1;
  const uint64_t step = bucket % kSteps + kSteps;
  return ((step + 1) << shift) - 1;
}

void Histogram::add(int64_t ns) {
  const int64_t value = std::max<int64_t>(ns, 0);
  ++counts_[bucket_of(static_cast<uint64_t>(value))];
  ++samples_;
  max_ = std::max(max_, value);
}

void Histogram::merge(const Histogram& other) {
  for (size_t i = 0; i < counts_.size(); ++i) {
    counts_[i] += other.counts_[i];
  }
  samples_ += other.samples_;
  max_ = std::max(max_, other.max_);
}

int64_t Histogram::at(double quantile) const {
  if (samples_ == 0) {
    return 0;
  }
  const auto rank = static_cast<uint64_t>(std::ceil(quantile * static_cast<double>(samples_)));
  const uint64_t wanted = std::clamp<uint64_t>(rank, 1, samples_);
  uint64_t seen = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= wanted) {
      return std::min(static_cast<int64_t>(upper_end(i)), max_);
    }
  }
  return max_;
}

}  // namespace tercet::load
