#include "control/dpdk_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tercet::control {
namespace {

Endpoint own() { return parse_endpoint("198.18.0.1:8210").value(); }

struct Read {
  DpdkConfig config;
  std::string error;
};
Read read(const std::string& text, bool used = true) {
  auto toml = Toml::parse("[port]\n" + text, "lb1.toml");
  if (!toml) {
    return {{}, toml.error()};
  }
  Read out;
  out.config = read_dpdk_config(*toml, own(), used);
  if (auto good = toml->finish(); !good) {
    out.error = good.error();
  }
  return out;
}

TEST(DpdkConfig, EveryKeyIsRead) {
  const auto [config, error] = read(
      "eal = \"--no-huge -m 64\"\ndevice = \"net_af_packet0\"\naddress = \"198.18.0.1/24\"\n"
      "gateway = \"198.18.0.254\"\nroutes = [\"198.18.1.0/24 via 198.18.0.253\"]\nvlan = 7\noffload = false\n"
      "answer_ping = false\n");
  EXPECT_EQ(error, "");
  EXPECT_EQ(config.eal, "--no-huge -m 64");
  EXPECT_EQ(config.device, "net_af_packet0");
  EXPECT_EQ(config.address.address, own().address);
  EXPECT_EQ(config.address.prefix_length, 24);
  EXPECT_EQ(config.gateway, parse_address("198.18.0.254").value().address);
  ASSERT_EQ(config.routes.size(), 1U);
  EXPECT_EQ(config.routes[0].network.prefix_length, 24);
  EXPECT_EQ(config.routes[0].via, parse_address("198.18.0.253").value().address);
  EXPECT_EQ(config.vlan, 7);
  EXPECT_FALSE(config.offload);
  EXPECT_FALSE(config.answer_ping);
}

TEST(DpdkConfig, TheAddressIsNeededOnlyUnderDpdk) {
  EXPECT_EQ(read("", false).error, "");
  EXPECT_THAT(read("").error, testing::HasSubstr("port.address is missing"));
  EXPECT_THAT(read("address = \"198.18.0.9/24\"\n").error,
              testing::HasSubstr("is not the address that [peers] gives this server, 198.18.0.1"));
}

TEST(DpdkConfig, ATapIsAskedForAndNamed) {
  const std::string good = "address = \"198.18.0.1/24\"\n";
  EXPECT_EQ(read(good).config.tap, "");
  EXPECT_EQ(read(good + "tap = \"ssh0\"\n").config.tap, "") << "named, but not asked for";
  EXPECT_EQ(read(good + "exception = \"tap\"\n").config.tap, "tercet0");
  EXPECT_EQ(read(good + "exception = \"tap\"\ntap = \"ssh0\"\n").config.tap, "ssh0");
  EXPECT_THAT(read(good + "exception = \"kni\"\n").error, testing::HasSubstr("write one of none, tap"));
  EXPECT_THAT(read(good + "exception = \"tap\"\ntap = \"a-name-that-is-too-long\"\n").error,
              testing::HasSubstr("no name of a device"));
}

TEST(DpdkConfig, AVirtualAddressThatNoRouteLeadsToIsWarnedOf) {
  const auto warnings = [](const std::string& more, const char* virtual_ip) {
    DpdkConfig config = read("address = \"198.18.0.1/24\"\n" + more).config;
    config.virtual_ips = {{parse_address(virtual_ip).value().address, 24}};
    return warnings_of(config);
  };
  EXPECT_THAT(warnings("", "198.18.0.100"), testing::IsEmpty());
  EXPECT_THAT(warnings("", "198.18.1.100"),
              testing::ElementsAre(testing::StartsWith("198.18.1.100 is in no network that port.address")));
  EXPECT_THAT(warnings("gateway = \"198.18.0.254\"\n", "198.18.1.100"), testing::IsEmpty());
  EXPECT_THAT(warnings("routes = [\"198.18.1.0/24 via 198.18.0.254\"]\n", "198.18.1.100"),
              testing::IsEmpty());
  EXPECT_THAT(warnings("routes = [\"198.18.1.0/24 via 198.18.0.254\"]\n", "198.18.2.100"),
              testing::SizeIs(1));
}

TEST(DpdkConfig, WhatIsWrongIsSaid) {
  const std::string good = "address = \"198.18.0.1/24\"\n";
  EXPECT_THAT(read("address = \"198.18.0.1\"\n").error, testing::HasSubstr("no prefix length"));
  EXPECT_THAT(read("address = \"2001:db8::1/64\"\n").error, testing::HasSubstr("IPv6"));
  EXPECT_THAT(read(good + "gateway = \"2001:db8::1\"\n").error, testing::HasSubstr("write an IPv4 one"));
  EXPECT_THAT(read(good + "gateway = \"here\"\n").error, testing::HasSubstr("here"));
  EXPECT_THAT(read(good + "routes = [\"198.18.1.0/24\"]\n").error, testing::HasSubstr("is no route"));
  EXPECT_THAT(read(good + "routes = [\"198.18.1.0/24 via there\"]\n").error, testing::HasSubstr("there"));
  EXPECT_THAT(read(good + "routes = [\"198.18.1.0/99 via 198.18.0.254\"]\n").error,
              testing::HasSubstr("prefix length"));
  EXPECT_THAT(read(good + "vlan = 4095\n").error, testing::HasSubstr("port.vlan"));
}

}  // namespace
}  // namespace tercet::control
