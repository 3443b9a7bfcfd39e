#pragma once
// The client's clock: CLOCK_BOOTTIME. A lease runs on while a laptop sleeps, so the clock that tells when the
// client must stop has to count that time too.

#include <compare>
#include <cstdint>
#include <ctime>

#include "base/time.h"

namespace tercet::client {

/// A reading of this machine's CLOCK_BOOTTIME, in nanoseconds. Not a MonoTime: that one stands still in
/// suspend.
struct BootTime {
  int64_t ns = 0;
  constexpr auto operator<=>(const BootTime&) const = default;
  constexpr BootTime operator+(Duration d) const { return {ns + d.ns}; }
  constexpr BootTime operator-(Duration d) const { return {ns - d.ns}; }
  constexpr Duration operator-(BootTime t) const { return {ns - t.ns}; }
  static constexpr BootTime never() { return {INT64_MAX}; }
};
constexpr BootTime earlier(BootTime a, BootTime b) { return a < b ? a : b; }
constexpr BootTime later(BootTime a, BootTime b) { return a < b ? b : a; }

inline BootTime boot_now() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return {int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec};
}

}  // namespace tercet::client
