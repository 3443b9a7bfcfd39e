#include "backend/pace.h"

#include <gtest/gtest.h>

namespace tercet::backend {
namespace {

constexpr MonoTime pace_at(int64_t us) { return {1'000'000'000 + us * 1'000}; }

TEST(Pace, PausesAfterSoMuchAndCountsFromWhereItBegan) {
  Pace pace({.bytes = 100, .each = milliseconds(4)});
  EXPECT_LE(pace.again(), pace_at(0));
  pace.did(60, pace_at(0));
  EXPECT_LE(pace.again(), pace_at(0)) << "a part of it";
  pace.did(60, pace_at(500));
  EXPECT_EQ(pace.again(), pace_at(4'000));
  pace.did(100, pace_at(4'000));
  EXPECT_EQ(pace.again(), pace_at(8'000));
}

TEST(Pace, WhatWasNotDoneInTimeIsNotCaughtUpWith) {
  Pace pace({.bytes = 100, .each = milliseconds(4)});
  pace.did(100, pace_at(0));
  pace.did(100, pace_at(50'000));
  EXPECT_EQ(pace.again(), pace_at(54'000));
}

}  // namespace
}  // namespace tercet::backend
