#pragma once
// A randomised back-off without randomness of its own: dice are passed in. Two LBs that refused each other
// must not try again in step; each failure doubles the range that the next delay is drawn from.

#include <cstdint>

#include "base/time.h"

namespace tercet::failover {

struct BackoffOptions {
  Duration base = milliseconds(20);  ///< first delay: half of it to all of it
  Duration cap = seconds(1);
};

class Backoff {
 public:
  explicit Backoff(const BackoffOptions& options) : options_(options) {}
  /// After a failed try: when the next one may be made, between half the range and the whole. `dice`: fresh
  /// random bits.
  MonoTime failed(MonoTime now, uint64_t dice);
  /// After a success (or when the reason for the failures is gone).
  void reset();
  [[nodiscard]] bool allows(MonoTime now) const { return now >= until_; }
  [[nodiscard]] MonoTime until() const { return until_; }

 private:
  BackoffOptions options_;
  unsigned failures_ = 0;
  MonoTime until_{INT64_MIN};
};

}  // namespace tercet::failover
