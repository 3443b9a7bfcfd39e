#pragma once
// Closed-loop UDP load for the floor: N requests outstanding over M connected sockets; an answer is followed
// at once by the next request. Plain recvmmsg and sendmmsg without GSO, so that each request is a datagram of
// its own.

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "base/time.h"
#include "wire/endpoint.h"

namespace tercet::bench {

struct LoadOptions {
  Endpoint target;
  unsigned sockets = 1;
  unsigned outstanding = 64;             ///< in all; shared out evenly, at least one each
  size_t bytes = 128;                    ///< 16..1452
  Duration warm_up = milliseconds(200);  ///< not counted
  Duration run = seconds(2);
  Duration lost_after = milliseconds(500);  ///< then its place is used for a fresh request
};

struct LoadResult {
  Duration ran;
  uint64_t requests = 0;  ///< answered within the counted time
  uint64_t answered = 0;  ///< the same, warming up included
  uint64_t lost = 0;
  uint64_t wrong = 0;                  ///< answers that are no request's, or changed
  std::vector<uint32_t> latencies_ns;  ///< of every counted request, sorted; capped at 4.29 s
  int64_t client_cpu_us = 0;           ///< over all `answered`
  [[nodiscard]] double percentile_us(double p) const;
};

/// The error is one line.
tl::expected<LoadResult, std::string> run_load(const LoadOptions& options);

}  // namespace tercet::bench
