#pragma once
// What a failover leaves behind: one receipt for each time this LB became active.

#include <cstdint>

#include "base/time.h"
#include "wire/ids.h"

namespace tercet::failover {

/// Why an LB became active, or why it stopped being it. Names appear in `tercet status` and in the log: do
/// not reuse.
enum class Cause : uint8_t {
  none,
  first_start,    ///< no LB was active before (the cell's first epoch, or both LBs were down)
  silence,        ///< the other LB's heartbeats stopped
  killed,         ///< the other LB's process died and its guard said so
  stopped,        ///< the other LB (or this one) was stopped cleanly
  unfit,          ///< the other LB said that it lost its clients, its address or two backends
  handover,       ///< planned
  higher_epoch,   ///< this LB learned that two backends promised a higher epoch
  stray_prepare,  ///< raised its own epoch over one that nobody won; the address stayed
  cut_off,        ///< heard neither the other LB nor two backends
  regained,       ///< was cut off, and two backends have promised nothing higher since
  forced,         ///< the operator's order: the log of one backend went on
};
const char* name_of(Cause cause);

struct Receipt {
  Cause cause = Cause::none;
  WallTime at{};         ///< when the address was announced
  Duration gap{};        ///< from the last sign of the previous active LB to then; 0: unknown
  Epoch epoch_before{};  ///< the highest epoch seen before this one; 0: none
  Epoch epoch_after{};
  uint64_t entries_recovered = 0;  ///< entries of earlier epochs that were decided by this epoch's start
  uint32_t announcements = 0;      ///< gratuitous ARPs sent for it (all addresses), the repetition included
};

}  // namespace tercet::failover
