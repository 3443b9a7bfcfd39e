#include "dataplane/turns.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace tercet::dataplane {
namespace {

constexpr MonoTime at(int64_t us) { return {us * 1'000}; }

uint64_t busy_us(const Turns& turns) { return turns.counters().busy_ns.get() / 1'000; }
uint64_t idle_us(const Turns& turns) { return turns.counters().idle_ns.get() / 1'000; }

TEST(Turns, WhatComesBeforeTheSleepIsWork) {
  Turns turns;
  turns.begin(at(100), {});
  EXPECT_EQ(busy_us(turns) + idle_us(turns), 0U) << "there was no turn before";
  turns.took(3);
  turns.begin(at(1'000), at(130));  // fell asleep at 130
  EXPECT_EQ(busy_us(turns), 30U);
  EXPECT_EQ(idle_us(turns), 870U);
  turns.begin(at(1'100), at(1'007));  // a turn that brought nothing costs as well
  EXPECT_EQ(busy_us(turns), 37U);
  EXPECT_EQ(idle_us(turns), 963U);
}

TEST(Turns, WithoutSleepOnlyTurnsThatDidSomethingAreWork) {
  Turns turns;
  turns.begin(at(10), {});
  turns.took(1);
  turns.begin(at(20), {});  // nothing: it spins
  turns.begin(at(25), {});
  turns.worked();
  turns.begin(at(45), {});
  EXPECT_EQ(busy_us(turns), 30U);
  EXPECT_EQ(idle_us(turns), 5U);
  EXPECT_EQ(turns.counters().longest_ns.get(), 20'000U);
}

TEST(Turns, WhoGoesOnAtOnceWasAtWork) {
  Turns turns;
  turns.begin(at(10), {});
  turns.due(at(10));  // a slice of a checkpoint, and another one follows
  turns.begin(at(210), {});
  turns.due(at(5'000));
  turns.begin(at(215), {});  // it spins
  EXPECT_EQ(busy_us(turns), 200U);
  EXPECT_EQ(idle_us(turns), 5U);
}

TEST(Turns, AnOldSleepIsNotThisTurns) {
  Turns turns;
  turns.begin(at(10), {});
  turns.begin(at(50), at(12));
  turns.took(1);
  turns.begin(at(60), at(12));  // the engine did not sleep since
  EXPECT_EQ(busy_us(turns), 12U);
  EXPECT_EQ(idle_us(turns), 38U);
}

TEST(Turns, AreCountedByHowLongTheyWorked) {
  Turns turns;
  MonoTime now{1'000'000'000};
  turns.begin(now, {});
  for (const int64_t work_ns :
       {1L, 1'000L, 1'001L, 999'999L, 1'000'000L, 1'000'001L, 100'000'000L, 100'000'001L}) {
    turns.worked();
    now.ns += work_ns;
    turns.begin(now, {});
  }
  turns.begin(now + seconds(1), {});                         // spun
  turns.begin(now + seconds(2), now + milliseconds(1'003));  // looked for 3 ms, found nothing, slept
  const auto of = [&turns](uint64_t border) {
    const auto at = std::ranges::find(kTurnBorders, border) - kTurnBorders.begin();
    return turns.counters().worked.turns.at(static_cast<size_t>(at)).get();
  };
  EXPECT_EQ(of(1'000), 2U);
  EXPECT_EQ(of(2'000), 1U);
  EXPECT_EQ(of(1'000'000), 2U);
  EXPECT_EQ(of(2'000'000), 1U);
  EXPECT_EQ(of(5'000'000), 1U);
  EXPECT_EQ(of(100'000'000), 1U);
  EXPECT_EQ(turns.counters().worked.turns.back().get(), 1U);
  uint64_t sum = 0;
  for (const Counter& bucket : turns.counters().worked.turns) {
    sum += bucket.get();
  }
  EXPECT_EQ(sum, 9U);
}

TEST(Turns, CountBursts) {
  Turns turns;
  for (const size_t burst : {0U, 4U, 0U, 9U, 2U}) {
    turns.begin(at(1), {});
    turns.took(burst);
  }
  const LoopCounters& counters = turns.counters();
  EXPECT_EQ(counters.polls.get(), 5U);
  EXPECT_EQ(counters.busy_polls.get(), 3U);
  EXPECT_EQ(counters.taken.get(), 15U);
  EXPECT_EQ(counters.taken_max.get(), 9U);
}

}  // namespace
}  // namespace tercet::dataplane
