#include "dataplane/port/dpdk/eal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tercet::dataplane {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;
using testing::StartsWith;

TEST(Eal, WhatTheArgumentsLeaveOpenIsAdded) {
  const auto words = eal_words({.arguments = "--no-huge  -m 64 --vdev=net_null0", .prefix = "tercet-1-lb1"});
  EXPECT_EQ(words[0], "tercet");
  EXPECT_THAT(words, testing::IsSupersetOf({"--no-huge", "-m", "64", "--vdev=net_null0"}));
  EXPECT_THAT(words, Contains("--file-prefix=tercet-1-lb1"));
  EXPECT_THAT(words, Contains("--no-telemetry"));
  EXPECT_THAT(words, Contains(StartsWith("--lcores=0@(")));
}

TEST(Eal, WhatTheArgumentsSayIsLeftAlone) {
  const auto words = eal_words({.arguments = "-l 2,3 --file-prefix mine --telemetry", .prefix = "other"});
  EXPECT_THAT(words, ElementsAre("tercet", "-l", "2,3", "--file-prefix", "mine", "--telemetry"));
  for (const char* cores : {"-l2", "-c 3", "--lcores=0@1", "--lcores 0@1", "-s 1"}) {
    EXPECT_THAT(eal_words({.arguments = cores}), Not(Contains(StartsWith("--lcores=0@(")))) << cores;
  }
}

TEST(Eal, KnowsWhetherHugePagesAreWanted) {
  EXPECT_TRUE(wants_huge_pages("-l 0 -m 64"));
  EXPECT_FALSE(wants_huge_pages("-l 0 --no-huge -m 64"));
}

}  // namespace
}  // namespace tercet::dataplane
