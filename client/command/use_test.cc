// consume and usage, against a load balancer on loopback.

#include "client/command/command_rig.h"

namespace tercet::command {
namespace {

class UseTest : public CommandTest {};

TEST_F(UseTest, ConsumeTakesARunningTotal) {
  lb_.licenses[0].units = 100;
  lb_.start();
  const std::string handle = check_out();
  const Said first = ask({"consume", handle, "--units", "30"});
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_EQ(first.doc()["handle"], handle);
  EXPECT_EQ(first.doc()["units"], 30);
  EXPECT_EQ(first.doc()["units_left"], 70);
  EXPECT_EQ(first.doc()["tmr_id"], 1);
  EXPECT_EQ(first.doc()["firm_code"], 1000);
  EXPECT_EQ(first.doc()["product_code"], 7);
  EXPECT_EQ(ask({"consume", handle, "--units", "30"}).doc()["units_left"], 70) << "the same total uses none";
  EXPECT_EQ(ask({"consume", handle, "--units", "31"}, false).out, "units left  69\n");
  EXPECT_EQ(lb_.count(OpKind::consume), 3U);
  const Said lease = ask({"lease", handle});
  EXPECT_EQ(lease.doc()["last_request"], 4) << "each is a request of its own on the handle";
  EXPECT_EQ(lease.doc()["units"], 31) << "so that another process can go on from there";
  EXPECT_NE(ask({"lease", handle}, false).out.find("units used  31\n"), std::string::npos);
}

TEST_F(UseTest, WhatIsNotThereIsDeniedWithWhatIsLeft) {
  lb_.licenses[0].units = 100;
  lb_.start();
  const std::string handle = check_out();
  const Said said = ask({"consume", handle, "--units", "18446744073709551615"});
  EXPECT_EQ(said.code, 3);
  expect_message(said);
  EXPECT_EQ(said.doc()["code"], "NO_UNITS_LEFT");
  EXPECT_EQ(said.doc()["units_left"], 100);
  EXPECT_EQ(said.doc()["in_use"], 1);
  EXPECT_EQ(said.doc()["quantity"], 5);
  EXPECT_NE(said.err.find("100 units"), std::string::npos) << said.err;
}

TEST_F(UseTest, ConsumeWithoutASeatIsAnUnknownHandle) {
  lb_.start();
  const Said said = ask({"consume", std::string(32, 'a'), "--units", "1"});
  EXPECT_EQ(said.code, 3);
  EXPECT_EQ(said.doc()["code"], "UNKNOWN_HANDLE");
  EXPECT_EQ(lb_.count(OpKind::consume), 0U);
  EXPECT_EQ(ask({"consume", "no handle", "--units", "1"}).code, 2);
  EXPECT_EQ(ask({"consume", std::string(32, 'a')}).code, 2) << "how many is never assumed";
  EXPECT_EQ(ask({"consume", std::string(32, 'a'), "--units", "-1"}).code, 2);
}

TEST_F(UseTest, UsageIsALineALicense) {
  lb_.licenses = {
      {.tmr_id = 1, .name = "CAD", .denied = 7},
      {.tmr_id = 2, .name = "Mesh", .valid_from_ms = 1'700'000'000'000, .units = 100, .units_used = 30},
      {.tmr_id = 3, .name = "Old", .valid = false}};
  lb_.denied_to_nobody = 4;
  lb_.start();
  check_out();
  const Said said = ask({"usage"});
  ASSERT_EQ(said.code, 0) << said.err;
  const json usage = said.doc()["usage"];
  ASSERT_EQ(usage.size(), 3U) << "of several pages, and what is not valid, too";
  EXPECT_EQ(usage[0]["tmr_id"], 1);
  EXPECT_EQ(usage[0]["name"], "CAD");
  EXPECT_EQ(usage[0]["mode"], "user-limit");
  EXPECT_EQ(usage[0]["in_use"], 1);
  EXPECT_EQ(usage[0]["peak"], 5);
  EXPECT_EQ(usage[0]["handles"], 1);
  EXPECT_EQ(usage[0]["quantity"], 5);
  EXPECT_EQ(usage[0]["denied"], json({{"NO_FREE_SEAT", 7}}));
  EXPECT_TRUE(usage[0]["units"].is_null());
  EXPECT_TRUE(usage[0]["units_left"].is_null());
  EXPECT_TRUE(usage[0]["usage_from"].is_null());
  EXPECT_TRUE(usage[0]["usage_until"].is_null());
  EXPECT_EQ(usage[1]["units"], 100);
  EXPECT_EQ(usage[1]["units_used"], 30);
  EXPECT_EQ(usage[1]["units_left"], 70);
  EXPECT_EQ(usage[1]["usage_from"], "2023-11-14T22:13:20.000Z");
  EXPECT_EQ(usage[1]["usage_until"], "2023-11-14T22:14:20.000Z");
  EXPECT_EQ(usage[1]["denied"], json::object());
  EXPECT_EQ(said.doc()["no_license"]["denied"], json({{"NO_SUCH_LICENSE", 4}}));
  const Said people = ask({"usage"}, false);
  EXPECT_NE(people.out.find("NO_FREE_SEAT 7"), std::string::npos) << people.out;
  EXPECT_NE(people.out.find("NO_SUCH_LICENSE 4"), std::string::npos) << people.out;
}

TEST_F(UseTest, UsageOfNothing) {
  lb_.licenses.clear();
  lb_.start();
  EXPECT_EQ(ask({"usage"}, false).out, "no license\n");
  EXPECT_EQ(ask({"usage"}).doc(),
            json({{"usage", json::array()}, {"no_license", {{"denied", json::object()}}}}));
}

}  // namespace
}  // namespace tercet::command
