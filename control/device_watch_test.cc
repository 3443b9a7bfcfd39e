#include "control/device_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tercet::control {
namespace {

using dataplane::ControlPath;
using dataplane::DeviceCounters;
using testing::HasSubstr;

class DeviceWatchTest : public testing::Test {
 protected:
  void claim(size_t thread, uint8_t address, uint8_t mac) {
    path_->claims(thread).push(
        {.address = {198, 18, 0, address}, .mac = {2, 0x54, 0x43, 0, 0, mac}, .before = {}});
  }
  /// One look, a second after the one before.
  std::string look(int64_t after = 1) {
    now_ = now_ + seconds(after);
    return watch_.turn(now_).value_or("");
  }

  static std::array<Endpoint, kServers> peers() {
    std::array<Endpoint, kServers> out;
    out[index(ServerId::b1)] = parse_endpoint("198.18.0.11:8220").value();
    return out;
  }

  uint64_t looks_ = 0;
  bool holds_ = true;
  std::shared_ptr<ControlPath> path_ = std::make_shared<ControlPath>(
      2, dataplane::DeviceLook{.link_up = [] { return true; },
                               .count = [this](DeviceCounters& counters) { counters.missed.set(++looks_); }});
  DeviceWatch watch_{path_, peers(), [this](const DeviceWatch::Address&) { return holds_; }};
  MonoTime now_{seconds(5).ns};
};

TEST_F(DeviceWatchTest, LooksOnceASecond) {
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(watch_.turn(now_ + milliseconds(100 * i)), std::nullopt);
  }
  EXPECT_EQ(looks_, 3U);
  EXPECT_EQ(watch_.counters()->missed.get(), 3U);
  EXPECT_EQ(watch_.counters()->queues, 2U);
}

TEST_F(DeviceWatchTest, WhoClaimsAnAddressOfOursIsNamed) {
  claim(1, 100, 0x21);
  EXPECT_EQ(look(), "");
  EXPECT_EQ(look(),
            "another station, 02:54:43:00:00:21, says that 198.18.0.100 is its own: one of the two must get "
            "another address");
  EXPECT_EQ(look(), "");
}

TEST_F(DeviceWatchTest, ATakeoverIsNothingToBeWarnedOf) {
  claim(0, 100, 0x21);
  EXPECT_EQ(look(), "");
  holds_ = false;  // the former holder has given it up
  EXPECT_EQ(look(), "");
  holds_ = true;
  EXPECT_EQ(look(), "") << "it is forgotten";
}

TEST_F(DeviceWatchTest, AServerWhoseHardwareAddressChangedIsNamed) {
  holds_ = false;  // of addresses of ours
  path_->claims(0).push(
      {.address = {198, 18, 0, 11}, .mac = {2, 0, 0, 0, 0, 0x22}, .before = {{2, 0, 0, 0, 0, 0x21}}});
  path_->claims(1).push(
      {.address = {198, 18, 0, 11}, .mac = {2, 0, 0, 0, 0, 0x22}, .before = {{2, 0, 0, 0, 0, 0x21}}});
  EXPECT_EQ(look(), "");
  EXPECT_EQ(look(),
            "the hardware address of b1 (198.18.0.11) changed from 02:00:00:00:00:21 to 02:00:00:00:00:22: "
            "if nobody "
            "changed that host or its NIC, another station took its address");
  EXPECT_EQ(look(), "") << "two threads heard of it";
}

TEST_F(DeviceWatchTest, WhoIsNoServerIsNamedByItsAddress) {
  path_->claims(0).push({.address = {198, 18, 0, 254}, .mac = {2, 0, 0, 0, 0, 1}, .before = {{2}}});
  look();
  EXPECT_THAT(look(), HasSubstr("the hardware address of 198.18.0.254 changed from 02:00:00:00:00:00"));
}

TEST_F(DeviceWatchTest, EachOfSeveralIsNamed) {
  claim(0, 100, 0x21);
  claim(0, 1, 0x22);
  claim(1, 1, 0x22);
  look();
  EXPECT_THAT(look(), HasSubstr("198.18.0.100"));
  EXPECT_THAT(look(), HasSubstr("198.18.0.1 is"));
  EXPECT_EQ(look(), "");
}

TEST_F(DeviceWatchTest, TheSameIsSaidAgainAfterAMinute) {
  claim(0, 1, 0x21);
  look();
  EXPECT_NE(look(), "");
  claim(0, 1, 0x21);
  EXPECT_EQ(look(30) + look(), "");
  claim(0, 1, 0x21);
  EXPECT_EQ(look(30), "");
  EXPECT_NE(look(), "");
}

TEST_F(DeviceWatchTest, AFloodOfClaimsIsForgottenNotKept) {
  for (uint8_t mac = 0; mac < 200; ++mac) {
    claim(0, 1, mac);
    look();
  }
  SUCCEED() << "a few are kept";
}

TEST(DeviceWatchWithoutDevice, LooksAtNothing) {
  DeviceWatch watch(nullptr, {});
  EXPECT_EQ(watch.turn({}), std::nullopt);
  EXPECT_EQ(watch.counters(), nullptr);
}

}  // namespace
}  // namespace tercet::control
