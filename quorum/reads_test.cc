#include "quorum/reads.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "quorum/testing.h"

namespace tercet::quorum {
namespace {

constexpr MonoTime kReadsBegin{1'000'000};
constexpr Seq kPlace{10};

SlotSet readers(std::initializer_list<Slot> slots) {
  SlotSet set;
  for (const Slot slot : slots) {
    set.add(slot);
  }
  return set;
}

struct Answer {
  uint32_t slot = 0;
  uint32_t generation = 0;
  Seq place = kPlace;
  std::string body;
  bool whole = true;
  bool hash_lies = false;
};
/// As the wire hands it over: the view borrows `bytes`.
AnswerView view_of(const Answer& answer, std::vector<uint8_t>& bytes) {
  AnswerHeader header{};
  header.slot = answer.slot;
  header.generation = answer.generation;
  header.epoch = make_epoch(1, ServerId::lb1).value;
  header.incarnation = 1;
  header.place = answer.place.value;
  bytes.assign(sizeof(header) + answer.body.size(), 0);
  bytes.resize(write_answer(header, as_bytes(answer.body), answer.whole, bytes));
  if (answer.hash_lies) {
    bytes[offsetof(AnswerHeader, hash)] ^= 1;
  }
  return std::get<AnswerView>(testing::opened(bytes));
}
bool take(Reads& reads, Slot from, const Answer& answer) {
  std::vector<uint8_t> bytes;
  return reads.answer(from, view_of(answer, bytes));
}

class ReadsTest : public ::testing::Test {
 protected:
  /// One read that stands at kPlace and asks these; returns its generation.
  uint32_t stand(SlotSet who) {
    EXPECT_TRUE(reads_.add(as_bytes("q"), Tag{1, 2}));
    uint32_t slot = 99;
    EXPECT_NE(reads_.waiting(slot), nullptr);
    reads_.placed(kPlace, who, kReadsBegin);
    slot_ = slot;
    return reads_.at(slot).generation;
  }
  std::string body() {
    const auto& b = reads_.at(slot_).body;
    return std::string(as_text({b.data(), b.size()}));
  }
  Reads reads_{4};
  uint32_t slot_ = 0;
};

TEST_F(ReadsTest, TwoEqualAnswersCountAndOneSendsTheBody) {
  const uint32_t g = stand(readers({Slot::one, Slot::three}));
  EXPECT_FALSE(take(reads_, Slot::one, {slot_, g, kPlace, "page", true}));
  EXPECT_TRUE(take(reads_, Slot::three, {slot_, g, kPlace, "page", false}));
  EXPECT_EQ(body(), "page");
}

TEST_F(ReadsTest, TheDigestMayComeFirst) {
  const uint32_t g = stand(readers({Slot::one, Slot::three}));
  EXPECT_FALSE(take(reads_, Slot::three, {slot_, g, kPlace, "page", false}));
  EXPECT_TRUE(take(reads_, Slot::one, {slot_, g, kPlace, "page", true}));
}

TEST_F(ReadsTest, WhatDoesNotCount) {
  struct Case {
    const char* what;
    Slot from;
    Answer answer;
  };
  const uint32_t g = stand(readers({Slot::one, Slot::two}));
  ASSERT_FALSE(take(reads_, Slot::one, {slot_, g, kPlace, "page", true}));
  const Case cases[] = {
      {"the same backend again", Slot::one, {slot_, g, kPlace, "page", false}},
      {"one that was not asked", Slot::three, {slot_, g, kPlace, "page", false}},
      {"another answer", Slot::two, {slot_, g, kPlace, "pagE", false}},
      {"of another place (review 2.9)", Slot::two, {slot_, g, Seq{9}, "page", false}},
      {"of the slot's former use", Slot::two, {slot_, g - 1, kPlace, "page", false}},
      {"of a slot that is free", Slot::two, {slot_ + 1, 0, kPlace, "page", false}},
      {"of a slot beyond the table", Slot::two, {4, g, kPlace, "page", false}},
      {"of a slot far beyond the table", Slot::two, {UINT32_MAX, g, kPlace, "page", false}},
  };
  for (const Case& one : cases) {
    EXPECT_FALSE(take(reads_, one.from, one.answer)) << one.what;
  }
  EXPECT_TRUE(take(reads_, Slot::two, {slot_, g, kPlace, "page", false})) << "the read still stands";
}

TEST_F(ReadsTest, ABodyThatIsNotItsHashIsNoBody) {
  const uint32_t g = stand(readers({Slot::one, Slot::two}));
  EXPECT_FALSE(take(reads_, Slot::one, {slot_, g, kPlace, "page", true, true}));
  EXPECT_FALSE(take(reads_, Slot::two, {slot_, g, kPlace, "page", false}));
  EXPECT_TRUE(take(reads_, Slot::one, {slot_, g, kPlace, "page", true}));
}

TEST_F(ReadsTest, TwoDigestsWithoutABodyAnswerNothing) {
  const uint32_t g = stand(kAllSlots);
  EXPECT_FALSE(take(reads_, Slot::one, {slot_, g, kPlace, "page", false}));
  EXPECT_FALSE(take(reads_, Slot::two, {slot_, g, kPlace, "page", false}));
  EXPECT_TRUE(take(reads_, Slot::three, {slot_, g, kPlace, "page", true}));
}

TEST_F(ReadsTest, ALyingBodyIsOutvotedByNobodyButAnswersNothing) {
  const uint32_t g = stand(kAllSlots);
  EXPECT_FALSE(take(reads_, Slot::one, {slot_, g, kPlace, "lie", true}));
  EXPECT_FALSE(take(reads_, Slot::two, {slot_, g, kPlace, "page", false}));
  EXPECT_FALSE(take(reads_, Slot::three, {slot_, g, kPlace, "page", false}));
}

TEST_F(ReadsTest, Review2_9AMissedReadGetsAFreshPlaceAndOldAnswersNoLongerCount) {
  const uint32_t g = stand(readers({Slot::one, Slot::two}));
  EXPECT_FALSE(take(reads_, Slot::one, {slot_, g, kPlace, "page", true}));
  uint32_t slot = 99;
  ASSERT_NE(reads_.oldest(slot), nullptr);
  reads_.miss();
  EXPECT_FALSE(take(reads_, Slot::two, {slot_, g, kPlace, "page", false})) << "no place at all now";
  ASSERT_NE(reads_.waiting(slot), nullptr);
  EXPECT_EQ(slot, slot_);
  EXPECT_EQ(reads_.at(slot).misses, 1U);
  reads_.placed(Seq{12}, readers({Slot::two, Slot::three}), kReadsBegin);
  const uint32_t again = reads_.at(slot).generation;
  EXPECT_NE(again, g);
  EXPECT_FALSE(take(reads_, Slot::two, {slot_, g, kPlace, "page", false})) << "the old place's answer";
  EXPECT_FALSE(take(reads_, Slot::two, {slot_, again, Seq{12}, "new page", true}));
  EXPECT_TRUE(take(reads_, Slot::three, {slot_, again, Seq{12}, "new page", false}));
  EXPECT_EQ(body(), "new page");
}

TEST_F(ReadsTest, BoundedInNumberAndInTheLengthOfAQuery) {
  const std::string long_query(65, 'q');
  EXPECT_FALSE(reads_.add(as_bytes(long_query), {}));
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(reads_.add(as_bytes("q"), {}));
  }
  EXPECT_EQ(reads_.used(), 4U);
  EXPECT_FALSE(reads_.add(as_bytes("q"), {}));
  reads_.free(2);
  EXPECT_TRUE(reads_.add(as_bytes("q"), {}));
}

TEST_F(ReadsTest, WhatWaitsIsPlacedInTheOrderItCame) {
  for (uint32_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(reads_.add(as_bytes("q"), Tag{i, 0}));
  }
  for (uint32_t i = 0; i < 3; ++i) {
    uint32_t slot = 0;
    const Reads::Read* read = reads_.waiting(slot);
    ASSERT_NE(read, nullptr);
    EXPECT_EQ(read->tag.slot, i);
    reads_.placed(kPlace, kAllSlots, kReadsBegin + milliseconds(i));
  }
  uint32_t slot = 0;
  EXPECT_EQ(reads_.waiting(slot), nullptr);
  const Reads::Read* oldest = reads_.oldest(slot);
  ASSERT_NE(oldest, nullptr);
  EXPECT_EQ(oldest->tag.slot, 0U);
  reads_.free(slot);  // answered: the next oldest is the second
  oldest = reads_.oldest(slot);
  ASSERT_NE(oldest, nullptr);
  EXPECT_EQ(oldest->tag.slot, 1U);
}

TEST_F(ReadsTest, ClearedNothingIsLeftAndNothingLateCounts) {
  const uint32_t g = stand(kAllSlots);
  reads_.clear();
  EXPECT_EQ(reads_.used(), 0U);
  uint32_t slot = 0;
  EXPECT_EQ(reads_.any(slot), nullptr);
  EXPECT_FALSE(take(reads_, Slot::one, {slot_, g, kPlace, "page", true}));
  EXPECT_FALSE(take(reads_, Slot::two, {slot_, g, kPlace, "page", true}));
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(reads_.add(as_bytes("q"), {}));
  }
}

TEST_F(ReadsTest, ThousandsOfReadsBehindOneThatIsStuckComeToAnEnd) {
  // The queues skip what was answered only from their front: one read that stands for long must not stop the
  // others for ever.
  const uint32_t stuck = stand(kAllSlots);
  const uint32_t stuck_slot = slot_;
  uint32_t slot = 0;
  unsigned placed = 0;
  for (int i = 0; i < 100; ++i) {
    if (reads_.add(as_bytes("q"), {}) && reads_.waiting(slot) != nullptr) {
      reads_.placed(kPlace, kAllSlots, kReadsBegin);
      reads_.free(slot);
      ++placed;
    }
  }
  EXPECT_LT(placed, 100U) << "bounded";
  ASSERT_NE(reads_.oldest(slot), nullptr);
  EXPECT_EQ(slot, stuck_slot);
  EXPECT_EQ(reads_.at(slot).generation, stuck);
  reads_.miss();
  EXPECT_EQ(reads_.oldest(slot), nullptr);
  EXPECT_NE(reads_.waiting(slot), nullptr);
}

TEST_F(ReadsTest, PatienceFollowsTheTimeThatAnswersTake) {
  for (int i = 0; i < 200; ++i) {
    reads_.answered_after(microseconds(200));
  }
  EXPECT_EQ(reads_.patience(), kReadAgainMin);
  for (int i = 0; i < 200; ++i) {
    reads_.answered_after(milliseconds(20));
  }
  EXPECT_GE(reads_.patience(), milliseconds(20));
  EXPECT_LE(reads_.patience(), milliseconds(25));
}

TEST_F(ReadsTest, PatienceDoublesOnceForThoseThatWereLateTogetherAndNotForEver) {
  for (int i = 0; i < 200; ++i) {
    reads_.answered_after(microseconds(200));
  }
  reads_.were_late(kReadsBegin);
  reads_.were_late(kReadsBegin);
  reads_.were_late(kReadsBegin + milliseconds(1));
  EXPECT_EQ(reads_.patience(), kReadAgainMin * 2);
  reads_.were_late(kReadsBegin + milliseconds(4));
  EXPECT_EQ(reads_.patience(), kReadAgainMin * 4);
  for (int i = 2; i < 40; ++i) {
    reads_.were_late(kReadsBegin + milliseconds(300) * i);
  }
  EXPECT_EQ(reads_.patience(), kReadAgainMax);
  reads_.answered_after(microseconds(200));
  EXPECT_EQ(reads_.patience(), kReadAgainMin);
}

}  // namespace
}  // namespace tercet::quorum
