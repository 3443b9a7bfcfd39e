#include "failover/suspicion.h"

#include <gtest/gtest.h>

namespace tercet::failover {
namespace {

constexpr MonoTime kStart{7'000'000'000};

/// A loop that turns each `turn` and, while the other LB lives, hears it each heartbeat.
struct Watch {
  SuspicionOptions options{};
  Suspicion suspicion;
  MonoTime now = kStart;
  MonoTime beat = kStart;
  unsigned suspected = 0;

  explicit Watch(const SuspicionOptions& o = {}) : options(o), suspicion(o) { suspicion.tick(now); }
  void run(Duration time, bool alive, bool fit = true, Duration turn = milliseconds(1)) {
    for (const MonoTime end = now + time; now < end;) {
      now = now + turn;
      if (alive && now >= beat) {
        suspicion.heard(fit, now);
        beat = now + options.heartbeat;
      }
      suspicion.tick(now);
      suspected += suspicion.verdict(now) == Verdict::suspect ? 1U : 0U;
    }
  }
  /// We are not run for so long; the other one's heartbeats wait in the socket (`alive`), or do not come.
  void freeze(Duration time, bool alive) {
    now = now + time;
    if (alive) {
      for (int i = 0; i < 20; ++i) {
        suspicion.heard(true, now);
      }
      beat = now + options.heartbeat;
    }
    suspicion.tick(now);
    suspected += suspicion.verdict(now) == Verdict::suspect ? 1U : 0U;
  }
  /// How long until it is suspected, when nothing is heard any more.
  Duration until_suspect() {
    const MonoTime from = now;
    while (suspicion.verdict(now) == Verdict::healthy && now - from < seconds(10)) {
      run(milliseconds(1), false);
    }
    return now - from;
  }
};

TEST(Suspicion, SteadyHeartbeatsAreHealthyAndTheThresholdIsTheFloor) {
  Watch w;
  w.run(seconds(5), true);
  EXPECT_EQ(w.suspected, 0U);
  EXPECT_EQ(w.suspicion.cause(w.now), Cause::none);
  EXPECT_EQ(w.suspicion.threshold(), milliseconds(30));
}

TEST(Suspicion, SilenceIsSuspectedSoonAfterTheFloorAndEndsWithAHeartbeat) {
  Watch w;
  w.run(seconds(5), true);
  const MonoTime due = w.suspicion.due(w.now);
  const Duration took = w.until_suspect();
  EXPECT_GT(took, milliseconds(25));
  EXPECT_LE(took, milliseconds(35));
  EXPECT_GE(w.now, due);
  EXPECT_LE(w.now - due, milliseconds(1));
  EXPECT_EQ(w.suspicion.cause(w.now), Cause::silence);
  EXPECT_EQ(w.suspicion.due(w.now), MonoTime::never());
  w.suspicion.heard(true, w.now);
  EXPECT_EQ(w.suspicion.verdict(w.now), Verdict::healthy);  // S1
}

TEST(Suspicion, TheFloorIsThreeHeartbeatsWhereTheyAreSlow) {
  SuspicionOptions o;
  o.heartbeat = milliseconds(50);
  Watch w(o);
  w.run(seconds(20), true);
  EXPECT_EQ(w.suspicion.threshold(), milliseconds(150));
}

TEST(Suspicion, RegularHiccupsAreLearnt) {
  Watch w;
  w.run(seconds(1), true);
  unsigned late = 0;
  for (int i = 0; i < 20; ++i) {  // each half second the other one pauses for 60 ms
    w.run(milliseconds(500), true);
    w.suspected = 0;
    w.run(milliseconds(60), false);
    late += w.suspected > 0 ? 1U : 0U;
  }
  EXPECT_LE(late, 1U);  // only the first could not be known
  EXPECT_GT(w.suspicion.threshold(), milliseconds(60));
}

TEST(Suspicion, HiccupsAreForgottenAgain) {
  Watch w;
  w.run(seconds(1), true);
  w.run(milliseconds(100), false);
  w.run(milliseconds(10), true);
  const Duration nervous = w.suspicion.threshold();
  EXPECT_GT(nervous, milliseconds(90));
  w.run(seconds(30), true);
  EXPECT_EQ(w.suspicion.threshold(), milliseconds(30));
}

TEST(Suspicion, TheCapHoldsHoweverWildTheGaps) {
  Watch w;
  for (int i = 0; i < 30; ++i) {
    w.run(seconds(1), false);
    w.run(milliseconds(10), true);
  }
  EXPECT_EQ(w.suspicion.threshold(), milliseconds(400));
  w.run(milliseconds(5), true);
  EXPECT_LE(w.until_suspect(), milliseconds(406));
}

TEST(Suspicion, OurOwnStallIsNotTheOthersSilence) {
  Watch w;
  w.run(seconds(2), true);
  w.freeze(seconds(5), false);  // S2: its datagrams not even read yet
  EXPECT_EQ(w.suspected, 0U);
  EXPECT_EQ(w.suspicion.stalls(), 1U);
  EXPECT_EQ(w.suspicion.last_stall(), seconds(5) - milliseconds(5));
  w.run(seconds(1), true);
  EXPECT_EQ(w.suspected, 0U);
  EXPECT_EQ(w.suspicion.threshold(), milliseconds(30));  // and it was not learnt as its gap
  EXPECT_EQ(w.suspicion.last_stall(), Duration{});
}

TEST(Suspicion, AStallWithItsBacklogReadTeachesNothingEither) {
  Watch w;
  w.run(seconds(2), true);
  w.freeze(seconds(5), true);
  w.run(seconds(1), true);
  EXPECT_EQ(w.suspected, 0U);
  EXPECT_EQ(w.suspicion.threshold(), milliseconds(30));
}

TEST(Suspicion, OneThatDiedWhileWeStoodStillIsStillFound) {
  Watch w;
  w.run(seconds(2), true);
  w.freeze(seconds(5), false);
  EXPECT_LE(w.until_suspect(), milliseconds(35));
}

TEST(Suspicion, StallAfterStallDoesNotHideADeadOneForever) {
  Watch w;
  w.run(seconds(2), true);
  int turns = 0;
  while (w.suspicion.verdict(w.now) == Verdict::healthy && turns < 100) {
    w.freeze(milliseconds(80), false);
    ++turns;
  }
  EXPECT_LE(turns, 8);  // each turn that we get counts a heartbeat against it
}

TEST(Suspicion, BetweenAStallAndTheTickThatFindsItNobodyIsSuspected) {
  Watch w;
  w.run(seconds(2), true);
  EXPECT_EQ(w.suspicion.verdict(w.now + seconds(3)), Verdict::healthy);
}

TEST(Suspicion, OneNeverHeardIsSuspectedAfterItsGrace) {
  Watch w;
  const Duration took = w.until_suspect();
  EXPECT_GT(took, milliseconds(499));
  EXPECT_LE(took, milliseconds(502));
  EXPECT_EQ(w.suspicion.cause(w.now), Cause::first_start);
  EXPECT_FALSE(w.suspicion.ever_heard());
}

TEST(Suspicion, AnUnfitOneIsSuspectUntilItSaysOtherwise) {
  Watch w;
  w.run(seconds(1), true);
  w.run(milliseconds(20), true, false);
  EXPECT_EQ(w.suspicion.cause(w.now), Cause::unfit);
  w.run(milliseconds(20), true, true);
  EXPECT_EQ(w.suspicion.verdict(w.now), Verdict::healthy);
}

TEST(Suspicion, AResignationActsAtOnceAndLateHeartbeatsDoNotUndoIt) {
  Watch w;
  w.run(seconds(1), true);
  w.suspicion.resigned(Cause::killed, w.now);
  EXPECT_EQ(w.suspicion.cause(w.now), Cause::killed);
  w.suspicion.heard(true, w.now + milliseconds(1));  // was under way (S3)
  EXPECT_EQ(w.suspicion.cause(w.now + milliseconds(1)), Cause::killed);
  w.run(milliseconds(100), true);  // a new life of it
  EXPECT_EQ(w.suspicion.verdict(w.now), Verdict::healthy);
}

TEST(Suspicion, AHintEndsWithTheNextHeartbeatAndDoesNotHideAResignation) {
  Watch w;
  w.run(seconds(1), true);
  w.suspicion.hint(Cause::silence, w.now);
  EXPECT_EQ(w.suspicion.cause(w.now), Cause::silence);
  w.suspicion.heard(true, w.now + milliseconds(1));
  EXPECT_EQ(w.suspicion.verdict(w.now + milliseconds(1)), Verdict::healthy);
  w.suspicion.resigned(Cause::killed, w.now);
  w.suspicion.hint(Cause::stopped, w.now);
  EXPECT_EQ(w.suspicion.cause(w.now), Cause::killed);
}

TEST(Suspicion, LastSignIsWhenItWasHeardWhateverWeMissed) {
  Watch w;
  w.run(seconds(1), true);
  const MonoTime sign = w.suspicion.last_sign();
  w.freeze(seconds(1), false);
  EXPECT_EQ(w.suspicion.last_sign(), sign);
}

TEST(Receipt, EveryCauseHasItsName) {
  for (uint8_t i = 0; i <= static_cast<uint8_t>(Cause::regained); ++i) {
    EXPECT_STRNE(name_of(static_cast<Cause>(i)), "unknown");
  }
  EXPECT_STREQ(name_of(static_cast<Cause>(200)), "unknown");
}

}  // namespace
}  // namespace tercet::failover
