#include "client/command/table.h"

#include <gtest/gtest.h>

namespace tercet::command {
namespace {

TEST(Table, ColumnsStandUnderTheirTitles) {
  Table table({"HANDLE", "USER", "SINCE"});
  table.add({"1a2b…", "ann", "1"});
  table.add({"3c4d…", "Zoë Müller", "2"});
  table.add({"5e6f…", "山田", "3"});
  table.add({"", "", "4"});
  EXPECT_EQ(table.text(),
            "HANDLE  USER        SINCE\n"
            "1a2b…   ann         1\n"
            "3c4d…   Zoë Müller  2\n"
            "5e6f…   山田        3\n"
            "                    4\n");
}

TEST(Table, WidthsAreAsOnATerminal) {
  EXPECT_EQ(columns_of(""), 0U);
  EXPECT_EQ(columns_of("plain"), 5U);
  EXPECT_EQ(columns_of("…"), 1U);
  EXPECT_EQ(columns_of("Zoë"), 3U);
  EXPECT_EQ(columns_of("Zoe\u0308"), 3U) << "a combining mark";
  EXPECT_EQ(columns_of("東京"), 4U);
  EXPECT_EQ(columns_of("\U0001F600"), 2U);
}

TEST(Table, WhatIsNoUtf8TakesAByteAColumn) {
  for (const std::string_view bad : {"\x80", "\xff", "\xc3", "\xc0", "\xf5"}) {
    EXPECT_EQ(columns_of(bad), 1U);
    EXPECT_EQ(printable(bad), "?");
  }
  EXPECT_EQ(printable("a\xe2\x80"), "a??") << "cut off";
  EXPECT_EQ(printable("\xc0\xaf"), "??") << "overlong";
  EXPECT_EQ(printable("\xe0\x80\xaf"), "???") << "overlong";
  EXPECT_EQ(printable("\xed\xa0\x80"), "???") << "half a surrogate pair";
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "????") << "above U+10FFFF";
  EXPECT_EQ(printable("\xc3(b"), "?(b");
}

TEST(Table, WhatOthersWroteMovesNoCursor) {
  Table table({"USER", "HOST"});
  table.add({"\x1b[2Jann", "a\nb"});
  table.add({"\u009b2Jx", "\x7f"});
  EXPECT_EQ(table.text(),
            "USER     HOST\n"
            "?[2Jann  a?b\n"
            "?2Jx     ?\n");
}

}  // namespace
}  // namespace tercet::command
