#include "quorum/stamp.h"

#include <gtest/gtest.h>

#include "wire/limits.h"

namespace tercet::quorum {
namespace {

constexpr MonoTime kBegin{1'000'000'000};
constexpr WallTime kNoon{1'700'000'000'000};

Moment at(Duration since, Duration wall_off = {}) { return {kBegin + since, kNoon + since + wall_off, 0}; }

TEST(Stamp, CellTimeAdvancesWithTheMonotonicClockFromTheLastEntry) {
  Stamp stamp;
  stamp.anchor(CellTime{5'000}, kNoon, kBegin);
  EXPECT_EQ(stamp.next(at(milliseconds(0)), CellTime{5'000}).cell, CellTime{5'000});
  EXPECT_EQ(stamp.next(at(milliseconds(40)), CellTime{5'000}).cell, CellTime{5'040});
  EXPECT_EQ(stamp.next(at(milliseconds(41)), CellTime{5'040}).cell, CellTime{5'041});
}

TEST(Stamp, ReviewA13AnHoursOutageStampsASecondNotAnHour) {
  Stamp stamp;
  stamp.anchor(CellTime{5'000}, kNoon, kBegin);
  EXPECT_EQ(stamp.next(at(seconds(3600)), CellTime{5'000}).cell, CellTime{6'000});
}

TEST(Stamp, Review2_4AfterTheClampBitTheClockIsAnchoredAnewNotMadeUpForASecondAtATime) {
  Stamp stamp;
  stamp.anchor(CellTime{5'000}, kNoon, kBegin);
  CellTime decided{5'000};
  decided = stamp.next(at(seconds(3600)), decided).cell;
  EXPECT_EQ(decided, CellTime{6'000});
  // Quick entries, each decided at once: time goes on with the clock, not in steps of a second.
  for (int i = 1; i <= 100; ++i) {
    decided = stamp.next(at(seconds(3600) + milliseconds(i)), decided).cell;
    EXPECT_EQ(decided, CellTime{6'000 + i});
  }
}

TEST(Stamp, I8NeverBackWhenTheLimitIsBelowWhatWasGiven) {
  Stamp stamp;
  stamp.anchor(CellTime{5'000}, kNoon, kBegin);
  // Nothing is decided for seconds: stamps wait at the limit.
  EXPECT_EQ(stamp.next(at(milliseconds(900)), CellTime{5'000}).cell, CellTime{5'900});
  EXPECT_EQ(stamp.next(at(milliseconds(1'500)), CellTime{5'000}).cell, CellTime{6'000});
  EXPECT_EQ(stamp.next(at(milliseconds(9'000)), CellTime{5'000}).cell, CellTime{6'000});
  // And a stamp of a clock that stands still does not fall.
  EXPECT_EQ(stamp.next(at(milliseconds(9'000)), CellTime{6'000}).cell, CellTime{6'000});
}

TEST(Stamp, I8EveryStepIsBoundedWhateverTheClockDoes) {
  Stamp stamp;
  stamp.anchor(CellTime{0}, kNoon, kBegin);
  CellTime decided{0};
  CellTime last{0};
  Duration since{};
  uint64_t x = 1;
  for (int i = 0; i < 10'000; ++i) {
    x = x * 6364136223846793005U + 1442695040888963407U;
    since = since + (x % 50 == 0 ? seconds(static_cast<int64_t>(x >> 40U) % 5'000) : microseconds(300));
    const CellTime cell = stamp.next(at(since), decided).cell;
    ASSERT_GE(cell, last);
    ASSERT_LE(cell, std::max(last, decided + kStampStepMax));
    last = cell;
    if ((x >> 33U) % 3 == 0) {
      decided = cell;
    }
  }
}

TEST(Stamp, ATakeoverAnchorsAtTheChosenLogNotAtThisLbsFormerIdea) {
  Stamp stamp;
  stamp.anchor(CellTime{5'000}, kNoon, kBegin);
  stamp.next(at(milliseconds(500)), CellTime{5'000});
  stamp.anchor(CellTime{5'100}, kNoon, kBegin + seconds(20));
  EXPECT_EQ(stamp.next(at(seconds(20) + milliseconds(7)), CellTime{5'100}).cell, CellTime{5'107});
}

// ---- wall time: the median of the LB's clock and the backends', which never goes back

struct WallCase {
  const char* what;
  std::vector<int64_t> offsets_ms;  // of backends 1, 2, 3, as far as they were heard
  int64_t expected_offset_ms;
};

TEST(Stamp, ReviewA17WallTimeIsTheMedian) {
  const WallCase cases[] = {
      {"nobody heard: our own", {}, 0},
      {"one backend ahead by a minute: the lower of two", {60'000}, 0},
      {"one backend behind by a minute", {-60'000}, -60'000},
      {"one of three from 2099: outvoted", {5, -5, 2'300'000'000'000}, 0},
      {"we are a minute behind all", {60'000, 60'001, 60'002}, 60'000},
      {"we are a minute ahead of all", {-60'000, -60'001, -60'002}, -60'001},
  };
  for (const WallCase& one : cases) {
    Stamp stamp;
    stamp.anchor(CellTime{1}, WallTime{kNoon.ms - 120'000}, kBegin - milliseconds(5));
    for (size_t i = 0; i < one.offsets_ms.size(); ++i) {
      stamp.heard_clock(kSlots[i], WallTime{kNoon.ms + one.offsets_ms[i]}, kNoon, kBegin);
    }
    EXPECT_EQ(stamp.next(at({}), CellTime{1}).wall.ms, kNoon.ms + one.expected_offset_ms) << one.what;
  }
}

TEST(Stamp, WallTimeNeverGoesBackInTheLog) {
  Stamp stamp;
  stamp.anchor(CellTime{1}, kNoon, kBegin);
  EXPECT_EQ(stamp.next(at(seconds(1)), CellTime{1}).wall, kNoon + seconds(1));
  EXPECT_EQ(stamp.next(at(seconds(2), seconds(-500)), CellTime{1}).wall, kNoon + seconds(1));
}

TEST(Stamp, ReviewA17NoStepOfMoreThanAnHourOnTheWordOfOneOrTwoClocks) {
  Stamp stamp;
  stamp.anchor(CellTime{1}, kNoon, kBegin);
  // An hour is a step that may be; two are not, and wall time goes on from the log.
  EXPECT_EQ(stamp.next(at(seconds(1), seconds(3600)), CellTime{1}).wall, kNoon + seconds(3601));
  EXPECT_EQ(stamp.next(at(seconds(2), seconds(3 * 3600)), CellTime{1}).wall, kNoon + seconds(3602));
  stamp.heard_clock(Slot::one, kNoon + seconds(2), kNoon + seconds(2), kBegin + seconds(2));
  EXPECT_EQ(stamp.next(at(seconds(3), seconds(3 * 3600)), CellTime{1}).wall, kNoon + seconds(3603));
}

TEST(Stamp, ACellThatWasDownForADayFollowsThreeClocksThatAgree) {
  Stamp stamp;
  stamp.anchor(CellTime{1}, kNoon, kBegin);
  const WallTime tomorrow = kNoon + seconds(86'400);
  stamp.heard_clock(Slot::one, tomorrow + seconds(2), tomorrow, kBegin);
  const MonoTime one = kBegin + milliseconds(1);
  EXPECT_EQ(stamp.next({one, tomorrow, 0}, CellTime{1}).wall, kNoon + milliseconds(1))
      << "two clocks are not three";
  stamp.heard_clock(Slot::two, tomorrow + seconds(3), tomorrow, kBegin);
  EXPECT_EQ(stamp.next({one + kWallEvery, tomorrow, 0}, CellTime{1}).wall, tomorrow + seconds(2));
}

TEST(Stamp, WhatIsOrderedCloselyTogetherSharesItsWallTimeAndSoOneAccept) {
  Stamp stamp;
  stamp.anchor(CellTime{1}, kNoon, kBegin);
  const WallTime first = stamp.next(at(milliseconds(5)), CellTime{1}).wall;
  stamp.heard_clock(Slot::one, kNoon + seconds(-9), kNoon, kBegin + milliseconds(5));
  stamp.heard_clock(Slot::two, kNoon + seconds(9), kNoon, kBegin + milliseconds(5));
  EXPECT_EQ(stamp.next(at(milliseconds(5), seconds(3)), CellTime{1}).wall, first);
  EXPECT_EQ(stamp.next(at(milliseconds(24), seconds(3)), CellTime{1}).wall, first);
  EXPECT_GT(stamp.next(at(milliseconds(25), seconds(3)), CellTime{1}).wall, first);
}

TEST(Stamp, AClockThatWasNotHeardLatelyDoesNotCount) {
  Stamp stamp;
  stamp.anchor(CellTime{1}, kNoon, kBegin);
  stamp.heard_clock(Slot::one, kNoon + seconds(-60), kNoon, kBegin);
  EXPECT_EQ(stamp.clocks_apart(kBegin + seconds(1)), seconds(60));
  EXPECT_EQ(stamp.clocks_apart(kBegin + seconds(11)), seconds(0));
  EXPECT_EQ(stamp.next(at(seconds(11)), CellTime{1}).wall, kNoon + seconds(11));
}

TEST(Stamp, TheWidestClocksThatTheWireAllowsOverflowNothing) {
  Stamp stamp;
  stamp.anchor(CellTime{1}, WallTime{0}, kBegin);
  stamp.heard_clock(Slot::one, WallTime{static_cast<int64_t>(kTimeMsMax)}, WallTime{0}, kBegin);
  stamp.heard_clock(Slot::two, WallTime{0}, WallTime{static_cast<int64_t>(kTimeMsMax)}, kBegin);
  EXPECT_GT(stamp.clocks_apart(kBegin).ns, 0);
  EXPECT_EQ(stamp.next(at({}), CellTime{1}).wall, kNoon);
}

}  // namespace
}  // namespace tercet::quorum
