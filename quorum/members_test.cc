#include "quorum/members.h"

#include <gtest/gtest.h>

#include "quorum/testing.h"

namespace tercet::quorum {
namespace {

using testing::kLives;
using testing::Story;

constexpr Epoch kFirst = make_epoch(1, ServerId::lb1);
constexpr Epoch kSecond = make_epoch(2, ServerId::lb2);

TEST(Members, GenesisNamesAllThree) {
  const Story story = Story().genesis(kFirst);
  Members table;
  EXPECT_TRUE(table.empty());
  note_members(table, story.entry(Seq{1}));
  for (const Slot slot : kSlots) {
    EXPECT_TRUE(table.names(slot, testing::life_of(slot)));
    EXPECT_FALSE(table.names(slot, Incarnation{0x99}));
    EXPECT_EQ(table.slots[index(slot)].epoch, kFirst);
    EXPECT_EQ(table.slots[index(slot)].seq, Seq{1});
  }
  EXPECT_FALSE(table.names(Slot::one, testing::life_of(Slot::two))) << "each slot its own";
}

TEST(Members, NobodyIsNamedByIncarnationZero) { EXPECT_FALSE(Members().names(Slot::one, Incarnation{0})); }

TEST(Members, OtherEntriesChangeNothing) {
  const Story story = Story().genesis(kFirst).start(kSecond, Slot::one).op(kSecond, "op");
  Members table;
  note_members(table, story.entry(Seq{1}));
  const Members before = table;
  note_members(table, story.entry(Seq{2}));
  note_members(table, story.entry(Seq{3}));
  EXPECT_EQ(table, before);
}

TEST(Members, AGenesisThatIsTooShortNamesNobody) {
  const Story story = Story().genesis(kFirst);
  EntryView entry = story.entry(Seq{1});
  entry.op = entry.op.first(sizeof(GenesisBody) - 1);
  Members table;
  note_members(table, entry);
  EXPECT_TRUE(table.empty());
  entry.op = {};
  note_members(table, entry);
  EXPECT_TRUE(table.empty());
}

TEST(Members, NewestGoesSlotBySlotByEpochThenSeq) {
  struct Case {
    const char* what;
    Member a;
    Member b;
    uint64_t expected;
  };
  const Incarnation old{1};
  const Incarnation young{2};
  const Case cases[] = {
      {"a higher epoch wins", {old, kFirst, Seq{9}}, {young, kSecond, Seq{2}}, 2},
      {"whichever side it is on", {young, kSecond, Seq{2}}, {old, kFirst, Seq{9}}, 2},
      {"in one epoch the higher seq", {old, kFirst, Seq{4}}, {young, kFirst, Seq{5}}, 2},
      {"anything is newer than nobody", {}, {young, kFirst, Seq{1}}, 2},
      {"nobody replaces no one", {old, kFirst, Seq{1}}, {}, 1},
  };
  for (const Case& one : cases) {
    for (const Slot slot : kSlots) {
      Members a;
      Members b;
      a.slots[index(slot)] = one.a;
      b.slots[index(slot)] = one.b;
      const Members table = newest(a, b);
      EXPECT_EQ(table.slots[index(slot)].incarnation.value, one.expected) << one.what;
      EXPECT_EQ(table.slots[(index(slot) + 1) % 3], Member{}) << "the others are not touched";
    }
  }
}

TEST(Members, TheTableGoesOverTheWireUnchanged) {
  Members table;
  for (const Slot slot : kSlots) {
    table.slots[index(slot)] = {Incarnation{kLives[index(slot)]}, kSecond, Seq{kSeqMax - index(slot)}};
  }
  WireMember wire[kBackends];
  write_members(table, wire);
  EXPECT_EQ(read_members(wire), table);
}

}  // namespace
}  // namespace tercet::quorum
