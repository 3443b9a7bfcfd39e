#include "quorum/log_view.h"

#include <gtest/gtest.h>

#include "quorum/testing.h"

namespace tercet::quorum {
namespace {

using testing::life_of;
using testing::Story;

constexpr Epoch kLogFirst = make_epoch(1, ServerId::lb1);
constexpr Epoch kLogSecond = make_epoch(2, ServerId::lb2);

LogView small_log() { return LogView({64, 1 << 14}); }
void append(LogView& log, const Story& story, uint64_t from, uint64_t to) {
  for (uint64_t seq = from; seq <= to; ++seq) {
    log.append(story.entry(Seq{seq}), story.l(Seq{seq}), Lsn{seq + 100});
  }
}

TEST(LogView, AnEmptyLogEndsAtZeroAndMatchesOnlyThat) {
  const LogView log = small_log();
  EXPECT_TRUE(log.empty());
  EXPECT_EQ(log.last(), Seq{0});
  EXPECT_EQ(log.l_at(Seq{0}), Hash128{});
  EXPECT_EQ(log.epoch_at(Seq{0}), Epoch{});
  EXPECT_TRUE(log.matches(Seq{0}, {}));
  EXPECT_FALSE(log.matches(Seq{0}, {1, 0}));
  EXPECT_FALSE(log.matches(Seq{1}, {}));
  EXPECT_FALSE(log.has(Seq{0}));
}

TEST(LogView, KeepsWhatWasAppended) {
  const Story story = Story().genesis(kLogFirst).ops(kLogFirst, 3).start(kLogSecond, Slot::two);
  LogView log = small_log();
  append(log, story, 1, 5);
  log.set_s(Seq{3}, {3, 33});
  EXPECT_EQ(log.last(), Seq{5});
  for (Seq seq{1}; seq <= log.last(); seq = next(seq)) {
    const EntryView mine = log.entry(seq);
    const EntryView theirs = story.entry(seq);
    EXPECT_EQ(mine.seq, theirs.seq);
    EXPECT_EQ(mine.epoch, theirs.epoch);
    EXPECT_EQ(mine.cell, theirs.cell);
    EXPECT_EQ(mine.wall, theirs.wall);
    EXPECT_EQ(mine.kind, theirs.kind);
    EXPECT_TRUE(equal(mine.op, theirs.op));
    EXPECT_EQ(log.lsn_at(seq), Lsn{seq.value + 100});
    EXPECT_TRUE(log.matches(seq, story.l(seq)));
    EXPECT_FALSE(log.matches(seq, {story.l(seq).low, 0}));
  }
  EXPECT_EQ(log.s_at(Seq{3}), (Hash128{3, 33}));
  EXPECT_EQ(log.epoch_at(Seq{5}), kLogSecond);
  EXPECT_FALSE(log.matches(Seq{6}, {}));
}

TEST(LogView, ACutDropsTheFirstAndAllLaterAndGivesTheirRoomBack) {
  const Story story = Story().genesis(kLogFirst).ops(kLogFirst, 5);
  LogView log = small_log();
  append(log, story, 1, 6);
  log.cut(Seq{4});
  EXPECT_EQ(log.last(), Seq{3});
  EXPECT_FALSE(log.has(Seq{4}));
  const Story other = story.until(3).start(kLogSecond, Slot::one).ops(kLogSecond, 2);
  append(log, other, 4, 6);
  EXPECT_TRUE(log.matches(Seq{6}, other.l(Seq{6})));
  EXPECT_FALSE(log.matches(Seq{4}, story.l(Seq{4})));
  log.cut(Seq{9});
  EXPECT_EQ(log.last(), Seq{6}) << "a cut behind the end is none";
  log.cut(Seq{0});
  EXPECT_EQ(log.last(), Seq{6});
  log.cut(Seq{1});
  EXPECT_TRUE(log.empty());
}

TEST(LogView, MembersAreThoseAtTheLogsEnd) {
  const Story story = Story().genesis(kLogFirst).ops(kLogFirst, 2);
  LogView log = small_log();
  EXPECT_TRUE(log.members().empty());
  append(log, story, 1, 3);
  EXPECT_TRUE(log.members().names(Slot::three, life_of(Slot::three)));
  log.cut(Seq{2});
  EXPECT_TRUE(log.members().names(Slot::three, life_of(Slot::three)));
  log.cut(Seq{1});
  EXPECT_TRUE(log.members().empty()) << "the Genesis that named them is gone";
}

TEST(LogView, FullByEntriesOrByBytesBeforeAnythingOverflows) {
  LogView log({4, 200});
  const Story story = Story().genesis(kLogFirst).ops(kLogFirst, 3);
  append(log, story, 1, 3);
  EXPECT_FALSE(log.full(10));
  EXPECT_TRUE(log.full(200)) << "too few bytes";
  append(log, story, 4, 4);
  EXPECT_TRUE(log.full(0)) << "no more entries";
}

TEST(LogView, ACopyIsALogOfItsOwn) {
  const Story story = Story().genesis(kLogFirst).ops(kLogFirst, 3);
  LogView log = small_log();
  append(log, story, 1, 3);
  LogView copy = log;
  copy.cut(Seq{2});
  EXPECT_EQ(log.last(), Seq{3});
  EXPECT_TRUE(equal(log.entry(Seq{3}).op, story.entry(Seq{3}).op));
}

TEST(LogViewDeathTest, I1EntriesAreAppendedInOrder) {
  LogView log = small_log();
  const Story story = Story().genesis(kLogFirst).ops(kLogFirst, 3);
  EXPECT_DEATH(append(log, story, 2, 2), "I1");
}

// ---- a log that begins behind a checkpoint

Story with_rejoin() {
  Story story = Story().genesis(kLogFirst).ops(kLogFirst, 3);
  RejoinBody body{};
  body.incarnation = 0x44;
  story.add(EntryKind::rejoin, kLogSecond, bytes_of(body));
  return story.ops(kLogSecond, 5);
}

TEST(LogView, WhatIsDroppedAtTheFrontLeavesItsPlaceAsTheBase) {
  const Story story = with_rejoin();
  for (uint64_t through = 1; through <= 10; ++through) {
    LogView log = small_log();
    append(log, story, 1, 10);
    log.set_s(Seq{through}, {through, 7});
    log.drop_through(Seq{through});
    const LogView::Base& base = log.base();
    EXPECT_EQ(base.seq, Seq{through});
    EXPECT_EQ(base.l, story.l(Seq{through}));
    EXPECT_EQ(base.s, (Hash128{through, 7}));
    EXPECT_EQ(base.epoch, story.entry(Seq{through}).epoch);
    EXPECT_EQ(base.cell, story.entry(Seq{through}).cell);
    EXPECT_EQ(base.members.slots[0].incarnation, through < 5 ? life_of(Slot::one) : Incarnation{0x44});
    EXPECT_EQ(log.members().slots[0].incarnation, Incarnation{0x44}) << "as at its end";
    EXPECT_EQ(log.last(), Seq{10});
    EXPECT_FALSE(log.empty());
    EXPECT_FALSE(log.has(Seq{through}));
    EXPECT_TRUE(log.matches(Seq{through}, story.l(Seq{through})));
    EXPECT_FALSE(log.matches(Seq{through}, {}));
    if (through > 1) {
      EXPECT_FALSE(log.matches(Seq{through - 1}, story.l(Seq{through - 1}))) << "it cannot tell any more";
    }
    for (uint64_t seq = through + 1; seq <= 10; ++seq) {
      EXPECT_TRUE(equal(log.entry(Seq{seq}).op, story.entry(Seq{seq}).op));
      EXPECT_EQ(log.l_at(Seq{seq}), story.l(Seq{seq}));
    }
  }
}

TEST(LogView, ACutAboveTheBaseBringsItsMembersBack) {
  const Story story = with_rejoin();
  LogView log = small_log();
  append(log, story, 1, 10);
  log.drop_through(Seq{4});
  log.cut(Seq{5});
  EXPECT_EQ(log.last(), Seq{4});
  EXPECT_EQ(log.members().slots[0].incarnation, life_of(Slot::one));
  append(log, story, 5, 10);
  EXPECT_EQ(log.members().slots[0].incarnation, Incarnation{0x44});
}

TEST(LogView, BeginsAnewBehindACheckpoint) {
  const Story story = with_rejoin();
  LogView log = small_log();
  append(log, story, 1, 3);
  LogView::Base base;
  base.seq = Seq{7};
  base.epoch = kLogSecond;
  base.l = story.l(Seq{7});
  base.s = {77, 7};
  base.members.slots[0].incarnation = Incarnation{0x44};
  log.restart(base);
  EXPECT_EQ(log.last(), Seq{7});
  EXPECT_FALSE(log.empty());
  EXPECT_EQ(log.s_at(Seq{7}), base.s);
  EXPECT_EQ(log.members(), base.members);
  append(log, story, 8, 10);
  EXPECT_TRUE(log.matches(Seq{10}, story.l(Seq{10})));
  log.cut(Seq{8});
  EXPECT_EQ(log.last(), Seq{7});
}

TEST(LogView, DroppedAsItGrowsItNeverFills) {
  LogView log({64, 1 << 17});
  Story story = Story().genesis(kLogFirst);
  append(log, story, 1, 1);
  Hash128 l = story.l(Seq{1});
  const std::vector<uint8_t> op(900, 'x');
  for (uint64_t seq = 2; seq < 20'000; ++seq) {
    const EntryView entry{Seq{seq}, kLogFirst, CellTime{1}, WallTime{1}, EntryKind::op, op};
    ASSERT_FALSE(log.full(op.size())) << seq;
    log.append(entry, l, Lsn{seq});
    if (seq % 50 == 0) {
      log.drop_through(Seq{seq - 10});
    }
  }
  EXPECT_EQ(log.last(), Seq{19'999});
}

}  // namespace
}  // namespace tercet::quorum
