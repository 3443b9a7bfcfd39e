#include "quorum/checkpoints.h"

#include <gtest/gtest.h>

#include "quorum/proposer_rig.h"

namespace tercet::quorum {
namespace {

class CheckpointsTest : public ::testing::Test {
 protected:
  CheckpointsTest() {
    for (const Slot slot : kSlots) {
      stands_at(slot, 0);
    }
  }
  void stands_at(Slot slot, uint64_t base) {
    backends_[slot].base = Seq{base};
    backends_[slot].told_base = true;
  }
  std::optional<Slot> due(uint64_t last, SlotSet voters = kAllSlots) {
    return checkpoints_.due(backends_, voters, awaited_, Seq{last}, now_);
  }
  /// Slot one's turn at `seq`, decided and told.
  void write(uint64_t seq) {
    checkpoints_.ordered(Slot::one, Seq{seq}, now_);
    checkpoints_.decided(Seq{seq}, 0xABCD);
    checkpoints_.told();
  }
  Checkpoints checkpoints_{{.every = 100, .patience = seconds(10)}};
  bool awaited_ = false;
  Backends backends_;
  MonoTime now_{1'000'000'000};
};

TEST_F(CheckpointsTest, WhoeverHasMostBehindItsNewestOneIsNext) {
  EXPECT_FALSE(due(99));
  EXPECT_EQ(due(100), Slot::one);
  stands_at(Slot::one, 100);
  stands_at(Slot::two, 60);
  stands_at(Slot::three, 50);
  EXPECT_FALSE(due(149));
  EXPECT_EQ(due(200), Slot::three);
  SlotSet voters = kAllSlots;
  voters.remove(Slot::three);
  EXPECT_EQ(due(200, voters), Slot::two) << "one that does not vote has other work";
}

TEST_F(CheckpointsTest, WhoHasNotSaidWhereItsLogBeginsIsNotAsked) {
  for (const Slot slot : kSlots) {
    backends_[slot].told_base = false;
  }
  EXPECT_FALSE(due(1000));
}

TEST_F(CheckpointsTest, OneAtATimeUntilItsLogBeginsThere) {
  write(150);
  EXPECT_FALSE(due(1000));
  stands_at(Slot::one, 149);
  EXPECT_FALSE(due(1000));
  stands_at(Slot::one, 150);
  EXPECT_EQ(due(1000), Slot::two);
}

TEST_F(CheckpointsTest, OneThatNeverWritesItIsNotWaitedForForEver) {
  write(150);
  now_ = now_ + milliseconds(9'999);
  EXPECT_FALSE(due(1000));
  now_ = now_ + milliseconds(1);
  EXPECT_EQ(due(1000), Slot::two) << "the others come first now";
  stands_at(Slot::two, 990);
  stands_at(Slot::three, 990);
  EXPECT_EQ(due(1000), Slot::one);
}

TEST_F(CheckpointsTest, WhileSomebodyCatchesUpWhatHeReadsIsNotTakenAway) {
  awaited_ = true;
  EXPECT_FALSE(due(399));
  EXPECT_EQ(due(400), Slot::one) << "for a while";
}

TEST_F(CheckpointsTest, WhatTwoVotesHadThereIsTold) {
  checkpoints_.ordered(Slot::two, Seq{150}, now_);
  EXPECT_FALSE(checkpoints_.usable());
  checkpoints_.decided(Seq{149}, 1);
  EXPECT_FALSE(checkpoints_.usable());
  checkpoints_.decided(Seq{150}, 0xABCD);
  checkpoints_.passed(Seq{151});
  const auto body = checkpoints_.usable();
  ASSERT_TRUE(body);
  EXPECT_EQ(body->checkpoint, 150U);
  EXPECT_EQ(body->s, 0xABCDU);
  checkpoints_.told();
  EXPECT_FALSE(checkpoints_.usable());
}

TEST_F(CheckpointsTest, WhereOnlyALaterEntryWasDecidedNobodyKnowsS) {
  checkpoints_.ordered(Slot::one, Seq{150}, now_);
  checkpoints_.passed(Seq{149});
  EXPECT_FALSE(due(1000));
  checkpoints_.passed(Seq{151});
  EXPECT_FALSE(checkpoints_.usable());
  EXPECT_EQ(due(1000), Slot::one);
}

TEST_F(CheckpointsTest, ANewEpochBeginsIdle) {
  checkpoints_.ordered(Slot::one, Seq{150}, now_);
  checkpoints_.restart();
  checkpoints_.decided(Seq{150}, 1);
  EXPECT_FALSE(checkpoints_.usable());
  EXPECT_EQ(due(1000), Slot::one);
}

/// A cell in which backend 3 has fallen behind.
class Awaited : public ::testing::Test {
 protected:
  Awaited() { cell_.begin(); }
  void order(unsigned n) {
    for (unsigned i = 0; i < n; ++i) {
      cell_.propose("x", ++tag_);
      cell_.run(milliseconds(4));
    }
  }
  [[nodiscard]] unsigned checkpoints() {
    const LogView& log = cell_.backend(B1).acceptor.log();
    unsigned n = 0;
    for (Seq seq{1}; seq <= log.last(); seq = next(seq)) {
      n += log.entry(seq).kind == EntryKind::checkpoint ? 1 : 0;
    }
    return n;
  }
  [[nodiscard]] BackendState third() { return cell_.lb().backend_state(B3, cell_.now.mono); }
  SmallCell cell_{{.checkpoints = {.every = 20, .patience = seconds(10)}}};
  uint32_t tag_ = 0;
};

TEST_F(Awaited, OneThatIsDeadIsNot) {
  cell_.backends[2] = nullptr;
  cell_.run(milliseconds(400));
  ASSERT_EQ(third(), BackendState::down);
  order(25);
  EXPECT_EQ(checkpoints(), 1U);
}

TEST_F(Awaited, OneThatNeverCatchesUpIsForAWhileOnly) {
  cell_.frozen_disks.add(B3);
  order(1);
  cell_.run(milliseconds(1500));
  ASSERT_EQ(third(), BackendState::catching_up);
  order(60);
  EXPECT_EQ(checkpoints(), 0U) << "what he reads is not taken away";
  order(30);
  EXPECT_EQ(checkpoints(), 1U) << "and the others' logs do not grow without end";
}

}  // namespace
}  // namespace tercet::quorum
