#pragma once
// What the client chose for itself (nothing here is fixed by the protocol).

#include "base/time.h"

namespace tercet::client {

/// Least wait before the first retransmission: a few round trips of a LAN with a disk write in them.
inline constexpr Duration kFirstResendMin = milliseconds(2);
/// Retransmissions back off ×2 up to this: a cell that is back is noticed within it.
inline constexpr Duration kResendMax = milliseconds(250);
/// After BUSY and NOT_ACTIVE the same request is repeated: first after this, then ×2 up to kResendMax.
inline constexpr Duration kRepeatFirst = milliseconds(10);
/// After UNAVAILABLE. Three of them (a command's patience) take about 0.4 s: longer than a backend's restart
/// hides, shorter than the second in which a user wants to know.
inline constexpr Duration kUnavailableFirst = milliseconds(150);
inline constexpr unsigned kUnavailablePatience = 3;
inline constexpr Duration kTimeoutDefault = seconds(5);
/// An estimate of the cell's time never runs further than this ahead of the last time heard. A request that
/// is stamped over 1 s ahead is STALE, and the cell's time stands still in an outage; one that is stamped too
/// early is good for half the replay window.
inline constexpr Duration kCellAheadMax = milliseconds(500);
static_assert(kCellAheadMax < seconds(1));
/// When HelloAck names no replay window.
inline constexpr Duration kReplayWindowDefault = seconds(60);

}  // namespace tercet::client
