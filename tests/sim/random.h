#pragma once
// The simulator's only source of chance: one seed decides everything. SplitMix64 (Steele, Lea, Flood 2014).

#include <cstdint>

#include "base/time.h"

namespace tercet::sim {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15U + 1) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }
  uint64_t below(uint64_t n) { return n == 0 ? 0 : next() % n; }
  bool chance(double p) { return static_cast<double>(next() >> 11U) * 0x1.0p-53 < p; }
  Duration between(Duration low, Duration high) {
    return high <= low
               ? low
               : Duration{low.ns + static_cast<int64_t>(below(static_cast<uint64_t>((high - low).ns)))};
  }

 private:
  uint64_t state_;
};

}  // namespace tercet::sim
