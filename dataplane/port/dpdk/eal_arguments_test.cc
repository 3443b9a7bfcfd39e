#include "dataplane/port/dpdk/eal_arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tercet::dataplane {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(EalArguments, WhatTheArgumentsLeaveOpenIsAdded) {
  const auto words = eal_words({.arguments = "--no-huge  -m 64 --vdev=net_null0", .prefix = "tercet-1-lb1"});
  EXPECT_EQ(words[0], "tercet");
  EXPECT_THAT(words, testing::IsSupersetOf({"--no-huge", "-m", "64", "--vdev=net_null0"}));
  EXPECT_THAT(words, Contains("--file-prefix=tercet-1-lb1"));
  EXPECT_THAT(words, Contains("--no-telemetry"));
  EXPECT_THAT(words, Contains(StartsWith("--lcores=0@(")));
}

TEST(EalArguments, WhatTheArgumentsSayIsLeftAlone) {
  const auto words = eal_words({.arguments = "-l 2,3 --file-prefix mine --telemetry", .prefix = "other"});
  EXPECT_THAT(words, ElementsAre("tercet", "-l", "2,3", "--file-prefix", "mine", "--telemetry",
                                 "--huge-unlink=always"));
  for (const char* cores : {"-l2", "-c 3", "--lcores=0@1", "--lcores 0@1", "-s 1"}) {
    EXPECT_THAT(eal_words({.arguments = cores}), Not(Contains(StartsWith("--lcores=0@(")))) << cores;
  }
}

TEST(EalArguments, AHugePageIsFreeAgainHoweverTheProcessWent) {
  constexpr const char* kFree = "--huge-unlink=always";
  EXPECT_THAT(eal_words({.arguments = "-l 0"}), Contains(kFree));
  for (const char* own : {"--huge-unlink=never", "--huge-unlink", "--in-memory",
                          "--no-huge -m 64"}) {  // refused beside the last
    EXPECT_THAT(eal_words({.arguments = own}), Not(Contains(kFree))) << own;
  }
}

TEST(EalArguments, WordsWithWhichDpdkWouldEndTheProcessAreRefused) {
  for (const char* help : {"--help", "--hel", "-h", "-l 0 -h --no-huge", "-vh"}) {
    EXPECT_THAT(refuse_arguments(help), HasSubstr("leave it out")) << help;
  }
  EXPECT_EQ(refuse_arguments("-l 0 -v --huge-dir /x --no-huge --file-prefix=help"), "");
}

TEST(EalArguments, WhatExcludesEachOtherIsNamed) {
  EXPECT_EQ(refuse_arguments("--no-huge --in-memory"),
            "port.eal says both --no-huge and --in-memory, which DPDK does not take together: leave one out");
  EXPECT_EQ(refuse_arguments("--in-memory"), "");
}

TEST(EalArguments, KnowsTheDevicesThatStandOnTheKernelsInterfaces) {
  const auto devices = kernel_devices(
      "-l 0 --vdev=net_af_packet0,iface=eth0,qpairs=2 --vdev net_af_xdp1,start_queue=0,iface=eth1 "
      "--vdev=net_null0 --vdev=eth_af_packet2 -a 0000:01:00.0");
  ASSERT_EQ(devices.size(), 3U);
  EXPECT_EQ(devices[0].name, "net_af_packet0");
  EXPECT_EQ(devices[0].interface, "eth0");
  EXPECT_FALSE(devices[0].xdp());
  EXPECT_EQ(devices[1].name, "net_af_xdp1");
  EXPECT_EQ(devices[1].interface, "eth1");
  EXPECT_TRUE(devices[1].xdp());
  EXPECT_EQ(devices[2].interface, "");
}

TEST(EalArguments, KnowsWhetherADeviceIsNamed) {
  EXPECT_TRUE(names_a_device("--vdev=net_null0"));
  EXPECT_TRUE(names_a_device("-a 0000:01:00.0"));
  EXPECT_FALSE(names_a_device("-l 0 --no-pci"));
}

TEST(EalArguments, KnowsWhetherHugePagesAreWanted) {
  EXPECT_TRUE(wants_huge_pages("-l 0 -m 64"));
  EXPECT_FALSE(wants_huge_pages("-l 0 --no-huge -m 64"));
}

}  // namespace
}  // namespace tercet::dataplane
