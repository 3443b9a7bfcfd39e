#include "control/lb/lb_reads.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "client/fake_lb_for_test.h"

namespace tercet::control {
namespace {

TEST(LbReads, AHolderThatIsNoUtf8DoesNotTakeTheListAway) {
  client::FakeLb lb;
  lb.seat_anyhow("j\xF6rg\xFF");
  lb.start();
  auto channel = open_socket_channel(lb.endpoint);
  ASSERT_TRUE(channel.has_value()) << channel.error();
  LbReads reads(lb.keys.servers[index(ServerId::lb1)], std::move(*channel));
  const auto leases = reads.leases();
  ASSERT_TRUE(leases.has_value()) << leases.error();
  const auto document = nlohmann::json::parse(*leases);
  ASSERT_EQ(document["leases"].size(), 1U);
  EXPECT_EQ(document["leases"][0]["user"], "j\uFFFDrg\uFFFD");
  EXPECT_EQ(document["leases"][0]["firm_code"], 1000);
}

TEST(LbReads, UsageIsALineALicenseAndWhatNoneIsToBlameFor) {
  client::FakeLb lb;
  lb.licenses = {{.tmr_id = 1, .name = "CAD"}, {.tmr_id = 2, .units = 100, .units_used = 30}, {.tmr_id = 3}};
  lb.denied_to_nobody = 4;
  lb.start();
  auto channel = open_socket_channel(lb.endpoint);
  ASSERT_TRUE(channel.has_value()) << channel.error();
  LbReads reads(lb.keys.servers[index(ServerId::lb1)], std::move(*channel));
  const auto usage = reads.usage();
  ASSERT_TRUE(usage.has_value()) << usage.error();
  const auto document = nlohmann::json::parse(*usage);
  ASSERT_EQ(document["usage"].size(), 3U);
  EXPECT_EQ(document["usage"][0]["name"], "CAD");
  EXPECT_EQ(document["usage"][0]["mode"], "user-limit");
  EXPECT_TRUE(document["usage"][0]["units"].is_null());
  EXPECT_TRUE(document["usage"][0]["usage_until"].is_null());
  EXPECT_EQ(document["usage"][1]["units_left"], 70);
  EXPECT_EQ(document["no_license"]["denied"]["NO_SUCH_LICENSE"], 4);
}

}  // namespace
}  // namespace tercet::control
