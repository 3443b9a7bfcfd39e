#include "failover/backoff.h"

#include <algorithm>

namespace tercet::failover {

MonoTime Backoff::failed(MonoTime now, uint64_t dice) {
  Duration range = options_.base;
  for (unsigned i = 0; i < failures_ && range < options_.cap; ++i) {
    range = range * 2;
  }
  range = std::min(range, options_.cap);
  ++failures_;
  const int64_t half = range.ns / 2;
  const auto drawn = static_cast<int64_t>(dice % static_cast<uint64_t>(range.ns - half + 1));
  until_ = now + nanoseconds(half + drawn);
  return until_;
}

void Backoff::reset() {
  failures_ = 0;
  until_ = MonoTime{INT64_MIN};
}

}  // namespace tercet::failover
