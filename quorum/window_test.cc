#include "quorum/window.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "quorum/chain.h"

namespace tercet::quorum {
namespace {

constexpr Epoch kEpoch = make_epoch(1, ServerId::lb1);

std::vector<uint8_t> op_of(uint64_t seq, size_t size) {
  std::vector<uint8_t> op(size);
  for (size_t i = 0; i < size; ++i) {
    op[i] = static_cast<uint8_t>(seq * 31 + i);
  }
  return op;
}
bool push(Window& window, Bytes op, Tag tag = {}) {
  return window.push({window.next(), kEpoch, CellTime{1}, WallTime{2}, EntryKind::op, op}, tag);
}

TEST(Window, TakesWhatFitsItsUndecidedBoundThenSaysFull) {
  Window window(16, 8);
  window.restart(Seq{100}, {});
  for (uint64_t i = 0; i < 8; ++i) {
    EXPECT_EQ(window.room(), 8 - i);
    EXPECT_TRUE(push(window, op_of(i, 10)));
  }
  const Seq next = window.next();
  EXPECT_FALSE(push(window, op_of(9, 10)));
  EXPECT_EQ(window.next(), next) << "nothing changed";
  EXPECT_EQ(window.room(), 0U);
  window.answered(Seq{102});
  EXPECT_EQ(window.room(), 3U);
  EXPECT_TRUE(push(window, op_of(9, 10)));
}

TEST(Window, DropsTheOldestOnlyWhenAnswered) {
  Window window(8, 4);
  window.restart(Seq{1}, {});
  for (uint64_t i = 1; i <= 8; ++i) {
    ASSERT_TRUE(push(window, op_of(i, 10)));
    window.answered(Seq{i > 2 ? i - 2 : 0});
  }
  EXPECT_EQ(window.oldest(), Seq{1});
  const Hash128 l1 = window.l_at(Seq{1});
  ASSERT_TRUE(push(window, op_of(9, 10)));  // the ninth overwrites the first, which is answered
  EXPECT_EQ(window.oldest(), Seq{2});
  EXPECT_FALSE(window.has(Seq{1}));
  EXPECT_EQ(window.l_at(Seq{1}), l1) << "L before the oldest is kept: an Accept begins behind it";
}

TEST(Window, RestartsBehindAnotherLog) {
  Window window(8, 4);
  window.restart(Seq{1}, {});
  ASSERT_TRUE(push(window, op_of(1, 10)));
  const Hash128 before{7, 8};
  window.restart(Seq{50}, before);
  EXPECT_FALSE(window.has(Seq{1}));
  EXPECT_FALSE(window.has(Seq{50}));
  EXPECT_EQ(window.next(), Seq{50});
  EXPECT_EQ(window.l_at(Seq{49}), before);
  ASSERT_TRUE(push(window, op_of(50, 3), Tag{4, 5}));
  EXPECT_EQ(window.at(Seq{50}).tag, (Tag{4, 5}));
  const std::vector<uint8_t> op = op_of(50, 3);
  EXPECT_EQ(window.l_at(Seq{50}),
            next_l(before, {Seq{50}, kEpoch, CellTime{1}, WallTime{2}, EntryKind::op, op}));
}

TEST(Window, ANewUseOfASlotBeginsWithoutBallots) {
  Window window(2, 1);
  window.restart(Seq{1}, {});
  ASSERT_TRUE(push(window, op_of(1, 4)));
  window.at(Seq{1}).tally.add(Slot::one, 5, {});
  window.answered(Seq{1});
  ASSERT_TRUE(push(window, op_of(2, 4)));
  window.answered(Seq{2});
  ASSERT_TRUE(push(window, op_of(3, 4)));  // in the place of the first
  EXPECT_TRUE(window.at(Seq{3}).tally.present().empty());
}

TEST(Window, TheArenaBoundsLargeOperationsBeforeTheirNumberDoes) {
  Window window(16, 8);  // its arena holds 16 × 256 + 4 × kOpMax bytes
  window.restart(Seq{1}, {});
  unsigned taken = 0;
  while (taken < 8 && push(window, op_of(taken + 1, kOpMax))) {
    ++taken;
  }
  EXPECT_EQ(taken, (16 * 256 + 4 * kOpMax) / (kOpMax + 1));
  EXPECT_LT(taken, 8U);
  // Two answered: room for one more at the arena's front (a full arena keeps a byte free).
  window.answered(Seq{2});
  EXPECT_TRUE(push(window, op_of(taken + 1, kOpMax)));
  EXPECT_FALSE(push(window, op_of(taken + 2, kOpMax)));
  for (Seq seq = window.oldest(); seq < window.next(); seq = next(seq)) {
    const std::vector<uint8_t> op = op_of(seq.value, kOpMax);
    EXPECT_TRUE(equal(window.view(seq).op, op)) << seq.value;
  }
}

TEST(Window, NoEntryIsEverOverwrittenWhileItIsHereThroughManyWraps) {
  std::mt19937_64 random(77);
  for (const size_t entries : {4U, 16U, 64U}) {
    Window window(entries, entries / 2);
    window.restart(Seq{1}, {});
    Seq answered{0};
    Hash128 l;
    std::deque<std::pair<size_t, Hash128>> sizes{{0, {}}};  // by seq, from `first` on
    for (int round = 0; round < 5'000; ++round) {
      const size_t size = random() % 4 == 0 ? random() % (kOpMax + 1) : random() % 80;
      const std::vector<uint8_t> op = op_of(window.next().value, size);
      if (push(window, op)) {
        const Seq seq = previous(window.next());
        l = next_l(l, {seq, kEpoch, CellTime{1}, WallTime{2}, EntryKind::op, op});
        sizes.emplace_back(size, l);
      } else {
        ASSERT_LT(answered, previous(window.next())) << "an empty window always takes one";
      }
      if (random() % 3 != 0 && next(answered) < window.next()) {
        answered = next(answered);
        window.answered(answered);
      }
      ASSERT_LE(window.oldest(), next(answered)) << "dropped before it was answered";
      for (Seq seq = window.oldest(); seq < window.next(); seq = next(seq)) {
        ASSERT_EQ(window.l_at(seq), sizes[seq.value].second);
        const std::vector<uint8_t> expected = op_of(seq.value, sizes[seq.value].first);
        ASSERT_TRUE(equal(window.view(seq).op, expected)) << "seq " << seq.value;
      }
    }
  }
}

TEST(WindowDeathTest, I1EntriesAreOrderedOneAfterTheOther) {
  Window window(8, 4);
  window.restart(Seq{1}, {});
  EXPECT_DEATH(window.push({Seq{2}, kEpoch, {}, {}, EntryKind::tick, {}}, {}), "I1");
}

}  // namespace
}  // namespace tercet::quorum
