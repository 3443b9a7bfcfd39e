#include "control/backend/lives.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace tercet::control {
namespace {

TEST(Lives, AProcessThatWasStartedHasNone) { EXPECT_EQ(short_lives_before(), 0U); }

TEST(Lives, AreToldOnce) {
  setenv("TERCET_LIVES", "3", 1);
  EXPECT_EQ(short_lives_before(), 3U);
  EXPECT_EQ(short_lives_before(), 0U);
}

TEST(Lives, OnlyShortOnesCountAndMakeThePauseLongerUpToABound) {
  EXPECT_EQ(short_lives_with(0, seconds(1)), 1U);
  EXPECT_EQ(short_lives_with(4, seconds(1)), 5U);
  EXPECT_EQ(short_lives_with(4, seconds(60)), 1U);
  EXPECT_EQ(pause_after(0), seconds(2));
  EXPECT_EQ(pause_after(1), seconds(4));
  EXPECT_EQ(pause_after(2), seconds(8));
  EXPECT_EQ(pause_after(1000), seconds(8));
}

TEST(Lives, ABookThatGoesWrongAgainAndAgainIsReadAnewLessOften) {
  EXPECT_EQ(reopen_after(0), Duration{});
  EXPECT_EQ(reopen_after(1), Duration{}) << "the life before was a long one, or the first";
  EXPECT_EQ(reopen_after(2), seconds(2));
  EXPECT_EQ(reopen_after(3), seconds(4));
  EXPECT_EQ(reopen_after(1000), seconds(8));
  EXPECT_LT(reopen_after(1000), seconds(10)) << "these count as short ones themselves";
}

}  // namespace
}  // namespace tercet::control
