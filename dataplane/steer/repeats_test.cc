#include "dataplane/steer/repeats.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace tercet::dataplane {
namespace {

Handle handle_of(uint64_t n) {
  Handle handle;
  std::mt19937_64 random(n + 1);
  for (uint8_t& byte : handle.bytes) {
    byte = static_cast<uint8_t>(random());
  }
  return handle;
}
constexpr quorum::Tag kTag{3, 4};

TEST(Repeats, KnowsTheNewestRequestOfAHandleAndItsAnswerOnceItIsThere) {
  Repeats repeats(4);
  const Handle handle = handle_of(1);
  EXPECT_EQ(repeats.find(handle), nullptr);
  repeats.note(handle, 7, kTag);
  const Repeats::Entry* entry = repeats.find(handle);
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->request, 7U);
  EXPECT_EQ(entry->tag, kTag);
  EXPECT_FALSE(entry->answered);
  repeats.answer(handle, 7, as_bytes("granted"));
  EXPECT_TRUE(entry->answered);
  EXPECT_TRUE(equal(repeats.answer_of(*entry), as_bytes("granted")));
}

TEST(Repeats, EachHandleHasItsOwnAnswer) {
  Repeats repeats(4);
  for (uint64_t i = 0; i < 12; ++i) {
    repeats.note(handle_of(i), 1, kTag);
    repeats.answer(handle_of(i), 1, as_bytes("answer " + std::to_string(i)));
  }
  unsigned kept = 0;
  for (uint64_t i = 0; i < 12; ++i) {
    if (const Repeats::Entry* entry = repeats.find(handle_of(i)); entry != nullptr) {
      EXPECT_EQ(as_text(repeats.answer_of(*entry)), "answer " + std::to_string(i));
      ++kept;
    }
  }
  EXPECT_GE(kept, 4U);
  const std::vector<uint8_t> longest(kResultMax, 0x5A);
  repeats.note(handle_of(0), 2, kTag);
  repeats.answer(handle_of(0), 2, longest);
  EXPECT_TRUE(equal(repeats.answer_of(*repeats.find(handle_of(0))), longest));
}

TEST(Repeats, ANewerRequestTakesTheOldOnesPlaceAndALateAnswerOfItIsDropped) {
  Repeats repeats(4);
  const Handle handle = handle_of(1);
  repeats.note(handle, 7, kTag);
  repeats.note(handle, 8, {5, 6});
  repeats.answer(handle, 7, as_bytes("old"));
  EXPECT_FALSE(repeats.find(handle)->answered);
  EXPECT_EQ(repeats.find(handle)->request, 8U);
  repeats.answer(handle_of(2), 8, as_bytes("nobody's"));
  EXPECT_EQ(repeats.find(handle_of(2)), nullptr);
}

TEST(Repeats, WhatHasAnUnknownOutcomeIsForgottenWhatIsAnsweredIsNot) {
  Repeats repeats(4);
  const Handle handle = handle_of(1);
  repeats.note(handle, 7, kTag);
  repeats.forget(handle, 6);
  EXPECT_NE(repeats.find(handle), nullptr) << "another request";
  repeats.forget(handle, 7);
  EXPECT_EQ(repeats.find(handle), nullptr);
  repeats.note(handle, 7, kTag);
  repeats.answer(handle, 7, as_bytes("granted"));
  repeats.forget(handle, 7);
  EXPECT_NE(repeats.find(handle), nullptr) << "an answer stays right in any epoch";
  repeats.forget(handle_of(9), 1);
}

TEST(Repeats, AFullSetOverwritesWhatIsAnsweredBeforeWhatIsInFlight) {
  Repeats repeats(1);  // one set of four
  for (uint64_t i = 0; i < 4; ++i) {
    repeats.note(handle_of(i), 1, kTag);
  }
  repeats.answer(handle_of(2), 1, as_bytes("granted"));
  repeats.note(handle_of(10), 1, kTag);
  EXPECT_EQ(repeats.find(handle_of(2)), nullptr);
  for (const uint64_t i : {0U, 1U, 3U, 10U}) {
    EXPECT_NE(repeats.find(handle_of(i)), nullptr) << i;
  }
  repeats.note(handle_of(11), 1, kTag);  // all in flight: one of them goes, the book still knows it
  unsigned left = 0;
  for (const uint64_t i : {0U, 1U, 3U, 10U, 11U}) {
    left += repeats.find(handle_of(i)) != nullptr ? 1U : 0U;
  }
  EXPECT_EQ(left, 4U);
  EXPECT_NE(repeats.find(handle_of(11)), nullptr);
}

TEST(Repeats, ItsPlacesAreUsedInTurn) {
  Repeats repeats(1);
  for (uint64_t i = 0; i < 100; ++i) {
    repeats.note(handle_of(i), 1, kTag);
    repeats.answer(handle_of(i), 1, as_bytes("x"));
    if (i >= 3) {
      for (uint64_t j = i - 3; j <= i; ++j) {
        EXPECT_NE(repeats.find(handle_of(j)), nullptr) << "the newest four";
      }
    }
  }
}

TEST(Repeats, HandlesSpreadOverTheSets) {
  Repeats repeats(256);
  unsigned kept = 0;
  for (uint64_t i = 0; i < 512; ++i) {
    repeats.note(handle_of(i), 1, kTag);
  }
  for (uint64_t i = 0; i < 512; ++i) {
    kept += repeats.find(handle_of(i)) != nullptr ? 1U : 0U;
  }
  EXPECT_GT(kept, 450U) << "half full: few sets overflow";
}

}  // namespace
}  // namespace tercet::dataplane
