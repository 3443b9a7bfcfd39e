#include "quorum/stamp.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/fixed.h"
#include "base/mutant.h"

namespace tercet::quorum {
namespace {
constexpr Duration kClockFresh = seconds(10);
constexpr int64_t kClocksAgreeMs = 60'000;
}  // namespace

void Stamp::anchor(CellTime last_cell, WallTime last_wall, MonoTime now) {
  anchor_cell_ = last_cell;
  anchor_at_ = now;
  last_cell_ = last_cell;
  last_wall_ = last_wall;
  wall_at_ = now;
  wall_due_ = now;
}

void Stamp::heard_clock(Slot slot, WallTime theirs, WallTime ours, MonoTime now) {
  clocks_[index(slot)] = {theirs.ms - ours.ms, now, true};
}

Duration Stamp::clocks_apart(MonoTime now) const {
  int64_t low = 0;
  int64_t high = 0;
  for (const Clock& clock : clocks_) {
    if (clock.known && now - clock.at < kClockFresh) {
      low = std::min(low, clock.offset_ms);
      high = std::max(high, clock.offset_ms);
    }
  }
  return milliseconds(high - low);
}

/// The median of the LB's clock and the backends'. It never goes back, and a step of more than an hour needs
/// three clocks that agree (a cell that was down for a day), or an operator.
WallTime Stamp::wall(const Moment& now) const {
  FixedVector<int64_t, kBackends + 1> offsets{0};
  for (const Clock& clock : clocks_) {
    if (clock.known && now.mono - clock.at < kClockFresh) {
      offsets.push_back(clock.offset_ms);
      for (size_t i = offsets.size() - 1; i > 0 && offsets[i] < offsets[i - 1]; --i) {
        std::swap(offsets[i], offsets[i - 1]);
      }
    }
  }
  const size_t middle = (offsets.size() - 1) / 2;
  const WallTime median{now.wall.ms + offsets[middle]};
  const WallTime expected = last_wall_ + (now.mono - wall_at_);
  if (last_wall_.ms != 0 && median - expected > kWallStepMax) {
    const bool agree = offsets.size() >= 3 && offsets.back() - offsets[0] <= kClocksAgreeMs;
    if (!agree) {
      return expected;
    }
  }
  return std::max(median, last_wall_);
}

Stamp::Times Stamp::next(const Moment& now, CellTime decided) {
  CellTime cell = anchor_cell_ + (now.mono - anchor_at_);
  const CellTime limit = decided + kStampStepMax;
  if (cell > limit) {
    // A pause or an outage: continue from the limit, or it would be made up for a second at a time.
    cell = std::max(limit, last_cell_);
    if (!planted(Mutant::pause_made_up_for)) {
      anchor_cell_ = cell;
      anchor_at_ = now.mono;
    }
  }
  cell = std::max(cell, last_cell_);
  TERCET_CHECK(cell >= last_cell_ && (cell <= limit || cell == last_cell_),
               "I8: cell time neither falls nor jumps");
  if (now.mono >= wall_due_) {
    last_wall_ = wall(now);  // entries of one Accept share it: a change would end the Accept of a round early
    wall_at_ = now.mono;
    wall_due_ = now.mono + kWallEvery;
  }
  last_cell_ = cell;
  return {cell, last_wall_};
}

}  // namespace tercet::quorum
