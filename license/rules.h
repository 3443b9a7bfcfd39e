#pragma once
// What each operation does, one file each: a rule looks first, then changes the state once, or denies and
// changes nothing but what is remembered of the handle. Its caller (book.cc) has checked the operation's
// form, answered repeats and turned away stale ones.
//
// Where a handle stands when a rule is called:
//   new        neither lease nor tombstone: the answer leaves a lease (granted checkout) or a tombstone
//   held       a lease; the request number is above its last: the answer becomes its last
//   done with  a tombstone; the request number is above its last: the answer becomes its last, and nothing
//   else happens

#include "license/constituents.h"
#include "license/state.h"
#include "wire/op.h"

namespace tercet::license {

OpResult denial(Code code);

/// A handle as the book finds it.
struct Standpoint {
  uint32_t lease = kNone;
  uint32_t tombstone = kNone;
};
Standpoint find(const State& state, const Handle& handle);

/// Keeps `answer` as the last one on a handle without a lease: as its tombstone's, or as a new tombstone.
OpResult remember(State& state, const OpView& op, const Standpoint& at, const OpResult& answer);
/// Denies what a handle asked, remembers that (as its lease's last answer, too), and counts it: for the
/// license of its lease, or else for `license`.
OpResult deny(State& state, const OpView& op, const Standpoint& at, const OpResult& answer,
              uint32_t license = kNoLicense);
/// The same for a handle with a lease: the answer tells where that stands. `features`: as OpResult says.
OpResult deny_held(State& state, const OpView& op, uint32_t lease, Code code, uint64_t features = 0);

/// Seats of a license under `terms` (those in force or shown): in use, quantity, left.
struct Seats {
  uint32_t in_use;
  uint32_t quantity;
  uint32_t left;  ///< UINT32_MAX: without number
};
Seats seats(const State& state, uint32_t license, const Terms& terms);
void put_seats(OpResult& out, const Seats& seats);
/// Why a license under `terms` in force serves nobody now: NOT_YET_VALID, EXPIRED, USAGE_PERIOD_OVER; or
/// granted.
Code in_time(const State& state, uint32_t license, const Terms& terms);
/// The wall time at which its usage period is over; 0: it has none, or it has not begun.
uint64_t usage_until(const State& state, uint32_t license, const Terms& terms);
/// Of a license without units, 0.
uint64_t units_left(const State& state, uint32_t license, const Terms& terms);
/// What OpResult::features says of a license that does not serve, by the denial's code: EXPIRED and
/// NOT_YET_VALID its valid until or from, USAGE_PERIOD_OVER when that was, NO_UNITS_LEFT how many are,
/// ONLY_ONE_CONSTITUENT the constituents that are there.
uint64_t reason(const State& state, uint32_t license, Code code);

/// The station that a checkout names: its station text, or its host where that is empty.
std::string_view station_of(const OpView& checkout);

// The rules.
OpResult checkout(State& state, const OpView& op);                 ///< a new handle
OpResult renew(State& state, const OpView& op, uint32_t lease);    ///< a held one
OpResult release(State& state, const OpView& op, uint32_t lease);  ///< a held one
OpResult consume(State& state, const OpView& op, uint32_t lease);  ///< a held one
/// A new handle, or one with a tombstone (of an earlier import).
OpResult import_constituent(State& state, const OpView& op, const ConstituentCheck& check);
OpResult import_notice(State& state, const OpView& op, const NoticeCheck& check);  ///< the same

/// Ends what is over, before an entry's operation (null: it has none): first the handle's own lease, then
/// those of the licenses that a checkout may be served by, then all, each by who ends first; at most
/// kExpiriesPerEntry, and of what an operation does not need at most kExpiriesPerMs in a millisecond of cell
/// time. Returns how many.
unsigned expire(State& state, const OpView* op);
/// Tombstones whose time is over go, at most kPurgesPerEntry; by operations at most kPurgesPerMs in a
/// millisecond of cell time, or else kPurgesAlways each.
void purge(State& state, bool operation);

}  // namespace tercet::license
