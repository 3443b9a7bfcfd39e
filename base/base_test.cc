#include <gtest/gtest.h>

#include "base/check.h"
#include "base/endian.h"
#include "base/fixed.h"
#include "base/hash.h"
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

TEST(FixedVector, BoundsAreChecked) {
  FixedVector<int, 2> v{1, 2};
  EXPECT_FALSE(v.try_push(3));
  EXPECT_DEATH(v.push_back(3), "FixedVector overflow");
}

TEST(Check, NamesTheInvariant) { EXPECT_DEATH(TERCET_CHECK(false, "I9: pigs fly"), "I9: pigs fly"); }

TEST(Time, MillisecondsAreNotNanoseconds) {
  EXPECT_EQ((CellTime{5} + milliseconds(7)).ms, 12);
  EXPECT_EQ((MonoTime{0} + milliseconds(1)).ns, 1'000'000);
}

}  // namespace
}  // namespace tercet
