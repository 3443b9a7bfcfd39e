// The tap against this machine's kernel, in a network namespace of this process: what goes to it and what
// comes back, and what is counted where there is no room.

#include "dataplane/port/dpdk/tap.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "dataplane/net/frames_rig.h"
#include "dataplane/port/port.h"
#include "dataplane/port/socket.h"

namespace tercet::dataplane {
namespace {

using TapBytes = std::vector<uint8_t>;

/// The same frame in VLAN 7.
TapBytes tagged(TapBytes frame) {
  const TapBytes tag{0x81, 0, 0, 7};
  frame.insert(frame.begin() + offsetof(EthernetHeader, type), tag.begin(), tag.end());
  return frame;
}

class TapTest : public testing::Test {
 protected:
  void open(uint16_t vlan = 0) {
    static const bool entered = unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;  // one for all of them
    if (!entered) {
      GTEST_SKIP() << "no network namespaces here";
    }
    options_.mac = frames::kOurMac;
    options_.own = {endpoint_of(frames::kUs, 0).address, 24};
    options_.vlan = vlan;
    auto opened = Tap::open(options_);
    ASSERT_TRUE(opened) << opened.error();
    tap_ = std::move(*opened);
  }
  /// The kernel's next ARP frame, padding cut off, its type at `type_at`; empty: none within a second.
  TapBytes answer(size_t type_at) {
    const MonoTime give_up = raw_now() + seconds(1);
    TapBytes frame(2048);
    while (raw_now() < give_up) {
      const size_t size = tap_->take(frame);
      if (size >= type_at + 2 && frame[type_at] == 0x08 && frame[type_at + 1] == 0x06) {
        frame.resize(type_at + 2 + 28);
        return frame;
      }
      usleep(100);
    }
    return {};
  }
  /// What the kernel says to the request of frames_rig.h.
  static TapBytes expected() {
    return frames::bytes(
        "0200 0000 0002 0200 0000 0001 0806 0001 0800 0604 0002 "
        "0200 0000 0001 c612 0001 0200 0000 0002 c612 0002");
  }

  TapOptions options_;
  std::unique_ptr<Tap> tap_;
};

TEST_F(TapTest, TheKernelAnswersWhatItIsGiven) {
  ASSERT_NO_FATAL_FAILURE(open());
  if (tap_ == nullptr) {
    return;
  }
  EXPECT_TRUE(tap_->give(0, frames::bytes(frames::kArpRequest)));
  EXPECT_EQ(answer(12), expected());
}

TEST_F(TapTest, AVlansFramesGoInWithoutTheTagAndComeBackWithIt) {
  ASSERT_NO_FATAL_FAILURE(open(7));
  if (tap_ == nullptr) {
    return;
  }
  EXPECT_TRUE(tap_->give(0, tagged(frames::bytes(frames::kArpRequest))));
  EXPECT_EQ(answer(16), tagged(expected()));
}

TEST_F(TapTest, ATapThatARunningServerHasIsNotTakenForAnother) {
  ASSERT_NO_FATAL_FAILURE(open());
  if (tap_ == nullptr) {
    return;
  }
  const auto second = Tap::open(options_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error(),
            "another process has the tap tercet0: this very server, if it runs; else write another name in "
            "port.tap");
}

TEST_F(TapTest, WhatIsLongerThanAFrameIsRefused) {
  ASSERT_NO_FATAL_FAILURE(open());
  if (tap_ == nullptr) {
    return;
  }
  EXPECT_TRUE(tap_->give(0, TapBytes(1526)));
  EXPECT_FALSE(tap_->give(0, TapBytes(1527)));
  EXPECT_EQ(tap_->drop_full(0).get(), 0U);
}

/// A system call for each would be what a polling thread cannot afford: others decide how many frames there
/// are.
TEST_F(TapTest, WhileFramesKeepComingNobodyRingsForThem) {
  ASSERT_NO_FATAL_FAILURE(open());
  if (tap_ == nullptr) {
    return;
  }
  const auto frame = frames::bytes(frames::kPing);
  constexpr unsigned kFrames = 2'000;
  for (unsigned i = 0; i < kFrames; ++i) {
    const MonoTime next = raw_now() + microseconds(20);
    tap_->give(0, frame);
    while (raw_now() < next) {
    }
  }
  EXPECT_LT(tap_->rung(), kFrames / 4) << "others may want this machine's cores, too";
}

// What does not fit is lost and counted, each where it was lost.

TEST_F(TapTest, FramesThatComeFasterThanTheKernelTakesThemAreCounted) {
  ASSERT_NO_FATAL_FAILURE(open());
  if (tap_ == nullptr) {
    return;
  }
  const auto frame = frames::bytes(frames::kPing);
  const MonoTime give_up = raw_now() + seconds(10);
  while (tap_->drop_full(0).get() == 0 && raw_now() < give_up) {
    tap_->give(0, frame);
  }
  EXPECT_GT(tap_->drop_full(0).get(), 0U);
}

TEST_F(TapTest, FramesThatTheKernelRefusesAreCounted) {
  ASSERT_NO_FATAL_FAILURE(open());
  if (tap_ == nullptr) {
    return;
  }
  const OwnedFd control(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "tercet0");
  ASSERT_EQ(ioctl(control.get(), SIOCSIFFLAGS, &request), 0) << "down";
  for (unsigned i = 0; i < 3; ++i) {
    tap_->give(0, frames::bytes(frames::kPing));
  }
  const MonoTime give_up = raw_now() + seconds(10);
  while (tap_->drop_refused().get() < 3 && raw_now() < give_up) {
    usleep(100);
  }
  EXPECT_EQ(tap_->drop_refused().get(), 3U);
  EXPECT_EQ(tap_->drop_full(0).get(), 0U);
}

TEST_F(TapTest, FramesOfTheKernelsThatNobodyFetchesAreCounted) {
  ASSERT_NO_FATAL_FAILURE(open());
  if (tap_ == nullptr) {
    return;
  }
  const OwnedFd sender(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const int yes = 1;
  ASSERT_EQ(setsockopt(sender.get(), SOL_SOCKET, SO_BROADCAST, &yes, sizeof yes), 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(9);
  to.sin_addr.s_addr = inet_addr("198.18.0.255");
  const MonoTime give_up = raw_now() + seconds(10);
  while (tap_->drop_back().get() == 0 && raw_now() < give_up) {
    sendto(sender.get(), "lost", 4, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  EXPECT_GT(tap_->drop_back().get(), 0U);
  EXPECT_TRUE(tap_->has()) << "the first ones wait";
}

}  // namespace
}  // namespace tercet::dataplane
