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

}  // namespace
}  // namespace tercet::control
