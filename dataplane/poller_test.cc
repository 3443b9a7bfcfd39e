#include "dataplane/poller.h"

#include <gtest/gtest.h>

#include <ctime>
#include <thread>

#include "dataplane/real_clock.h"

namespace tercet::dataplane {
namespace {

/// Wants its next turn `every` after the last; stops the poller after some.
class CountingLoop final : public Loop {
 public:
  MonoTime poll(const Moment& now) override {
    ++polls;
    polled_at = now.mono;
    if (polls == stop_after) {
      poller->stop();
    }
    return every.ns == INT64_MAX ? MonoTime::never() : now.mono + every;
  }
  void wait(MonoTime until) override {
    ++waits;
    waited = until - polled_at;
  }
  Poller* poller = nullptr;
  int stop_after = 3;
  Duration every = milliseconds(5);
  int polls = 0;
  int waits = 0;
  MonoTime polled_at;
  Duration waited;
};

class StillClock final : public Clock {
 public:
  Moment now() override { return {.mono = {1'000}, .wall = {}, .dice = 0}; }
};

TEST(Poller, WaitsAfterEachTurnForAsLongAsTheLoopAsked) {
  CountingLoop loop;
  StillClock clock;
  Poller poller(loop, clock);
  loop.poller = &poller;
  poller.run();
  EXPECT_EQ(loop.polls, 3);
  EXPECT_EQ(loop.waits, 3);
  EXPECT_EQ(loop.waited, milliseconds(5));
}

TEST(Poller, NeverSleepsLongerThanATurnSoThatItHearsStop) {
  CountingLoop loop;
  loop.every = {INT64_MAX};
  StillClock clock;
  Poller poller(loop, clock);
  loop.poller = &poller;
  poller.run();
  EXPECT_EQ(loop.waited, Poller::kTurn);
}

TEST(Poller, StopsFromAnotherThread) {
  CountingLoop loop;
  loop.stop_after = -1;
  RealClock clock;
  Poller poller(loop, clock);
  std::thread thread([&poller] { poller.run(); });
  poller.stop();
  thread.join();
  SUCCEED();
}

TEST(RealClock, GoesOnAndThrowsOtherDiceEachTime) {
  RealClock clock;
  const Moment a = clock.now();
  const Moment b = clock.now();
  EXPECT_GE(b.mono, a.mono);
  EXPECT_GE(b.wall.ms, 1'700'000'000'000);
  EXPECT_NE(a.dice, b.dice);
  RealClock other;
  EXPECT_NE(other.now().dice, a.dice);
}

TEST(RealClock, WallTimeIsAtMostTwoMillisecondsOld) {
  const auto wall_ms = [] {
    timespec t{};
    clock_gettime(CLOCK_REALTIME, &t);
    return int64_t{t.tv_sec} * 1'000 + t.tv_nsec / 1'000'000;
  };
  RealClock clock;
  const MonoTime end = clock.now().mono + milliseconds(20);
  for (Moment now; now.mono < end;) {
    const int64_t before = wall_ms();
    now = clock.now();
    ASSERT_GE(now.wall.ms, before - 2) << "one since it was read, one that was cut off";
    ASSERT_LE(now.wall.ms, wall_ms());
  }
}

}  // namespace
}  // namespace tercet::dataplane
