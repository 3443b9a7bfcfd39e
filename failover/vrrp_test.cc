// RFC 9568 §6.4, a table for each state; where the epoch decides instead, the wish that comes out.
#include "failover/vrrp.h"

#include <gtest/gtest.h>

namespace tercet::failover {
namespace {

constexpr MonoTime kStart{1'000'000'000};
constexpr Address kOurs = v4_address(198, 18, 0, 2);
constexpr Address kLower = v4_address(198, 18, 0, 1);
constexpr Address kHigher = v4_address(198, 18, 0, 3);
using Hint = Effects::Hint;

VrrpOptions options(uint8_t priority = 100, bool preempt = false) {
  return {
      .vrid = 51, .priority = priority, .interval = milliseconds(100), .preempt = preempt, .local = kOurs};
}

VrrpView view(uint8_t priority, Duration interval = milliseconds(100)) {
  VrrpView v;
  v.priority = priority;
  v.interval = interval;
  return v;
}

Vrrp backup(const VrrpOptions& o = options()) {
  Vrrp vrrp(o);
  vrrp.start(kStart);
  return vrrp;
}
Vrrp active(const VrrpOptions& o = options()) {
  Vrrp vrrp = backup(o);
  Effects ignored;
  vrrp.activate(kStart, ignored);
  return vrrp;
}

TEST(Vrrp, OptionsOutsideWhatAdvertsCanCarryAreNamed) {
  EXPECT_EQ(problem_of(options()), nullptr);
  VrrpOptions o = options();
  o.vrid = 0;
  EXPECT_NE(problem_of(o), nullptr);
  o = options(0);
  EXPECT_NE(problem_of(o), nullptr);
  for (const Duration bad : {milliseconds(0), milliseconds(5), milliseconds(15), milliseconds(40'960)}) {
    o = options();
    o.interval = bad;
    EXPECT_NE(problem_of(o), nullptr) << bad.ms();
  }
}

TEST(Vrrp, SkewAndDownIntervalFollowTheRfc) {
  // §6.1: skew = (256 - priority) * interval / 256, down = 3 * interval + skew.
  EXPECT_EQ(backup(options(100)).skew(), microseconds(60'937) + nanoseconds(500));
  EXPECT_EQ(backup(options(100)).down_interval(), microseconds(360'937) + nanoseconds(500));
  EXPECT_EQ(backup(options(255)).skew(), nanoseconds(390'625));
}

TEST(Vrrp, InitializeHearsAndSaysNothing) {
  Vrrp vrrp(options());
  Effects out;
  vrrp.advert(view(0), kLower, kStart, out);
  vrrp.tick(kStart + seconds(100), out);
  EXPECT_EQ(out.hint, Hint::none);
  EXPECT_FALSE(out.advert || out.own || out.ask);
  EXPECT_EQ(vrrp.due(), MonoTime::never());
}

TEST(Vrrp, EvenAnAddressOwnerStartsAsBackup) {
  Vrrp vrrp = backup(options(255));
  EXPECT_EQ(vrrp.state(), Vrrp::State::backup);
}

TEST(Vrrp, BackupWithoutAdvertsHintsAndNeverPromotesItself) {
  Vrrp vrrp = backup();
  Effects out;
  vrrp.tick(vrrp.due() + nanoseconds(-1), out);
  EXPECT_EQ(out.hint, Hint::none);
  const MonoTime first = vrrp.due();
  EXPECT_EQ(first, kStart + vrrp.down_interval());
  vrrp.tick(first, out);
  EXPECT_EQ(out.hint, Hint::silent);
  EXPECT_FALSE(out.own || out.advert);
  EXPECT_EQ(vrrp.state(), Vrrp::State::backup);
  EXPECT_EQ(vrrp.due(), first + vrrp.down_interval());
}

TEST(Vrrp, BackupTable) {
  struct Case {
    const char* what;
    uint8_t own;
    bool preempt;
    uint8_t heard;
    Duration heard_interval;
    Hint hint;
    Duration down_in;  // from the advert; {} = the timer was not touched
  };
  const Duration skew100 = microseconds(60'937) + nanoseconds(500);
  const Case cases[] = {
      {"higher", 100, false, 150, milliseconds(100), Hint::none, milliseconds(300) + skew100},
      {"equal", 100, true, 100, milliseconds(100), Hint::none, milliseconds(300) + skew100},
      {"lower, no preempt", 100, false, 50, milliseconds(100), Hint::none, milliseconds(300) + skew100},
      {"lower, preempt", 100, true, 50, milliseconds(100), Hint::none, {}},
      {"its interval counts, not ours", 100, false, 150, seconds(1), Hint::none, seconds(3) + skew100 * 10},
      {"priority 0", 100, false, 0, milliseconds(100), Hint::resigned, skew100},
      {"priority 0, preempt", 100, true, 0, milliseconds(100), Hint::resigned, skew100},
  };
  for (const Case& c : cases) {
    Vrrp vrrp = backup(options(c.own, c.preempt));
    const MonoTime before = vrrp.due();
    const MonoTime now = kStart + milliseconds(50);
    Effects out;
    vrrp.advert(view(c.heard, c.heard_interval), kHigher, now, out);
    EXPECT_EQ(out.hint, c.hint) << c.what;
    EXPECT_FALSE(out.advert || out.own || out.disown || out.ask) << c.what;
    EXPECT_EQ(vrrp.due(), c.down_in == Duration{} ? before : now + c.down_in) << c.what;
    ASSERT_TRUE(vrrp.other()) << c.what;
    EXPECT_EQ(vrrp.other()->source, kHigher) << c.what;
    EXPECT_EQ(vrrp.other()->priority, c.heard) << c.what;
    EXPECT_EQ(vrrp.other()->at, now) << c.what;
  }
}

TEST(Vrrp, ActivateSendsThenOwnsThenAnnouncesOnce) {
  Vrrp vrrp = backup();
  Effects out;
  vrrp.activate(kStart, out);
  EXPECT_EQ(out.advert, 100);
  EXPECT_TRUE(out.own);
  EXPECT_EQ(out.announce, 1);
  EXPECT_FALSE(out.disown || out.ask);
  EXPECT_EQ(vrrp.due(), kStart + milliseconds(100));
  Effects again;  // V1
  vrrp.activate(kStart, again);
  EXPECT_FALSE(again.own || again.advert);
}

TEST(Vrrp, ActiveAdvertisesByTheInterval) {
  Vrrp vrrp = active();
  for (int i = 1; i <= 3; ++i) {
    Effects early;
    vrrp.tick(kStart + milliseconds(100 * i - 1), early);
    EXPECT_FALSE(early.advert);
    Effects out;
    vrrp.tick(kStart + milliseconds(100 * i), out);
    EXPECT_EQ(out.advert, 100);
  }
}

TEST(Vrrp, ActiveTable) {
  struct Case {
    const char* what;
    uint8_t own;
    uint8_t heard;
    Address from;
    bool answer;
  };
  const Case cases[] = {
      {"lower: answered at once", 100, 99, kHigher, true},
      {"priority 0: answered at once", 100, 0, kHigher, true},
      {"higher: not answered, not obeyed", 100, 101, kLower, false},
      {"address owner: not obeyed", 100, 255, kLower, false},
      {"tie, its address is lower", 100, 100, kLower, true},
      {"tie, its address is higher", 100, 100, kHigher, false},
      {"we own the addresses", 255, 254, kHigher, true},
  };
  for (const Case& c : cases) {
    Vrrp vrrp = active(options(c.own));
    const MonoTime now = kStart + milliseconds(30);
    Effects out;
    vrrp.advert(view(c.heard), c.from, now, out);
    EXPECT_TRUE(out.ask) << c.what;
    EXPECT_EQ(out.advert.has_value(), c.answer) << c.what;
    EXPECT_FALSE(out.disown || out.own) << c.what;
    EXPECT_EQ(vrrp.state(), Vrrp::State::active) << c.what;
    EXPECT_EQ(vrrp.due(), (c.answer ? now : kStart) + milliseconds(100)) << c.what;
  }
}

TEST(Vrrp, DeactivateDisownsThenSaysZero) {
  Vrrp vrrp = active();
  Effects out;
  vrrp.deactivate(kStart + seconds(1), out);
  EXPECT_TRUE(out.disown);
  EXPECT_EQ(out.advert, 0);
  EXPECT_FALSE(out.own || out.announce);
  EXPECT_EQ(vrrp.state(), Vrrp::State::backup);
  EXPECT_EQ(vrrp.due(), kStart + seconds(1) + vrrp.down_interval());
  Effects again;  // V2: once
  vrrp.deactivate(kStart + seconds(1), again);
  EXPECT_FALSE(again.disown || again.advert);
}

TEST(Vrrp, ShutdownOfABackupIsSilent) {
  Vrrp vrrp = backup();
  Effects out;
  vrrp.shutdown(kStart, out);
  EXPECT_FALSE(out.disown || out.advert);
  EXPECT_EQ(vrrp.due(), MonoTime::never());
}

TEST(Vrrp, ShutdownOfAnActiveSaysZeroOnceAndIsOver) {
  Vrrp vrrp = active();
  Effects out;
  vrrp.shutdown(kStart, out);
  EXPECT_TRUE(out.disown);
  EXPECT_EQ(out.advert, 0);
  EXPECT_EQ(vrrp.state(), Vrrp::State::initialize);
  EXPECT_EQ(vrrp.due(), MonoTime::never());
  Effects after;
  vrrp.activate(kStart, after);
  EXPECT_TRUE(after.own);  // only start() and activate() of its owner could bring it back
}

TEST(Vrrp, HeldActiveAsksButSendsNothing) {
  Vrrp vrrp = active();
  vrrp.hold();
  EXPECT_EQ(vrrp.due(), MonoTime::never());
  Effects out;
  vrrp.tick(kStart + seconds(9), out);
  vrrp.advert(view(50), kLower, kStart + seconds(9), out);
  EXPECT_FALSE(out.advert);  // V3
  EXPECT_TRUE(out.ask);
  Effects resumed;
  vrrp.resume(kStart + seconds(10), resumed);
  EXPECT_EQ(resumed.advert, 100);
  EXPECT_FALSE(resumed.own);
  EXPECT_EQ(vrrp.due(), kStart + seconds(10) + milliseconds(100));
  Effects twice;
  vrrp.resume(kStart + seconds(10), twice);
  EXPECT_FALSE(twice.advert);
}

TEST(Vrrp, HoldingABackupIsNothing) {
  Vrrp vrrp = backup();
  vrrp.hold();
  EXPECT_FALSE(vrrp.held());
  EXPECT_NE(vrrp.due(), MonoTime::never());
}

// Two of ours, and an RFC backup beside them, over a lossless wire: the way that a keepalived sees us.
TEST(Vrrp, AnRfcBackupStaysBackupWhileWeAdvertiseAndIsReleasedByZero) {
  Vrrp ours = active(options(150));
  Vrrp rfc = backup({.vrid = 51, .priority = 90, .interval = milliseconds(100), .local = kHigher});
  MonoTime now = kStart;
  for (; now < kStart + seconds(10); now = now + milliseconds(1)) {
    Effects out;
    ours.tick(now, out);
    Effects heard;
    if (out.advert) {
      rfc.advert(view(*out.advert), kOurs, now, heard);
    }
    rfc.tick(now, heard);
    ASSERT_EQ(heard.hint, Hint::none);
  }
  Effects stop;
  ours.shutdown(now, stop);
  Effects heard;
  rfc.advert(view(*stop.advert), kOurs, now, heard);
  EXPECT_EQ(heard.hint, Hint::resigned);
  EXPECT_EQ(rfc.due(), now + rfc.skew());  // an RFC router is active one skew later
}

}  // namespace
}  // namespace tercet::failover
