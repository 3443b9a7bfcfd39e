#include "quorum/rounds.h"

#include <gtest/gtest.h>

namespace tercet::quorum {
namespace {

constexpr MonoTime kRoundsAt{seconds(1).ns};
constexpr Duration kPatience = milliseconds(2);

class RoundsTest : public ::testing::Test {
 protected:
  void open(uint64_t last) { rounds_.opened(Seq{last}, kRoundsAt, kPatience); }
  [[nodiscard]] bool may(uint64_t decided, size_t undecided, Duration later = {}) const {
    return rounds_.may_open(Seq{decided}, undecided, kRoundsAt + later);
  }
  Rounds rounds_{{.on = true, .free = 4, .pair = 8}};
};

TEST_F(RoundsTest, AtLowLoadNothingWaits) {
  open(10);
  open(11);
  open(12);
  EXPECT_TRUE(may(9, 1));
  EXPECT_TRUE(may(9, 4));
}

TEST_F(RoundsTest, AboveItTwoAreUnderWay) {
  open(10);
  EXPECT_TRUE(may(9, 5)) << "one is: the second may go";
  open(12);
  EXPECT_FALSE(may(9, 5));
  EXPECT_FALSE(may(9, 8));
  EXPECT_TRUE(may(10, 8)) << "the first of two is decided";
}

TEST_F(RoundsTest, AtHighLoadOneIs) {
  open(10);
  EXPECT_FALSE(may(9, 9));
  EXPECT_TRUE(may(10, 9));
  open(40);
  EXPECT_FALSE(may(10, 64));
  EXPECT_FALSE(may(39, 64)) << "in part is not decided";
  EXPECT_TRUE(may(40, 64));
}

TEST_F(RoundsTest, ALostRoundHoldsTheNextOneUpOnlyAsLongAsPatienceLasts) {
  open(10);
  EXPECT_FALSE(may(9, 64, kPatience - nanoseconds(1)));
  EXPECT_TRUE(may(9, 64, kPatience));
  EXPECT_EQ(rounds_.until(), kRoundsAt + kPatience);
}

TEST_F(RoundsTest, ANewEpochHasNoneUnderWay) {
  open(10);
  open(20);
  rounds_.restart();
  EXPECT_TRUE(may(0, 64));
}

TEST_F(RoundsTest, OffNothingEverWaits) {
  rounds_ = Rounds({.on = false});
  open(10);
  open(20);
  EXPECT_TRUE(may(0, 1000));
}

}  // namespace
}  // namespace tercet::quorum
