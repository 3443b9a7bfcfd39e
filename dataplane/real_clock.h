#pragma once
// RealClock: CLOCK_MONOTONIC_RAW and CLOCK_REALTIME through the vDSO (no system call), and dice from a
// generator that was seeded once by the kernel. RAW, since NTP slews the other: leases end by it.
// Port::wait() takes times of the same clock.
//
// One thread each. The dice are for back-off and nonces of messages, never for keys.

#include "dataplane/clock.h"

namespace tercet::dataplane {

class RealClock final : public Clock {
 public:
  /// Seeds from getrandom(2); aborts if the kernel has none.
  RealClock();
  Moment now() override;

 private:
  uint64_t state_;
};

}  // namespace tercet::dataplane
