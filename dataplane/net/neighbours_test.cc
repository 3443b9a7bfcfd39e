#include "dataplane/net/neighbours.h"

#include <gtest/gtest.h>

#include <vector>

#include "dataplane/net/frames_rig.h"

namespace tercet::dataplane {
namespace {

using frames::kPeer;
using frames::kPeerMac;
using Look = Neighbours::Look;

constexpr Mac kOtherMac{2, 0, 0, 0, 0, 0x77};

/// A table and a clock that goes on by hand.
struct Rig {
  Neighbours table{256};
  NeighbourHint hint;
  MonoTime now{1'000'000'000};

  Look find(const Ipv4& address = kPeer) {
    Mac mac{};
    return table.find(address, hint, now, mac);
  }
  Mac mac(const Ipv4& address = kPeer) {
    Mac out{};
    return table.known(address, out) ? out : Mac{};
  }
  Neighbours::Heard answer(const Mac& from = kPeerMac, const Ipv4& address = kPeer) {
    return table.heard(address, from, true, true, now);
  }
  /// Goes on to what is due next, and gives the question, if it is one.
  Neighbours::Question next() {
    now = later(now, table.due());
    return table.next_question(now);
  }
};

TEST(Neighbours, AskedWhenNeededKnownWhenAnswered) {
  Rig rig;
  EXPECT_EQ(rig.table.due(), MonoTime::never());
  EXPECT_EQ(rig.find(), Look::asking);
  EXPECT_EQ(rig.find(), Look::asking);
  EXPECT_EQ(rig.table.due(), rig.now);
  const Neighbours::Question question = rig.table.next_question(rig.now);
  EXPECT_TRUE(question.any);
  EXPECT_EQ(question.address, kPeer);
  EXPECT_EQ(question.to, kBroadcast);
  EXPECT_FALSE(rig.table.next_question(rig.now).any) << "one at a time";
  EXPECT_EQ(rig.table.resolutions(), 0U);
  const Neighbours::Heard heard = rig.answer();
  EXPECT_TRUE(heard.known && heard.learned);
  EXPECT_FALSE(heard.moved);
  EXPECT_EQ(rig.table.resolutions(), 1U);
  EXPECT_EQ(rig.find(), Look::ready);
  ASSERT_NE(rig.table.ready(kPeer, rig.hint), nullptr);
  EXPECT_EQ(*rig.table.ready(kPeer, rig.hint), kPeerMac);
  EXPECT_EQ(rig.table.due(), rig.now + kNeighbourFresh);
}

TEST(Neighbours, GivenUpAfterAllTriesAndAskedAgainWhenNeededAgain) {
  Rig rig;
  for (uint64_t round = 1; round <= 2; ++round) {
    EXPECT_EQ(rig.find(), Look::asking);
    for (int i = 0; i < kNeighbourTries; ++i) {
      const MonoTime before = rig.now;
      EXPECT_TRUE(rig.next().any) << i;
      EXPECT_EQ(rig.now - before, i == 0 ? Duration{} : kNeighbourRetry);
    }
    EXPECT_FALSE(rig.next().any);
    EXPECT_EQ(rig.table.size(), 0U);
    EXPECT_EQ(rig.table.unanswered(), round);
    EXPECT_EQ(rig.table.due(), MonoTime::never());
  }
}

TEST(Neighbours, AKeptOneIsAskedForAsLongAsItDoesNotAnswer) {
  Rig rig;
  rig.table.keep(kPeer, rig.now);
  for (int i = 0; i < 20; ++i) {
    const Neighbours::Question question = rig.next();
    ASSERT_TRUE(question.any) << i;
    EXPECT_EQ(question.to, kBroadcast);
  }
  EXPECT_EQ(rig.now, (MonoTime{1'000'000'000} + kNeighbourRetry * 19));
  EXPECT_EQ(rig.table.unanswered(), 1U);
  rig.answer();
  EXPECT_EQ(rig.find(), Look::ready);
}

TEST(Neighbours, AUsedOneIsCheckedByUnicastBeforeItIsTooOld) {
  Rig rig;
  rig.find();
  rig.next();
  rig.answer();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(rig.find(), Look::ready);
    const MonoTime fresh = rig.now;
    const Neighbours::Question question = rig.next();
    ASSERT_TRUE(question.any);
    EXPECT_EQ(rig.now - fresh, kNeighbourFresh);
    EXPECT_EQ(question.to, kPeerMac);
    EXPECT_EQ(rig.find(), Look::ready) << "used while it is checked";
    rig.answer();
  }
  EXPECT_EQ(rig.table.resolutions(), 1U) << "it was never unknown";
}

TEST(Neighbours, OneThatDoesNotAnswerTheCheckIsAskedForByAll) {
  Rig rig;
  rig.find();
  rig.next();
  rig.answer();
  rig.find();
  for (int i = 0; i < kNeighbourTries; ++i) {
    EXPECT_EQ(rig.next().to, kPeerMac);
    EXPECT_EQ(rig.find(), Look::ready);
  }
  const Neighbours::Question question = rig.next();
  EXPECT_TRUE(question.any);
  EXPECT_EQ(question.to, kBroadcast);
  EXPECT_EQ(rig.find(), Look::asking) << "nothing is sent to where nobody answered";
  EXPECT_TRUE(rig.answer(kOtherMac).learned);
  EXPECT_EQ(rig.mac(), kOtherMac);
  EXPECT_EQ(rig.table.resolutions(), 2U);
}

TEST(Neighbours, AnUnusedOneBecomesStaleIsCheckedWhenUsedAndForgottenWhenNot) {
  Rig rig;
  rig.find();
  rig.next();
  rig.answer();
  EXPECT_FALSE(rig.next().any);  // the next thing due is that it becomes stale: no question
  EXPECT_EQ(rig.mac(), kPeerMac);
  EXPECT_EQ(rig.find(), Look::ready) << "still believed";
  EXPECT_EQ(rig.table.due(), rig.now);
  EXPECT_EQ(rig.next().to, kPeerMac);
  rig.answer();
  EXPECT_FALSE(rig.next().any);
  const MonoTime stale = rig.now;
  EXPECT_FALSE(rig.next().any);
  EXPECT_EQ(rig.now - stale, kNeighbourIdle);
  EXPECT_EQ(rig.table.size(), 0U);
}

TEST(Neighbours, AQuestionToUsTellsWhoAsks) {
  Rig rig;
  const Neighbours::Heard heard = rig.table.heard(kPeer, kPeerMac, false, true, rig.now);
  EXPECT_TRUE(heard.learned);
  EXPECT_EQ(rig.table.resolutions(), 0U) << "nobody waited";
  EXPECT_EQ(rig.find(), Look::ready);
  EXPECT_EQ(rig.next().to, kPeerMac) << "used: so it is checked";
}

TEST(Neighbours, WhatOthersSayToOthersOnlyUpdates) {
  Rig rig;
  EXPECT_FALSE(rig.table.heard(kPeer, kPeerMac, false, false, rig.now).known);
  EXPECT_EQ(rig.table.size(), 0U);
  rig.find();
  rig.next();
  EXPECT_TRUE(rig.table.heard(kPeer, kPeerMac, false, false, rig.now).learned);
  EXPECT_EQ(rig.find(), Look::ready);
  EXPECT_EQ(rig.table.resolutions(), 1U) << "a question of the one asked for is as good as its answer";
}

TEST(Neighbours, AnAddressThatMovesIsFollowedAtOnceAndChecked) {
  Rig rig;
  rig.find();
  rig.next();
  rig.answer();
  rig.find();
  const Neighbours::Heard heard = rig.table.heard(kPeer, kOtherMac, false, false, rig.now);
  EXPECT_TRUE(heard.moved);
  EXPECT_EQ(heard.was, kPeerMac);
  EXPECT_FALSE(heard.kept);
  EXPECT_FALSE(heard.learned);
  EXPECT_EQ(rig.mac(), kOtherMac);
  EXPECT_EQ(rig.find(), Look::ready);
  EXPECT_EQ(rig.next().to, kOtherMac);
  EXPECT_FALSE(rig.answer(kOtherMac).moved);
}

TEST(Neighbours, AnAddressThatBecomesOursIsForgotten) {
  Rig rig;
  rig.find();
  rig.next();
  rig.answer();
  rig.table.forget(kPeer);
  EXPECT_EQ(rig.table.size(), 0U);
  EXPECT_EQ(rig.table.ready(kPeer, rig.hint), nullptr) << "a hint to it is of no use";
  EXPECT_EQ(rig.table.due(), MonoTime::never());
}

Ipv4 nth(uint32_t i) { return ipv4_of(0xC6120000U + i); }

TEST(Neighbours, AFloodPushesNobodyOutWhomWeTalkTo) {
  Rig rig;
  rig.table.keep(nth(1), rig.now);
  std::vector<Ipv4> used;
  for (uint32_t i = 1; i <= 200; ++i) {
    rig.find(nth(i));
    rig.answer(kPeerMac, nth(i));
    rig.find(nth(i));
    used.push_back(nth(i));
  }
  while (rig.table.due() <= rig.now) {
    rig.table.next_question(rig.now);
  }
  size_t there = 0;
  for (const Ipv4& address : used) {
    there += rig.mac(address) == kPeerMac ? 1 : 0;
  }
  EXPECT_GE(there, 195U) << "sets of eight overflow rarely";
  for (uint32_t i = 1'000; i < 100'000; ++i) {
    rig.table.heard(nth(i), kOtherMac, i % 2 == 0, true, rig.now);
  }
  EXPECT_EQ(rig.table.size(), rig.table.places());
  size_t after = 0;
  for (const Ipv4& address : used) {
    after += rig.mac(address) == kPeerMac ? 1 : 0;
  }
  EXPECT_EQ(after, there);
  // And one that we need now finds its place among them.
  for (uint32_t i = 200'000; i < 200'100; ++i) {
    rig.find(nth(i));
    rig.answer(kPeerMac, nth(i));
    EXPECT_EQ(rig.find(nth(i)), Look::ready) << i;
  }
}

TEST(Neighbours, WhenAllAreInUseOneMoreIsRefusedNotForced) {
  Rig rig;
  for (uint32_t i = 1; i <= 20'000; ++i) {
    rig.find(nth(i));
    rig.answer(kPeerMac, nth(i));
    rig.find(nth(i));
  }
  EXPECT_EQ(rig.table.size(), rig.table.places());
  const uint64_t refused = rig.table.refused();
  EXPECT_GT(refused, 0U);
  EXPECT_EQ(rig.find(nth(70'000)), Look::asking);
  EXPECT_EQ(rig.table.refused(), refused + 1);
  EXPECT_TRUE(rig.table.heard(nth(70'001), kOtherMac, false, true, rig.now).known == false);
}

TEST(Neighbours, ManyInAllStatesAreServedInOrderOfTime) {
  Rig rig;
  uint64_t dice = 88172645463325252ULL;
  const auto roll = [&](uint64_t below) {
    dice ^= dice << 13U;
    dice ^= dice >> 7U;
    dice ^= dice << 17U;
    return dice % below;
  };
  for (int step = 0; step < 200'000; ++step) {
    rig.now = rig.now + milliseconds(static_cast<int64_t>(roll(20)));
    const Ipv4 address = nth(static_cast<uint32_t>(1 + roll(700)));
    switch (roll(6)) {
      case 0:
        rig.find(address);
        break;
      case 1:
        rig.answer(kPeerMac, address);
        break;
      case 2:
        rig.table.heard(address, roll(4) == 0 ? kOtherMac : kPeerMac, false, roll(2) == 0, rig.now);
        break;
      case 3:
        if (roll(50) == 0) {
          rig.table.forget(address);
        }
        break;
      default:
        for (int i = 0; i < 2'000 && rig.table.due() <= rig.now; ++i) {
          rig.table.next_question(rig.now);
        }
        ASSERT_GT(rig.table.due(), rig.now) << "all that was due was served";
    }
    ASSERT_LE(rig.table.size(), rig.table.places());
  }
  EXPECT_GT(rig.table.resolutions(), 100U);
  EXPECT_GT(rig.table.unanswered(), 100U);
  // Left alone, it empties itself.
  for (int i = 0; i < 100'000 && rig.table.due() != MonoTime::never(); ++i) {
    rig.next();
  }
  EXPECT_EQ(rig.table.size(), 0U);
}

}  // namespace
}  // namespace tercet::dataplane
