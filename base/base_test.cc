#include <gtest/gtest.h>
#include <xxhash.h>

#include <vector>

#include "base/check.h"
#include "base/endian.h"
#include "base/fixed.h"
#include "base/hash.h"
#include "base/hash_wide.h"
#include "base/huge_vector.h"
#include "base/time.h"

namespace tercet {
namespace {

TEST(Endian, FieldsKeepTheirByteOrder) {
  const Le32 little = 0x01020304;
  const Be32 big = 0x01020304;
  EXPECT_EQ(little.raw[0], 4);
  EXPECT_EQ(big.raw[0], 1);
  EXPECT_EQ(little.get(), big.get());
}

TEST(Hash, IsTheSameOnEveryMachine) {
  const Hash128 h = hash128(as_bytes("tercet"));
  EXPECT_EQ(h, hash128(as_bytes("tercet")));
  EXPECT_NE(h, hash128(as_bytes("tercet"), 1));
  EXPECT_NE(h, hash128(as_bytes("tercets")));
}

TEST(Hash, IsXxh3WhateverTheCpuHas) {
  std::vector<uint8_t> bytes;
  for (size_t size = 0; size < 1500; ++size) {
    const uint64_t expected = XXH3_64bits(bytes.data(), size);
    ASSERT_EQ(hash64(bytes), expected) << size;
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2") != 0) {
      ASSERT_EQ(hash64_wide(bytes), expected) << size;
    }
#endif
    bytes.push_back(static_cast<uint8_t>(size * 131 + 7));
  }
  EXPECT_NE(hash64(bytes), hash64(bytes, 1));
}

TEST(HugeVector, IsAVectorSmallOrLarge) {
  struct alignas(64) Line {
    uint64_t words[8];
  };
  for (const size_t count : {size_t{3}, detail::kHugeFrom / sizeof(Line) - 1,
                             detail::kHugeFrom / sizeof(Line), 3 * detail::kHugeFrom / sizeof(Line) + 1}) {
    HugeVector<Line> lines(count);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(lines.data()) % 64, 0U);
    EXPECT_EQ(lines.back().words[7], 0U);
    lines.back().words[7] = 7;
    HugeVector<Line> copy = lines;
    lines.clear();
    lines.shrink_to_fit();
    ASSERT_EQ(copy.size(), count);
    EXPECT_EQ(copy.back().words[7], 7U);
  }
  EXPECT_TRUE(HugeVector<Line>(0).empty());
}

TEST(FixedVector, BoundsAreChecked) {
  FixedVector<int, 2> v{1};
  v.add() = 2;
  EXPECT_EQ(v.back(), 2);
  EXPECT_EQ(v.size(), 2U);
  EXPECT_FALSE(v.try_push(3));
  EXPECT_DEATH(v.push_back(3), "FixedVector overflow");
  EXPECT_DEATH(v.add(), "FixedVector overflow");
}

TEST(Check, NamesTheInvariant) { EXPECT_DEATH(TERCET_CHECK(false, "I9: pigs fly"), "I9: pigs fly"); }

TEST(Time, MillisecondsAreNotNanoseconds) {
  EXPECT_EQ((CellTime{5} + milliseconds(7)).ms, 12);
  EXPECT_EQ((MonoTime{0} + milliseconds(1)).ns, 1'000'000);
}

}  // namespace
}  // namespace tercet
