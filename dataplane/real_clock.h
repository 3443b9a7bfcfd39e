#pragma once
// RealClock: CLOCK_MONOTONIC_RAW and CLOCK_REALTIME through the vDSO (no system call), and dice from a
// generator that was seeded once by the kernel. RAW, since NTP slews the other: leases end by it.
// Port::wait() takes times of the same clock.
//
// Wall time is in milliseconds and is read again when one has passed: of a turn that takes a microsecond, a
// reading is 20 to 25 ns.
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
  static constexpr Duration kWallFor = milliseconds(1);
  void read_wall(MonoTime mono);

  uint64_t state_;
  WallTime wall_;
  MonoTime wall_read_;
};

}  // namespace tercet::dataplane
