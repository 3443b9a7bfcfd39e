#pragma once
// Numbers of the quorum protocol: fixed by it, or chosen by us (then with the reason).

#include <cstddef>

#include "base/time.h"

namespace tercet::quorum {

// Fixed by the protocol (DESIGN §2).
inline constexpr Duration kStampStepMax =
    seconds(1);  ///< a stamp is at most this above the last decided cell time
inline constexpr Duration kTickEvery = milliseconds(250);  ///< an idle LB ticks while leases live …
static_assert(kTickEvery < kStampStepMax, "ticks rarer than the clamp would slow cell time");
inline constexpr Duration kAbsentAfter = seconds(30);  ///< down for so long: its constituents are absent
inline constexpr int kHeardHeartbeats = 3;             ///< a holder not heard for so many may be followed
inline constexpr Duration kWallStepMax =
    seconds(3600);  ///< wall time never steps by more without an operator
inline constexpr Duration kWallEvery = milliseconds(20);  ///< wall time of stamps advances in steps of this
inline constexpr Duration kDownAfterMin = milliseconds(250);  ///< nothing heard for max(10 RTT, this): down
inline constexpr int kDownAfterRtts = 10;
/// Reported closed, and silent for max(3 RTT, this) since, though it was asked within a Keepalive's interval:
/// down.
inline constexpr Duration kClosedAfterMin = milliseconds(50);
inline constexpr int kClosedAfterRtts = 3;

// Chosen.
inline constexpr Duration kHeardWindowMin =
    milliseconds(20);  ///< floor of "three heartbeats": timers are late by 4–7 ms
                       ///< at p99.9 on a virtual machine (measured)
inline constexpr Duration kHeardWindowMax =
    seconds(1);  ///< whatever a holder says of its interval: it is not followed for hours
/// An idle backend that was heard within so many keep-alives is not asked to answer the next one: the answers
/// were a third of what woke an idle LB.
inline constexpr int kQuietKeepalives = 4;
inline constexpr Duration kResendMin =
    milliseconds(2);  ///< a LAN round trip and a disk commit are well below
inline constexpr Duration kResendMax = milliseconds(250);
/// A backend that answers but votes for nothing of what it was sent: absent after this. Longer than a disk's
/// worst write beside another that is being zero-filled (55 ms measured) and than a busy machine keeps a
/// process waiting.
inline constexpr Duration kStalledAfter = seconds(1);
inline constexpr Duration kThirdPromiseWait =
    milliseconds(5);  ///< after the second Promise, for a longer log
inline constexpr Duration kAskAgain = milliseconds(20);
inline constexpr Duration kAskGiveUp = milliseconds(250);
inline constexpr Duration kPrepareAgain = milliseconds(20);
inline constexpr Duration kPrepareGiveUp = milliseconds(300);
/// An operator's order that could not be begun by then is to be given again.
inline constexpr Duration kForceGiveUp = seconds(3);
/// What the two others may take to answer once the survivor has promised: many round trips.
inline constexpr Duration kForceWait = milliseconds(100);
static_assert(kForceWait < kPrepareGiveUp && kForceWait < kAskGiveUp);
inline constexpr Duration kBackoffMin = milliseconds(20);
inline constexpr Duration kBackoffMax = milliseconds(400);
inline constexpr Duration kStartNoProgress =
    milliseconds(500);  ///< the source of a chosen log counts as dead after this
inline constexpr Duration kContestAgain =
    milliseconds(50);  ///< a backend that was wrong and restarts needs longer than that
inline constexpr Duration kReadAgainMin = milliseconds(2);
inline constexpr Duration kReadAgainMax = milliseconds(250);
inline constexpr Duration kReadGiveUp = seconds(5);  ///< as long as a client waits unless told otherwise
inline constexpr Duration kPresenceLook =
    milliseconds(50);  ///< how often constituents that are gone or back are looked for
inline constexpr Duration kPullAgain = milliseconds(20);
/// Beside a cell that decides without it, a backend that pulls works a quarter of the time …
inline constexpr int kPullRests = 3;
inline constexpr Duration kPullRestMax = milliseconds(10);
inline constexpr int kPullFaster = 2;  ///< … or as much as it takes to be so many times as fast as the cell
inline constexpr Duration kPullPaceSpan = milliseconds(20);  ///< over which that is measured
static_assert(kPullRestMax < kPullAgain, "a rest is not taken for a silent source");
/// A peer that asked for entries, or for a piece of an image, within this time will go on from there.
inline constexpr Duration kFedFor = seconds(10);
/// Most that a backend takes over from its stage in one poll: about a millisecond's work, and half of what an
/// acceptor's records hold without allocating.
inline constexpr size_t kAdoptAtOnce = 256;              ///< entries
inline constexpr size_t kAdoptBytesAtOnce = 64U << 10U;  ///< and bytes of them
inline constexpr Duration kImagePauseMin = seconds(1);  ///< between a peer's image that failed and the next …
inline constexpr Duration kImagePauseMax = seconds(30);  ///< … doubling up to this
/// One that failed is asked for again after so long. By then its peer has a newer one, if it can write one.
inline constexpr Duration kImagePassedOver = seconds(60);
static_assert(kImagePauseMax < kImagePassedOver, "another peer's comes to its turn before");
/// Entries that a book which stands behind its log applies in one poll: a few hundred microseconds.
inline constexpr unsigned kApplyAtOnce = 256;
inline constexpr Duration kRebuildPauseMin = seconds(1);   ///< between two tries to mend a divergent book …
inline constexpr Duration kRebuildPauseMax = seconds(60);  ///< … doubling up to this
inline constexpr unsigned kPullDatagrams =
    32;  ///< Entries asked for at once: 45 kB, well within a receive buffer
static_assert(kResendMin < kResendMax && kDownAfterMin <= kResendMax);

}  // namespace tercet::quorum
