#include "wire/utf8.h"

#include <gtest/gtest.h>

namespace tercet {
namespace {

TEST(Utf8, CharactersHaveTheirSize) {
  EXPECT_EQ(clean_char(""), 0U);
  EXPECT_EQ(clean_char("ab"), 1U);
  EXPECT_EQ(clean_char("\u00E9b"), 2U);
  EXPECT_EQ(clean_char("\u65E5"), 3U);
  EXPECT_EQ(clean_char("\U0001F600x"), 4U);
  EXPECT_EQ(clean_char("\xE6\x97"), 0U);
  EXPECT_EQ(clean_char("\x1B["), 0U);
}

TEST(Utf8, WhatIsNoneIsReplacedByteByByteAndTheRestIsKept) {
  EXPECT_EQ(cleaned("caf\u00E9"), "caf\u00E9");
  EXPECT_EQ(cleaned("\xFF\xFE"), "??");
  EXPECT_EQ(cleaned("a\xC3"), "a?");
  EXPECT_EQ(cleaned("\xC2\x9B"
                    "31m"),
            "??31m");  // a terminal's CSI
  EXPECT_EQ(cleaned("\xED\xA0\x80z"), "???z");
  EXPECT_EQ(cleaned(std::string_view("a\0b\x7F", 4)), "a?b?");
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned second = 0; second < 256; ++second) {
      const std::string pair{static_cast<char>(first), static_cast<char>(second)};
      EXPECT_TRUE(is_clean_text(cleaned(pair)));
      EXPECT_EQ(is_clean_text(pair), cleaned(pair) == pair);
    }
  }
}

}  // namespace
}  // namespace tercet
