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

TEST_F(PullPaceTest, NothingPulledNeedsNoRest) {
  cell_decides(20);
  EXPECT_EQ(rest_after(0, milliseconds(5)), Duration{});
}

}  // namespace
}  // namespace tercet::quorum
