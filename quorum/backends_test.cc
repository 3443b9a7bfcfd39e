#include "quorum/backends.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace tercet::quorum {
namespace {

constexpr MonoTime kNow{1'000'000'000};
constexpr Incarnation kLife{0x11};

class BackendsTest : public ::testing::Test {
 protected:
  void hear(uint8_t flags, Incarnation life = kLife, MonoTime now = kNow) {
    backends_.hear(Slot::one, flags, life, now);
  }
  std::string state(MonoTime now = kNow, Seq last = Seq{0}) {
    return name_of(backends_.state(Slot::one, now, last));
  }
  Backends backends_;
};

TEST_F(BackendsTest, WhatABackendSaysOfItselfMakesItsState) {
  struct Case {
    const char* what;
    uint8_t flags;
    const char* state;
    bool counted;
  };
  const Case cases[] = {
      {"a member votes", kMember, "voting", true},
      {"leases and expiries are no matter", kMember | kLeasesLive | kMoreDue, "voting", true},
      {"blank: no member yet", kBlank, "catching-up", false},
      {"it pulls entries", kMember | kCatchingUp, "catching-up", true},
      {"divergent by its own word", kMember | kDivergent, "divergent", false},
      {"amnesiac", kAmnesiac | kBlank, "amnesiac", false},
      {"its disk failed", kMember | kStopped, "stopped", true},
      {"neither a member nor blank: its log names another life", 0, "catching-up", false},
  };
  for (const Case& one : cases) {
    backends_ = Backends();
    hear(one.flags);
    EXPECT_EQ(state(), one.state) << one.what;
    EXPECT_EQ(backends_.counted().has(Slot::one), one.counted) << one.what;
  }
}

TEST_F(BackendsTest, EveryStateHasANameOfItsOwn) {
  std::set<std::string> names;
  for (uint8_t i = 0; i <= static_cast<uint8_t>(BackendState::stopped); ++i) {
    names.insert(name_of(static_cast<BackendState>(i)));
  }
  EXPECT_EQ(names.size(), 6U);
}

TEST_F(BackendsTest, DownWhenNothingWasHeardForTheLongerOfTenRttAndAQuarterSecond) {
  EXPECT_EQ(state(), "down") << "never heard";
  hear(kMember);
  EXPECT_EQ(state(kNow + milliseconds(250)), "voting");
  EXPECT_EQ(state(kNow + milliseconds(251)), "down");
  for (int i = 0; i < 100; ++i) {
    backends_.measure(Slot::one, milliseconds(40));
  }
  EXPECT_EQ(state(kNow + milliseconds(380)), "voting") << "a slow line: ten round trips";
  EXPECT_EQ(state(kNow + milliseconds(401)), "down");
}

TEST_F(BackendsTest, DownSoonerWhenItsPortWasReportedClosedUnlessItSpeaks) {
  hear(kMember);
  backends_.report_closed(Slot::one, kNow + milliseconds(10));
  EXPECT_EQ(state(kNow + milliseconds(60)), "voting") << "anybody can say so";
  backends_.report_closed(Slot::one, kNow + milliseconds(60));
  EXPECT_EQ(state(kNow + milliseconds(61)), "down") << "the first report since it spoke counts";
  backends_.hear(Slot::one, kMember, kLife, kNow + milliseconds(62));
  EXPECT_EQ(state(kNow + milliseconds(62)), "voting");
  EXPECT_EQ(state(kNow + milliseconds(200)), "voting");
}

TEST_F(BackendsTest, ReportsWithoutEndDoNothingToOneThatSpeaks) {
  hear(kMember);
  for (int ms = 0; ms < 2'000; ++ms) {
    const MonoTime now = kNow + milliseconds(ms);
    backends_.report_closed(Slot::one, now);
    EXPECT_EQ(state(now), "voting") << ms;
    if (ms % 20 == 19) {
      backends_.hear(Slot::one, kMember, kLife, now);
    }
  }
}

TEST_F(BackendsTest, AnotherLifeThanTheMembersIsAmnesiacAndCountsForNothing) {
  backends_.member(Slot::one, kLife, Seq{1});
  backends_.member(Slot::two, Incarnation{0x22}, Seq{1});
  backends_.member(Slot::three, Incarnation{0x33}, Seq{1});
  hear(kMember);
  EXPECT_EQ(state(), "voting");
  hear(kBlank, Incarnation{0x44});
  EXPECT_EQ(state(), "amnesiac");
  EXPECT_FALSE(backends_.counted().has(Slot::one));
}

TEST_F(BackendsTest, OutvotedOrRegressedDoesNotCountUntilItsNextLife) {
  hear(kMember);
  backends_[Slot::one].outvoted = true;
  EXPECT_EQ(state(), "divergent");
  EXPECT_TRUE(backends_.counted().empty());
  hear(kMember);
  EXPECT_EQ(state(), "divergent") << "its own word does not clear it";
  backends_[Slot::one].regressed = true;
  EXPECT_EQ(state(), "amnesiac") << "less than it voted for: nothing of it can be trusted";
  hear(kMember, Incarnation{0x99});
  EXPECT_EQ(state(), "voting");
}

TEST_F(BackendsTest, OneThatStallsIsCatchingUpAndOneThatHasNothingToDoIsNot) {
  hear(kMember);
  backends_.restart(Seq{10}, kNow);
  const auto after = [&](Duration span, Seq last) {
    for (Duration at{}; at <= span; at = at + milliseconds(100)) {
      hear(kMember, kLife, kNow + at);
    }
    return state(kNow + span, last);
  };
  EXPECT_EQ(after(kStalledAfter, Seq{11}), "voting") << "slow, not absent";
  EXPECT_EQ(after(kStalledAfter + milliseconds(100), Seq{11}), "catching-up") << "no vote all the while";
  EXPECT_EQ(state(kNow + kStalledAfter + milliseconds(100), Seq{10}), "voting") << "it has all that there is";
  backends_[Slot::one].progress_at = kNow + kStalledAfter;
  EXPECT_EQ(state(kNow + kStalledAfter + milliseconds(100), Seq{11}), "voting");
}

TEST_F(BackendsTest, BackFromAbsenceItsTimeToAnswerBeginsAnew) {
  hear(kMember);
  backends_.restart(Seq{10}, kNow);
  const MonoTime later = kNow + seconds(5);
  EXPECT_EQ(state(later, Seq{20}), "down");
  hear(kMember, kLife, later);
  EXPECT_EQ(state(later, Seq{20}), "voting");
  EXPECT_EQ(state(later + milliseconds(240), Seq{20}), "voting");
}

TEST_F(BackendsTest, ResendsWaitForRttAndFourDeviationsAndBackOffWithinBounds) {
  // RFC 6298: a first guess of 1 ms ± 1 ms.
  EXPECT_EQ(backends_.resend_after(Slot::one), milliseconds(5));
  for (int i = 0; i < 200; ++i) {
    backends_.measure(Slot::one, microseconds(100));
  }
  EXPECT_EQ(backends_.resend_after(Slot::one), kResendMin) << "a LAN: the floor";
  Duration before = backends_.resend_after(Slot::one);
  for (unsigned i = 1; i < 20; ++i) {
    backends_[Slot::one].resends = i;
    const Duration now = backends_.resend_after(Slot::one);
    EXPECT_GE(now, before);
    EXPECT_LE(now, kResendMax);
    before = now;
  }
  EXPECT_EQ(before, kResendMax);
}

TEST_F(BackendsTest, TheRttFollowsWhatIsMeasured) {
  for (int i = 0; i < 200; ++i) {
    backends_.measure(Slot::one, milliseconds(8));
  }
  const Duration rtt = backends_[Slot::one].rtt;
  EXPECT_GT(rtt, microseconds(7'900));
  EXPECT_LE(rtt, milliseconds(8));
  EXPECT_LT(backends_[Slot::one].rtt_deviation, microseconds(200));
  // Jitter widens the wait, not the mean.
  for (int i = 0; i < 200; ++i) {
    backends_.measure(Slot::one, milliseconds(i % 2 == 0 ? 2 : 14));
  }
  EXPECT_GT(backends_.resend_after(Slot::one), milliseconds(20));
}

TEST_F(BackendsTest, ANewEpochForgetsWhatWasLearnedOfTheOldOnesEntries) {
  hear(kMember);
  Backend& b = backends_[Slot::one];
  b.acked = Seq{50};
  b.durable = Seq{50};
  b.resends = 5;
  b.regressed = true;
  b.outvoted = true;
  backends_.restart(Seq{40}, kNow);
  EXPECT_EQ(b.acked, Seq{40});
  EXPECT_EQ(b.durable, Seq{0});
  EXPECT_EQ(b.resends, 0U);
  EXPECT_FALSE(b.regressed);
  EXPECT_TRUE(b.outvoted) << "a wrong book stays wrong";
}

}  // namespace
}  // namespace tercet::quorum
