#include "failover/promotion.h"

#include <gtest/gtest.h>

namespace tercet::failover {
namespace {

constexpr MonoTime kStart{50'000'000'000};
constexpr Address kOurs = v4_address(198, 18, 0, 1);
constexpr Address kOther = v4_address(198, 18, 0, 2);
constexpr Epoch kFive{5};
constexpr Epoch kSix{6};

VrrpView view(uint8_t priority) {
  VrrpView v;
  v.priority = priority;
  v.interval = milliseconds(100);
  return v;
}

/// Drives a Promotion through time as a loop would, and adds up what came out.
struct Driver {
  Promotion promotion{PromotionOptions{}, VrrpOptions{.interval = milliseconds(100), .local = kOurs}};
  MonoTime now = kStart;
  bool owned = false;
  unsigned announced = 0;
  unsigned adverts = 0;
  unsigned asks = 0;
  unsigned goodbyes = 0;

  Driver() { promotion.start(now); }

  Effects take(const Effects& e) {
    if (e.disown) {
      owned = false;
    }
    if (e.advert) {
      ++(*e.advert == 0 ? goodbyes : adverts);
    }
    if (e.own) {
      EXPECT_FALSE(owned);
      owned = true;
    }
    announced += e.announce;
    asks += e.ask ? 1U : 0U;
    EXPECT_EQ(owned, promotion.on_air());  // P2
    return e;
  }
  Effects won(Epoch epoch, Duration age = {}) {
    Effects e;
    promotion.won(epoch, MonoTime{now.ns - age.ns}, now, e);
    return take(e);
  }
  Effects lost(Epoch epoch) {
    Effects e;
    promotion.lost(epoch, now, e);
    return take(e);
  }
  Effects confirmed(Epoch epoch, uint32_t token) {
    Effects e;
    promotion.confirmed(epoch, token, now, e);
    return take(e);
  }
  Effects confirm() { return confirmed(promotion.epoch(), promotion.token()); }
  Effects stalled() {
    Effects e;
    promotion.stalled(now, e);
    return take(e);
  }
  Effects cut_off(Epoch epoch) {
    Effects e;
    promotion.cut_off(epoch, now, e);
    return take(e);
  }
  Effects hear(uint8_t priority) {
    Effects e;
    promotion.advert(view(priority), kOther, now, e);
    return take(e);
  }
  /// Ticks whenever due; `answer`: the data plane confirms at once.
  void run(Duration time, bool answer) {
    const MonoTime end = now + time;
    while (promotion.due() <= end) {
      now = later(now, promotion.due());
      Effects e;
      promotion.tick(now, e);
      if (take(e).ask && answer) {
        confirm();
      }
    }
    now = end;
  }
};

TEST(Promotion, StallLimitFollowsTheAdvertsWithinBounds) {
  EXPECT_EQ(stall_limit(milliseconds(10)), milliseconds(100));
  EXPECT_EQ(stall_limit(milliseconds(100)), milliseconds(300));
  EXPECT_EQ(stall_limit(seconds(1)), milliseconds(500));
}

TEST(Promotion, WonGoesOnAirWithFiveAnnouncements) {
  Driver d;
  const Effects e = d.won(kFive);
  EXPECT_EQ(e.advert, 100);
  EXPECT_TRUE(e.own);
  EXPECT_EQ(e.announce, 5);
  EXPECT_FALSE(e.ask || e.disown);
  EXPECT_TRUE(d.promotion.sure());
}

TEST(Promotion, AnnouncesAgainAfterFiveSecondsAndEachMinuteOnceConfirmed) {
  Driver d;
  d.won(kFive);
  d.run(milliseconds(4'999), true);
  EXPECT_EQ(d.announced, 5U);
  EXPECT_EQ(d.asks, 0U);
  d.run(milliseconds(1), true);
  EXPECT_EQ(d.announced, 10U);
  EXPECT_EQ(d.asks, 1U);
  d.run(seconds(180), true);
  EXPECT_EQ(d.announced, 25U);
  EXPECT_EQ(d.asks, 4U);
  EXPECT_EQ(d.adverts, 1U + 1'850U);
}

TEST(Promotion, WithoutConfirmationTheAddressStaysButIsNotDrawnAgain) {
  Driver d;
  d.won(kFive);
  d.run(seconds(200), false);
  EXPECT_TRUE(d.owned);
  EXPECT_EQ(d.announced, 5U);
  EXPECT_GT(d.asks, 1'900U);  // asked every 100 ms from 5 s on
  EXPECT_EQ(d.adverts, 1U + 2'000U);
  d.confirm();
  EXPECT_EQ(d.announced, 10U);
}

TEST(Promotion, LostLeavesTheAirWithAGoodbye) {
  Driver d;
  d.won(kFive);
  const Effects e = d.lost(kFive);
  EXPECT_TRUE(e.disown);
  EXPECT_EQ(e.advert, 0);
  d.run(seconds(100), true);
  EXPECT_EQ(d.adverts, 1U);
  EXPECT_EQ(d.asks, 0U);
}

TEST(Promotion, ALostEpochIsNeverHeldAgain) {
  Driver d;
  d.won(kFive);
  d.lost(kFive);
  EXPECT_FALSE(d.won(kFive).own);  // P3: a repeated or late message
  EXPECT_FALSE(d.won(Epoch{4}).own);
  EXPECT_TRUE(d.won(kSix).own);
}

TEST(Promotion, LossOfAnOlderEpochIsOldNews) {
  Driver d;
  d.won(kSix);
  EXPECT_FALSE(d.lost(kFive).disown);
  EXPECT_TRUE(d.owned);
}

TEST(Promotion, AHigherEpochWhileOnAirKeepsTheAddress) {
  Driver d;
  d.won(kFive);
  const Effects e = d.won(kSix);
  EXPECT_FALSE(e.own || e.disown || e.announce);
  EXPECT_EQ(d.promotion.epoch(), kSix);
  EXPECT_TRUE(d.owned);
}

TEST(Promotion, NewsOfAnElectionThatIsOldIsConfirmedFirst) {
  Driver d;
  const Effects e = d.won(kFive, milliseconds(501));
  EXPECT_FALSE(e.own || e.advert || e.announce);
  EXPECT_TRUE(e.ask);
  EXPECT_TRUE(d.confirm().own);
}

TEST(Promotion, NothingIsAnnouncedAfterAStallUntilConfirmed) {
  Driver d;
  d.won(kFive);
  const unsigned adverts = d.adverts;
  const Effects e = d.stalled();
  EXPECT_TRUE(e.ask);
  EXPECT_FALSE(d.promotion.sure());
  d.run(seconds(70), false);  // past the repetition and a refresh
  d.hear(50);
  EXPECT_EQ(d.adverts, adverts);
  EXPECT_EQ(d.announced, 5U);
  EXPECT_TRUE(d.owned);  // P2: kept, it answers UNAVAILABLE
  const Effects after = d.confirm();
  EXPECT_EQ(after.advert, 100);
  EXPECT_EQ(after.announce, 5);
}

TEST(Promotion, AnAnswerFromBeforeTheStallDoesNotCount) {
  Driver d;
  d.won(kFive);
  d.hear(50);
  const uint32_t old = d.promotion.token();
  d.stalled();
  EXPECT_NE(d.promotion.token(), old);
  EXPECT_FALSE(d.confirmed(kFive, old).announce);  // P1
  EXPECT_FALSE(d.promotion.sure());
  EXPECT_FALSE(d.confirmed(kSix, d.promotion.token()).announce);
  EXPECT_EQ(d.confirm().announce, 5);
}

TEST(Promotion, AnUnaskedConfirmationDoesNothing) {
  Driver d;
  d.won(kFive);
  d.run(seconds(2), true);
  EXPECT_EQ(d.confirm().announce, 0);
}

TEST(Promotion, AQuestionLongUnansweredIsPutAnew) {
  Driver d;
  d.won(kFive);
  d.stalled();
  const uint32_t first = d.promotion.token();
  d.run(milliseconds(900), false);
  EXPECT_EQ(d.promotion.token(), first);
  d.run(milliseconds(100), false);
  EXPECT_EQ(d.promotion.token(), first + 1);
  EXPECT_EQ(d.confirmed(kFive, first).announce, 0);
  EXPECT_EQ(d.confirm().announce, 5);
}

TEST(Promotion, AStallOfAStandbyIsNothing) {
  Driver d;
  EXPECT_FALSE(d.stalled().ask);
  d.won(kFive);
  d.lost(kFive);
  EXPECT_FALSE(d.stalled().ask);
}

TEST(Promotion, AFrozenActiveThatWasReplacedLeavesWhenItLearns) {
  Driver d;
  d.won(kFive);
  d.stalled();
  const Effects e = d.lost(kFive);
  EXPECT_TRUE(e.disown);
  EXPECT_EQ(e.advert, 0);  // the real one answers, and announces itself again
}

TEST(Promotion, ASecondActiveMakesUsAskAtOnceAndAnnounceAtMostOncePerSecond) {
  Driver d;
  d.won(kFive);
  d.run(milliseconds(200), true);
  for (int i = 0; i < 100; ++i) {  // ten seconds of a foreign router's adverts
    const Effects e = d.hear(200);
    EXPECT_TRUE(e.ask || d.promotion.due() < MonoTime::never());
    if (e.ask) {
      d.confirm();
    }
    d.run(milliseconds(100), true);
  }
  EXPECT_TRUE(d.owned);
  EXPECT_GE(d.announced, 5U * 10);
  EXPECT_LE(d.announced, 5U * 12);  // P4
}

TEST(Promotion, ASecondActiveByHeartbeatCountsAsAnAdvert) {
  Driver d;
  d.won(kFive);
  d.run(seconds(2), true);
  Effects e;
  d.promotion.second_active(d.now, e);
  EXPECT_TRUE(d.take(e).ask);
  EXPECT_EQ(d.confirm().announce, 5);
}

TEST(Promotion, AFastAdvertiserDoesNotKeepUsAsking) {
  Driver d;
  d.won(kFive);
  d.run(seconds(2), true);
  EXPECT_TRUE(d.hear(50).ask);
  const uint32_t token = d.promotion.token();
  for (int i = 0; i < 5; ++i) {
    d.run(milliseconds(10), false);
    EXPECT_FALSE(d.hear(50).ask);
  }
  EXPECT_EQ(d.promotion.token(), token);  // or no answer could ever be in time
  EXPECT_EQ(d.confirm().announce, 5);
}

TEST(Promotion, AGoodbyeHeardWhileActiveIsAnnouncedOver) {
  Driver d;
  d.won(kFive);
  d.run(milliseconds(20), true);
  const Effects e = d.hear(0);  // the old active LB stops after us
  EXPECT_EQ(e.advert, 100);
  EXPECT_TRUE(e.ask);
  EXPECT_EQ(d.confirm().announce, 0);  // too soon after the first
  d.run(seconds(1), true);
  EXPECT_EQ(d.announced, 10U);
}

TEST(Promotion, CutOffGivesTheAddressUpAndTakesItBackWhenConfirmed) {
  Driver d;
  d.won(kFive);
  const Effects e = d.cut_off(kFive);
  EXPECT_TRUE(e.disown);
  EXPECT_EQ(e.advert, 0);
  EXPECT_TRUE(e.ask);
  d.run(seconds(3), false);
  EXPECT_GE(d.asks, 30U);  // until two backends answer
  EXPECT_FALSE(d.owned);
  const Effects back = d.confirm();
  EXPECT_TRUE(back.own);
  EXPECT_EQ(back.advert, 100);
  EXPECT_EQ(back.announce, 5);
}

TEST(Promotion, CutOffThenLostIsStandby) {
  Driver d;
  d.won(kFive);
  d.cut_off(kFive);
  const uint32_t token = d.promotion.token();
  d.lost(kFive);
  EXPECT_FALSE(d.confirmed(kFive, token).own);
  d.run(seconds(3), true);
  EXPECT_FALSE(d.owned);
}

TEST(Promotion, CutOffOfAnEpochNotHeldIsNothing) {
  Driver d;
  EXPECT_FALSE(d.cut_off(kFive).disown);
  d.won(kSix);
  EXPECT_FALSE(d.cut_off(kFive).disown);
  EXPECT_TRUE(d.owned);
}

TEST(Promotion, CutOffStallAndConfirmedOnlyByTheLastQuestion) {
  Driver d;
  d.won(kFive);
  d.cut_off(kFive);
  const uint32_t before = d.promotion.token();
  d.stalled();
  EXPECT_FALSE(d.confirmed(kFive, before).own);
  EXPECT_TRUE(d.confirm().own);
}

TEST(Promotion, ShutdownSaysGoodbyeOnceAndNothingBringsItBack) {
  Driver d;
  d.won(kFive);
  Effects e;
  d.promotion.shutdown(d.now, e);
  d.take(e);
  EXPECT_EQ(d.goodbyes, 1U);
  EXPECT_FALSE(d.won(kSix).own);
  d.run(seconds(10), true);
  EXPECT_EQ(d.promotion.due(), MonoTime::never());
}

TEST(Promotion, AStandbyPassesVrrpsHintsOn) {
  Driver d;
  d.hear(100);
  EXPECT_EQ(d.hear(0).hint, Effects::Hint::resigned);
  d.now = d.promotion.due();
  Effects e;
  d.promotion.tick(d.now, e);
  EXPECT_EQ(d.take(e).hint, Effects::Hint::silent);
  EXPECT_FALSE(d.owned);
}

}  // namespace
}  // namespace tercet::failover
