#pragma once
// Latencies as the benches' JSON has them (`latency_us`, in µs, as `tercet bench` writes it).

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

namespace tercet::bench {

/// `sorted`: ns.
inline nlohmann::ordered_json latency_us(const std::vector<int64_t>& sorted) {
  const auto percentile = [&](double p) {
    if (sorted.empty()) {
      return 0.0;
    }
    // Nearest rank: the smallest sample that at least p percent of all samples do not exceed.
    const auto rank = static_cast<size_t>(std::ceil(p / 100.0 * static_cast<double>(sorted.size())));
    return static_cast<double>(sorted[std::clamp<size_t>(rank, 1, sorted.size()) - 1]) / 1e3;
  };
  return {{"p50", percentile(50)},     {"p90", percentile(90)},  {"p99", percentile(99)},
          {"p99_9", percentile(99.9)}, {"max", percentile(100)}, {"samples", sorted.size()}};
}

}  // namespace tercet::bench
