#include "quorum/pull_pace.h"

#include <gtest/gtest.h>

#include "quorum/limits.h"

namespace tercet::quorum {
namespace {

class PullPaceTest : public ::testing::Test {
 protected:
  /// The cell decides `entries` in each of a few spans from here on.
  void cell_decides(uint64_t entries) {
    for (int span = 0; span < 3; ++span) {
      now_ = now_ + kPullPaceSpan;
      commit_ = Seq{commit_.value + entries};
      pace_.heard(commit_, now_);
    }
  }
  /// The rest after `entries` that took `work`.
  Duration rest_after(uint64_t entries, Duration work) {
    pace_.asked(at_, now_);
    at_ = Seq{at_.value + entries};
    now_ = now_ + work;
    return pace_.answered(at_, now_) - now_;
  }

  PullPace pace_;
  MonoTime now_{1'000'000'000};
  Seq commit_{1'000'000};
  Seq at_{1};
};

TEST_F(PullPaceTest, ThereIsNoRestWhileTheCellDecidesNothing) {
  EXPECT_EQ(rest_after(300, milliseconds(1)), Duration{});
  cell_decides(0);
  EXPECT_EQ(rest_after(300, milliseconds(1)), Duration{});
}

TEST_F(PullPaceTest, BesideACellThatDecidesItRestsAMultipleOfItsWork) {
  cell_decides(20);
  EXPECT_EQ(rest_after(300, microseconds(500)), microseconds(500) * kPullRests);
  EXPECT_EQ(rest_after(300, milliseconds(1)), milliseconds(1) * kPullRests);
}

TEST_F(PullPaceTest, ARestIsShorterThanWhatASilentSourceIsGiven) {
  cell_decides(1);
  EXPECT_EQ(rest_after(3000, milliseconds(30)), kPullRestMax);
}

TEST_F(PullPaceTest, ItStaysTwiceAsFastAsTheCell) {
  cell_decides(2000);  // 100 in a millisecond: 300 entries may take 1.5 ms
  EXPECT_EQ(rest_after(300, microseconds(500)), milliseconds(1));
  EXPECT_EQ(rest_after(300, microseconds(1400)), microseconds(100));
}

TEST_F(PullPaceTest, SlowerThanTwiceTheCellItDoesNotRest) {
  cell_decides(2000);
  EXPECT_EQ(rest_after(300, microseconds(1500)), Duration{});
  EXPECT_EQ(rest_after(300, milliseconds(8)), Duration{});
}

TEST_F(PullPaceTest, ACellThatStopsDecidingMayWaitForUs) {
  cell_decides(20);
  EXPECT_GT(rest_after(300, microseconds(500)), Duration{});
  cell_decides(0);
  EXPECT_EQ(rest_after(300, microseconds(500)), Duration{});
}

TEST_F(PullPaceTest, ACellThatIsNotHeardOfMayWaitForUs) {
  cell_decides(20);
  now_ = now_ + kPullPaceSpan * 5;
  EXPECT_EQ(rest_after(300, microseconds(500)), Duration{});
}

TEST_F(PullPaceTest, WhatWasHeardBeforeALongPauseIsNoMeasureOfTheCell) {
  cell_decides(20);
  now_ = now_ + seconds(60);
  commit_ = Seq{commit_.value + 10'000'000};
  pace_.heard(commit_, now_);
  EXPECT_EQ(rest_after(300, microseconds(500)), Duration{});
}

TEST_F(PullPaceTest, AnLbThatDoesNotKnowItsCommitYetSaysNothingOfTheCell) {
  cell_decides(20);
  now_ = now_ + kPullPaceSpan;
  pace_.heard(Seq{}, now_);
  EXPECT_EQ(rest_after(300, microseconds(500)), Duration{});
  cell_decides(20);
  EXPECT_GT(rest_after(300, microseconds(500)), Duration{});
}

TEST_F(PullPaceTest, WhatLedBackNeedsNoRest) {
  cell_decides(20);
  pace_.asked(Seq{500}, now_);
  now_ = now_ + milliseconds(1);
  EXPECT_EQ(pace_.answered(Seq{400}, now_), now_);
}

TEST_F(PullPaceTest, WhoWakesLateHasRestedLonger) {
  cell_decides(2000);  // 300 entries may take 1.5 ms
  ASSERT_EQ(rest_after(300, microseconds(500)), milliseconds(1));
  now_ = now_ + microseconds(1400);
  EXPECT_EQ(rest_after(300, microseconds(500)), microseconds(600));
}

TEST_F(PullPaceTest, ItCatchesUpBeneathLoadThoughItWakesLate) {
  const MonoTime begun = now_;
  const auto decided = [&] { return 1'000'000 + static_cast<uint64_t>((now_ - begun).us()) / 10; };
  Seq at{900'000};
  for (int round = 0; at.value < decided(); ++round) {
    ASSERT_LT(round, 750) << "at " << at.value << " of " << decided();  // half of 300 is won in each
    pace_.heard(Seq{decided()}, now_);
    pace_.asked(at, now_);
    now_ = now_ + microseconds(700);
    at = Seq{at.value + 300};
    now_ = pace_.answered(at, now_) + microseconds(500);
  }
}

}  // namespace
}  // namespace tercet::quorum
