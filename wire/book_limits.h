#pragma once
// What the license book fixes for every client, as HelloAck tells them: bounds of a lease, and how late a
// request may be.

#include "base/time.h"

namespace tercet {

inline constexpr Duration kLeaseMin = seconds(1);
inline constexpr Duration kLeaseMax = seconds(24 * 3600);
/// So long, in cell time, the book remembers a handle that it is done with (a tombstone).
inline constexpr Duration kReplayWindow = seconds(600);
/// A request is STALE when the entry's cell time is more than this above the cell time of its first
/// transmission …
inline constexpr Duration kSentAgeMax = kReplayWindow / 2;
/// … or the other way round by more than this.
inline constexpr Duration kSentAheadMax = seconds(1);
/// So a late copy cannot outlive what the book remembers: a handle's tombstone is made at cell time c, by
/// when its request was sent at c + kSentAheadMax at the latest, and goes at c + kReplayWindow; by then every
/// copy is STALE.
static_assert(kReplayWindow - kSentAheadMax > kSentAgeMax);

/// A lease ends this much after its end, to cover clients' clocks (0.1 % of drift) and their timers.
constexpr Duration grace_of(Duration lease) { return lease / 1000 > seconds(1) ? lease / 1000 : seconds(1); }

}  // namespace tercet
