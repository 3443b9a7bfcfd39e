#pragma once
// What passes between the thread that orders (the data plane) and the control thread, by value, through two
// Links. Commands go down, Events come up. Status (a snapshot for people) is apart from both.
//
// Both queues are bounded. A producer that finds its queue full keeps the message and pushes it at its next
// turn: `won` and `lost` must not be forgotten, and must stay in order.

#include <cstdint>

#include "base/time.h"
#include "failover/receipt.h"
#include "wire/ids.h"

namespace tercet::dataplane {

/// Control thread -> data plane.
struct Command {
  enum class Kind : uint8_t {
    /// Ask two backends now whether they have promised anything above `epoch`. The answer is the Event
    /// `confirmed` with this token, or `lost`; none while two backends cannot be reached. Comes again, with
    /// the same token, until answered, and after a second with a new one. A new token replaces the old one:
    /// only answers to Asks sent *after* it count (the LB was stalled in between).
    confirm,
    /// Clean stop: give the epoch up. Answered by `lost` (cause stopped) once the resignation was sent.
    resign,
    /// VRRP's hint that the other LB no longer advertises (or sent priority 0). Unauthenticated: at most a
    /// reason to ask.
    suspect,
    /// Whether clients can reach this LB's addresses, as far as the host can tell: one that they cannot
    /// reach is unfit, so that the other may follow, and claims nothing.
    clients,
    /// The operator's order: the backend of `slot`, a new disk, is to be a member beside the one whose log
    /// goes on. What becomes of it stands in the View, with this token.
    force,
  };
  Kind kind = Kind::confirm;
  uint32_t token = 0;  ///< confirm, force
  Epoch epoch{};       ///< confirm: the epoch that the control thread believes we hold
  failover::Cause cause = failover::Cause::none;  ///< suspect: silence or stopped
  bool hears = true;                              ///< clients
  Slot slot = Slot::one;                          ///< force …
  Incarnation incarnation{};                      ///< … and as whom that backend names itself
};

/// Data plane -> control thread.
struct Event {
  enum class Kind : uint8_t {
    /// Our EpochStart of `epoch` was decided (so two backends hold it): take the address. A higher `won`
    /// while active keeps the address (a stray Prepare was outbid).
    won,
    /// Our `epoch` is gone (refused for a higher one, resigned): drop the address at once. Cause says why.
    lost,
    /// Two backends answered, after the Command with this token, that they promised nothing above `epoch`.
    confirmed,
    /// This LB hears neither the other LB nor two backends: it gives the address up and keeps its epoch.
    cut_off,
    /// An authenticated datagram of the other LB says that it is active too.
    second_active,
    /// The polling thread noticed that it was not run for `gap`.
    stalled,
  };
  Kind kind = Kind::won;
  Epoch epoch{};
  uint32_t token = 0;  ///< confirmed
  MonoTime at{};       ///< when the data plane pushed it: one that waited long proves nothing about now
  failover::Cause cause = failover::Cause::none;  ///< won, lost
  // won: what the receipt needs.
  Epoch epoch_before{};
  Duration gap{};  ///< since the last sign of the previous active LB (also: `stalled`)
  uint64_t entries_recovered = 0;
};

}  // namespace tercet::dataplane
