#include "control/device_watch.h"

#include <gtest/gtest.h>

namespace tercet::control {
namespace {

using dataplane::ControlPath;
using dataplane::DeviceCounters;

class DeviceWatchTest : public testing::Test {
 protected:
  void claim(size_t thread, uint64_t address, uint64_t mac) {
    path_->claims(thread).address.set(address);
    path_->claims(thread).mac.set(mac);
    path_->claims(thread).seen.add();
  }

  int looks_ = 0;
  std::shared_ptr<ControlPath> path_ = std::make_shared<ControlPath>(
      2, dataplane::DeviceLook{.link_up = [] { return true; },
                               .count = [this](DeviceCounters& counters) { counters.missed.set(++looks_); }});
  DeviceWatch watch_{path_};
  MonoTime now_{seconds(5).ns};
};

TEST_F(DeviceWatchTest, LooksOnceASecond) {
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(watch_.turn(now_ + milliseconds(100 * i)), std::nullopt);
  }
  EXPECT_EQ(looks_, 3);
  EXPECT_EQ(watch_.counters()->missed.get(), 3U);
  EXPECT_EQ(watch_.counters()->queues, 2U);
}

TEST_F(DeviceWatchTest, WhoClaimsAnAddressOfOursIsNamedAtFirstSight) {
  EXPECT_EQ(watch_.turn(now_), std::nullopt);
  claim(1, 0xC6120064, 0x025443000021);
  EXPECT_EQ(watch_.turn(now_ + seconds(1)),
            "another station, 02:54:43:00:00:21, says that 198.18.0.100 is its own: one of the two must get "
            "another address");
}

TEST_F(DeviceWatchTest, TheSameIsSaidAgainAfterAMinuteAnotherAtOnce) {
  claim(0, 0xC6120064, 0x025443000021);
  EXPECT_TRUE(watch_.turn(now_));
  claim(0, 0xC6120064, 0x025443000021);
  EXPECT_FALSE(watch_.turn(now_ + seconds(30)));
  claim(0, 0xC6120064, 0x025443000022);
  EXPECT_TRUE(watch_.turn(now_ + seconds(31)));
  claim(0, 0xC6120064, 0x025443000022);
  EXPECT_FALSE(watch_.turn(now_ + seconds(90)));
  EXPECT_TRUE(watch_.turn(now_ + seconds(91)));
  EXPECT_FALSE(watch_.turn(now_ + seconds(200))) << "nothing new was seen";
}

TEST(DeviceWatchWithoutDevice, LooksAtNothing) {
  DeviceWatch watch(nullptr);
  EXPECT_EQ(watch.turn({}), std::nullopt);
  EXPECT_EQ(watch.counters(), nullptr);
}

}  // namespace
}  // namespace tercet::control
