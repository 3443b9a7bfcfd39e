#include "base/chunked.h"

#include <gtest/gtest.h>

#include <deque>

namespace tercet {
namespace {

using Small = Chunked<uint32_t, 8>;

TEST(Chunked, ItemsKeepTheirIndexWhateverGoes) {
  Small array(64);
  for (uint32_t i = 0; i < 30; ++i) {
    array.push_back(i * 10);
  }
  array.drop_front(13);
  array.cut(27);
  EXPECT_EQ(array.first(), 13U);
  EXPECT_EQ(array.end(), 27U);
  for (uint64_t i = 13; i < 27; ++i) {
    EXPECT_EQ(array[i], i * 10);
  }
  array.push_back(1);
  EXPECT_EQ(array[27], 1U);
  EXPECT_EQ(array[26], 260U);
}

TEST(Chunked, APieceStandsInOnePiece) {
  Small array(64);
  const uint32_t piece[5] = {1, 2, 3, 4, 5};
  EXPECT_EQ(array.append(piece), 0U);
  EXPECT_EQ(array.append(piece), 8U) << "it did not fit the first chunk";
  EXPECT_EQ(array.append(std::span(piece).first(3)), 13U);
  EXPECT_EQ((&array[8])[4], 5U);
  EXPECT_EQ(array[15], 3U);
  EXPECT_EQ(array.append({}), 16U);
}

TEST(Chunked, DroppedAtTheFrontItNeedsNoMoreRoomThanItHolds) {
  Small array(32);
  for (uint32_t i = 0; i < 100'000; ++i) {
    ASSERT_TRUE(array.has_room(1)) << i;
    array.push_back(i);
    if (array.end() - array.first() > 20) {
      array.drop_front(array.end() - 10);
    }
    ASSERT_EQ(array[array.first()], array.first());
  }
}

TEST(Chunked, FullMeansFull) {
  Small array(16);
  size_t items = 0;
  while (array.has_room(1)) {
    array.push_back(0);
    ++items;
  }
  EXPECT_GE(items, 16U);
  EXPECT_DEATH(array.push_back(0), "full");
  array.drop_front(8);
  EXPECT_TRUE(array.has_room(8));
}

TEST(Chunked, BeginsAnewAtAnyIndex) {
  Small array(32);
  for (const uint64_t first : {uint64_t{5}, uint64_t{1'000'003}, uint64_t{1} << 40U, uint64_t{16}}) {
    for (int round = 0; round < 100; ++round) {
      array.restart(first);
      EXPECT_EQ(array.first(), first);
      EXPECT_EQ(array.end(), first);
      for (uint32_t i = 0; i < 20; ++i) {
        array.push_back(i);
      }
      for (uint32_t i = 0; i < 20; ++i) {
        ASSERT_EQ(array[first + i], i);
      }
    }
  }
}

TEST(Chunked, AgainstADequeOverAnyMixOfChanges) {
  Small array(256);
  std::deque<uint32_t> model;
  uint64_t model_first = 0;
  uint64_t dice = 7;
  const auto roll = [&dice](uint64_t n) {
    dice = dice * 6364136223846793005U + 1442695040888963407U;
    return (dice >> 33U) % n;
  };
  for (uint32_t i = 0; i < 200'000; ++i) {
    const uint64_t what = roll(10);
    if (what < 7 && model.size() < 200) {
      array.push_back(i);
      model.push_back(i);
    } else if (what == 7) {
      const uint64_t n = roll(model.size() + 1);
      array.cut(model_first + n);
      model.resize(n);
    } else if (what == 8) {
      const uint64_t n = roll(model.size() + 1);
      array.drop_front(model_first + n);
      model.erase(model.begin(), model.begin() + static_cast<ptrdiff_t>(n));
      model_first += n;
    } else if (roll(50) == 0) {
      model_first = roll(1'000'000);
      array.restart(model_first);
      model.clear();
    }
    ASSERT_EQ(array.first(), model_first);
    ASSERT_EQ(array.end(), model_first + model.size());
    for (const uint64_t n : {uint64_t{0}, roll(model.size() + 1), uint64_t{model.size()}}) {
      if (n < model.size()) {
        ASSERT_EQ(array[model_first + n], model[n]);
      }
    }
  }
}

}  // namespace
}  // namespace tercet
