#include "quorum/takeover.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "quorum/testing.h"
#include "wire/vote.h"

namespace tercet::quorum {
namespace {

/// Genesis of `epoch` named these lives.
Members table_of(Epoch epoch, std::array<uint64_t, kBackends> lives = testing::kLives) {
  Members table;
  for (const Slot slot : kSlots) {
    table.slots[index(slot)] = {Incarnation{lives[index(slot)]}, epoch, Seq{1}};
  }
  return table;
}

/// What one slot promised; nobody: it has not answered.
struct Word {
  Promised promised;
  static Word nobody() { return {}; }
  static Word log(Slot slot, Epoch last_epoch, uint64_t last, const Members& table = table_of(kE1)) {
    Word word;
    Promised& p = word.promised;
    p.here = true;
    p.flags = kMember;
    p.admitted = true;
    p.incarnation = testing::life_of(slot);
    p.last_epoch = last_epoch;
    p.last = Seq{last};
    p.l = {last * 1000 + last_epoch.value, index(slot)};
    p.cell = CellTime{static_cast<int64_t>(last * 10)};
    p.wall = WallTime{static_cast<int64_t>(last * 100)};
    p.members = table;
    return word;
  }
  static Word blank(Slot slot) {
    Word word;
    word.promised.here = true;
    word.promised.flags = kBlank;
    word.promised.incarnation = testing::life_of(slot);
    return word;
  }
  Word life(uint64_t incarnation) const {
    Word word = *this;
    word.promised.incarnation = Incarnation{incarnation};
    return word;
  }
  Word flag(uint8_t flag) const {
    Word word = *this;
    word.promised.flags |= flag;
    return word;
  }
  Word not_admitted() const {
    Word word = *this;
    word.promised.admitted = false;
    return word;
  }
  Word knows(const Members& table) const {
    Word word = *this;
    word.promised.members = table;
    return word;
  }
};

std::optional<Choice> choose_of(const Word& one, const Word& two, const Word& three, SlotSet left_out = {}) {
  return choose({one.promised, two.promised, three.promised}, left_out);
}
/// "none", "genesis", or "b1 at 5", with "!" when all three must vote before clients are served.
std::string text_of(const std::optional<Choice>& choice) {
  if (!choice) {
    return "none";
  }
  std::string text = choice->genesis ? "genesis"
                                     : "b" + std::to_string(index(choice->source) + 1) + " at " +
                                           std::to_string(choice->last.value);
  return choice->all_three ? text + "!" : text;
}

TEST(Takeover3, WithTwoPromisesTheHighestEpochOfTheLastEntryThenTheHighestSeqIsChosen) {
  const Word none = Word::nobody();
  struct Case {
    const char* what;
    Word one, two, three;
    const char* chosen;
  };
  const Case cases[] = {
      {"no promise", none, none, none, "none"},
      {"one promise", Word::log(B1, kE1, 5), none, none, "none"},
      {"the longer log of one epoch", Word::log(B1, kE1, 5), Word::log(B2, kE1, 7), none, "b2 at 7"},
      {"in whichever slot", none, Word::log(B2, kE1, 5), Word::log(B3, kE1, 4), "b2 at 5"},
      {"review A7c: a higher epoch beats a longer log", Word::log(B1, kE1, 9), Word::log(B2, kE2, 6), none,
       "b2 at 6"},
      {"of three the best", Word::log(B1, kE1, 9), Word::log(B2, kE2, 6), Word::log(B3, kE2, 7), "b3 at 7"},
      {"equal logs: any of them", Word::log(B1, kE2, 7), Word::log(B2, kE2, 7), none, "b1 at 7"},
      {"state plays no part: a divergent one's log counts", Word::log(B1, kE1, 5),
       Word::log(B2, kE1, 7).flag(kDivergent), none, "b2 at 7"},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(text_of(choose_of(one.one, one.two, one.three)), one.chosen) << one.what;
  }
}

TEST(Takeover3, TheChoiceCarriesTheChosenLogsEndTimesAndMembers) {
  const auto choice = choose_of(Word::log(B1, kE1, 9), Word::log(B2, kE2, 6), Word::nobody());
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->source, B2);
  EXPECT_EQ(choice->last, Seq{6});
  EXPECT_EQ(choice->last_epoch, kE2);
  EXPECT_EQ(choice->l, (Hash128{6000 + kE2.value, 1}));
  EXPECT_EQ(choice->cell, CellTime{60}) << "review 2.8: the LB has no log, the Promise has its last times";
  EXPECT_EQ(choice->wall, WallTime{600});
  EXPECT_EQ(choice->members, table_of(kE1));
}

TEST(Takeover3, ReviewA2APromiseOfALifeThatTheNewestTableDoesNotNameCountsForNothing) {
  // B3 lost its disk and was rejoined as 0x44 in epoch 2; its former life's Promise is still around.
  Members rejoined = table_of(kE1);
  rejoined.slots[2] = {Incarnation{0x44}, kE2, Seq{6}};
  const Word old_life = Word::log(B3, kE1, 5);
  EXPECT_EQ(text_of(choose_of(Word::log(B1, kE2, 8, rejoined), Word::nobody(), old_life)), "none");
  EXPECT_EQ(text_of(choose_of(Word::log(B1, kE2, 8, rejoined), Word::nobody(),
                              Word::log(B3, kE2, 7, rejoined).life(0x44))),
            "b1 at 8");
  // Even when the one that knows of the Rejoin has the shorter log by itself.
  EXPECT_EQ(text_of(choose_of(Word::log(B1, kE2, 6, rejoined), Word::nobody(), Word::log(B3, kE1, 90))),
            "none");
}

TEST(Takeover3, Review3_2ALifeThatARejoinNamedCountsOnlyWhenAdmitted) {
  Members rejoined = table_of(kE1);
  rejoined.slots[2] = {Incarnation{0x44}, kE2, Seq{6}};
  const Word fresh = Word::log(B3, kE2, 7, rejoined).life(0x44);
  EXPECT_EQ(text_of(choose_of(Word::log(B1, kE2, 6, rejoined), Word::nobody(), fresh.not_admitted())),
            "none");
  EXPECT_EQ(text_of(choose_of(Word::log(B1, kE2, 6, rejoined), Word::nobody(), fresh)), "b3 at 7");
}

TEST(Takeover3, TheTableOfALeftOutPromiseStillJudges) {
  Members rejoined = table_of(kE1);
  rejoined.slots[2] = {Incarnation{0x44}, kE2, Seq{6}};
  SlotSet left_out;
  left_out.add(B1);
  EXPECT_EQ(text_of(choose_of(Word::log(B1, kE2, 8, rejoined), Word::log(B2, kE1, 5), Word::log(B3, kE1, 5),
                              left_out)),
            "none");
}

// By an operator's order slot 3 is vacant: of the two that are left each votes each entry, so either knows
// all.

Members vacant_table() {
  Members table = table_of(kE1);
  table.slots[1] = {Incarnation{0x44}, kE2, Seq{6}};
  table.slots[2] = {Incarnation{0}, kE2, Seq{6}};
  return table;
}

TEST(TakeoverForced, BehindAVacantSlotOnePromiseIsEnough) {
  const Word none = Word::nobody();
  EXPECT_EQ(text_of(choose_of(Word::log(B1, kE2, 7, vacant_table()), none, none)), "b1 at 7");
  EXPECT_EQ(text_of(choose_of(none, Word::log(B2, kE2, 8, vacant_table()).life(0x44), none)), "b2 at 8");
  EXPECT_EQ(text_of(choose_of(none, Word::log(B2, kE2, 8, vacant_table()).life(0x44).not_admitted(), none)),
            "none")
      << "not of one that is not admitted";
  EXPECT_EQ(text_of(choose_of(Word::log(B1, kE1, 5), none, none)), "none") << "without a vacancy it is not";
}

TEST(TakeoverForced, WhoWasGivenUpCountsNoMore) {
  const Word survivor = Word::log(B1, kE2, 7, vacant_table());
  EXPECT_EQ(text_of(choose_of(survivor, Word::nobody(), Word::log(B3, kE1, 99))), "b1 at 7");
  EXPECT_EQ(text_of(choose_of(survivor, Word::log(B2, kE1, 99), Word::log(B3, kE1, 99))), "b1 at 7")
      << "neither does the former life of the one that was taken in";
  // A wiped disk is no blank one of this cell's Genesis, also when all three answer.
  const auto choice = choose_of(survivor, Word::blank(B2).life(0x44), Word::log(B3, kE1, 9));
  EXPECT_EQ(text_of(choice), "b1 at 7");
  EXPECT_TRUE(choice->alone);
}

TEST(TakeoverForced, OnceTheThirdIsBackTwoAreNeededAgain) {
  Members table = vacant_table();
  table.slots[2] = {Incarnation{0x55}, kE2, Seq{9}};
  EXPECT_EQ(text_of(choose_of(Word::log(B1, kE2, 9, table), Word::nobody(), Word::nobody())), "none");
  // One that lags still sees the vacancy; beside one that does not it is not enough either.
  EXPECT_EQ(text_of(choose_of(Word::log(B1, kE2, 9, table), Word::nobody(),
                              Word::log(B3, kE2, 9, table).life(0x55).not_admitted())),
            "none");
}

TEST(TakeoverForced, AnOrderIsChosenOnlyOfTheSurvivorsPromiseAlone) {
  const Promises alone{Word::log(B1, kE1, 5).promised, {}, {}};
  EXPECT_EQ(text_of(choose_alone(alone, {})), "b1 at 5");
  const Promises two{Word::log(B1, kE1, 5).promised, {}, Word::log(B3, kE1, 5).promised};
  EXPECT_EQ(text_of(choose_alone(two, {})), "none");
  EXPECT_EQ(text_of(choose_alone({Word::blank(B1).promised, {}, {}}, {})), "none") << "there is no log";
}

TEST(FirstStart, OnlyAllThreeEmptyMakeAGenesisAndAllThreeMustVoteIt) {
  const Word none = Word::nobody();
  EXPECT_EQ(text_of(choose_of(Word::blank(B1), Word::blank(B2), Word::blank(B3))), "genesis!");
  EXPECT_EQ(text_of(choose_of(Word::blank(B1), Word::blank(B2), none)), "none") << "review A11";
  EXPECT_EQ(text_of(choose_of(none, Word::blank(B2), none)), "none");
}

TEST(FirstStart, Review3_1AnEmptyPromiseCountsOnlyWhenAllThreeSlotsHaveAnswered) {
  // B2 took Genesis, B1 missed it, B3 is silent: nothing may be chosen yet.
  const Word with_log = Word::log(B2, kE2, 1, table_of(kE2));
  EXPECT_EQ(text_of(choose_of(Word::blank(B1), with_log, Word::nobody())), "none");
  // All three answered: it goes on from Genesis, and serves when all three voted.
  EXPECT_EQ(text_of(choose_of(Word::blank(B1), with_log, Word::log(B3, kE2, 1, table_of(kE2)))), "b2 at 1!");
  EXPECT_EQ(text_of(choose_of(Word::blank(B1), with_log, Word::blank(B3))), "b2 at 1!");
}

TEST(FirstStart, Review3_1AWipedDiskIsNoBlankOneOfThisCell) {
  // Genesis named 0x33; B3 answers with an empty disk and a new life. B1 is blank still.
  const Word with_log = Word::log(B2, kE2, 1, table_of(kE2));
  EXPECT_EQ(text_of(choose_of(Word::nobody(), with_log, Word::blank(B3).life(0x99))), "none");
  // With B1 there is a second one whose life Genesis names.
  EXPECT_EQ(text_of(choose_of(Word::blank(B1), with_log, Word::blank(B3).life(0x99))), "b2 at 1!");
  // Of three answers, two of lives that no table names: one is not enough.
  EXPECT_EQ(text_of(choose_of(Word::blank(B1).life(0x98), with_log, Word::blank(B3).life(0x99))), "none");
}

TEST(FirstStart, Review2_6AnAmnesiacPromiseCountsForNothingEmptyOrNot) {
  EXPECT_EQ(text_of(choose_of(Word::blank(B1), Word::blank(B2), Word::blank(B3).flag(kAmnesiac))), "none");
  EXPECT_EQ(text_of(choose_of(Word::log(B1, kE1, 5), Word::log(B2, kE1, 7).flag(kAmnesiac), Word::nobody())),
            "none");
  // It is not the third answer either.
  EXPECT_EQ(text_of(choose_of(Word::blank(B1), Word::log(B2, kE2, 1, table_of(kE2)),
                              Word::blank(B3).flag(kAmnesiac))),
            "none");
  // Nor does its table judge.
  Members stranger = table_of(kE3, {1, 2, 3});
  EXPECT_EQ(text_of(choose_of(Word::log(B1, kE1, 5), Word::log(B2, kE1, 4),
                              Word::log(B3, kE3, 9, stranger).flag(kAmnesiac))),
            "b1 at 5");
}

TEST(Takeover4, Review3_5ASourceThatGaveNothingIsLeftOutOfTheNextChoice) {
  SlotSet left_out;
  left_out.add(B2);
  const Word one = Word::log(B1, kE1, 5);
  const Word two = Word::log(B2, kE2, 9);
  const Word three = Word::log(B3, kE1, 4);
  EXPECT_EQ(text_of(choose_of(one, two, three)), "b2 at 9");
  EXPECT_EQ(text_of(choose_of(one, two, three, left_out)), "b1 at 5");
  EXPECT_EQ(text_of(choose_of(one, two, Word::nobody(), left_out)), "none") << "two others are needed";
}

TEST(Takeover3, ThePlantedBugsChooseOtherwise) {
#ifdef TERCET_TEST_FAULTS
  plant(Mutant::choose_highest_seq_without_epoch);
  EXPECT_EQ(text_of(choose_of(Word::log(B1, kE1, 9), Word::log(B2, kE2, 6), Word::nobody())), "b1 at 9");
  plant(Mutant::genesis_from_two_empty_promises);
  EXPECT_EQ(text_of(choose_of(Word::blank(B1), Word::blank(B2), Word::nobody())), "genesis!");
  plant(Mutant::none);
#else
  GTEST_SKIP() << "built without planted bugs";
#endif
}

}  // namespace
}  // namespace tercet::quorum
