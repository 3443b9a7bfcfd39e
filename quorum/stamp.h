#pragma once
// Stamp: the cell time and wall time of the next entry (DESIGN §2 "Time"). Keeps I8: cell time never
// decreases and never jumps, however long an LB was paused or a cell was down.

#include <array>
#include <optional>

#include "quorum/limits.h"
#include "wire/ids.h"

namespace tercet::quorum {

class Stamp {
 public:
  struct Times {
    CellTime cell;
    WallTime wall;
  };
  /// At a takeover, after the promises came: continue from the last entry of the chosen log.
  void anchor(CellTime last_cell, WallTime last_wall, MonoTime now);
  /// A backend said its wall clock reads `theirs` now: `ours` is what this LB's reads.
  void heard_clock(Slot slot, WallTime theirs, WallTime ours, MonoTime now);
  /// Times for an entry that is ordered now; `decided` is the cell time of the last decided entry.
  Times next(const Moment& now, CellTime decided);
  /// Largest difference between two clocks heard lately, for an alarm.
  [[nodiscard]] Duration clocks_apart(MonoTime now) const;

 private:
  struct Clock {
    int64_t offset_ms = 0;  ///< theirs − ours
    MonoTime at;
    bool known = false;
  };
  [[nodiscard]] WallTime wall(const Moment& now) const;

  CellTime anchor_cell_;
  MonoTime anchor_at_;
  CellTime last_cell_;
  WallTime last_wall_;
  MonoTime wall_at_;   ///< when last_wall_ was read …
  MonoTime wall_due_;  ///< … and is read again
  std::array<Clock, kBackends> clocks_;
};

}  // namespace tercet::quorum
