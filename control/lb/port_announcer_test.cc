#include "control/lb/port_announcer.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "control/lb/netlink.h"
#include "failover/vrrp_packet.h"

namespace tercet::control {
namespace {

using dataplane::Advert;
using dataplane::ControlOrder;
using dataplane::ControlPath;
using dataplane::Vip;

const Vip kAddress{mapped({198, 18, 0, 100}), 24};
const dataplane::IpAddress kOwn = mapped({198, 18, 0, 1});

class PortAnnouncerTest : public testing::Test {
 protected:
  std::vector<ControlOrder> orders(size_t thread) {
    std::vector<ControlOrder> out(1'000);
    out.resize(path_->orders(thread).pop(out));
    return out;
  }
  void hear(size_t thread, const dataplane::IpAddress& from) {
    Advert advert;
    advert.from = from;
    advert.size = 12;
    ASSERT_TRUE(path_->adverts(thread).push(advert));
  }

  bool link_ = true;
  std::shared_ptr<ControlPath> path_ =
      std::make_shared<ControlPath>(2, dataplane::DeviceLook{.link_up = [this] { return link_; }});
  PortAnnouncer announcer_{
      {.path = path_, .source = kOwn, .unicast_peers = {}, .virtual_mac = {}, .guard = nullptr}};
};

TEST_F(PortAnnouncerTest, EveryThreadIsToldOfAddressesAndOneAnnounces) {
  announcer_.own(kAddress);
  announcer_.announce(kAddress);
  announcer_.disown(kAddress);
  for (const size_t thread : {0U, 1U}) {
    std::vector<ControlOrder::Kind> kinds;
    for (const ControlOrder& order : orders(thread)) {
      EXPECT_EQ(order.address, v4_of(kAddress.address));
      kinds.push_back(order.kind);
    }
    using enum ControlOrder::Kind;
    EXPECT_EQ(kinds, thread == 0 ? (std::vector{own, announce, disown}) : (std::vector{own, disown}));
  }
}

TEST_F(PortAnnouncerTest, WhatAFullQueueRefusedIsToldAgain) {
  announcer_.own(kAddress);
  while (path_->orders(1).push(ControlOrder{})) {
  }
  announcer_.disown(kAddress);
  EXPECT_EQ(announcer_.counters().address_failed.get(), 1U);
  orders(0);
  orders(1);
  announcer_.reach();
  const auto again = orders(1);
  ASSERT_EQ(again.size(), 1U) << "the address would be answered for beside its new owner";
  EXPECT_EQ(again[0].kind, ControlOrder::Kind::disown);
  orders(0);
  announcer_.reach();
  EXPECT_TRUE(orders(1).empty()) << "told is told";
}

TEST_F(PortAnnouncerTest, OnlyTheNewestWordAboutAnAddressIsToldAgain) {
  while (path_->orders(0).push(ControlOrder{})) {
  }
  announcer_.disown(kAddress);
  announcer_.own(kAddress);
  orders(0);
  announcer_.reach();
  const auto again = orders(0);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].kind, ControlOrder::Kind::own);
}

TEST_F(PortAnnouncerTest, AdvertsOfAllQueuesAreHeardAndOurOwnLeftOut) {
  const auto other = mapped({198, 18, 0, 2});
  hear(0, kOwn);
  hear(0, other);
  hear(1, other);
  std::array<Advert, 8> adverts;
  EXPECT_EQ(announcer_.adverts(adverts), 2U);
  EXPECT_EQ(adverts[0].from, other);
  EXPECT_EQ(adverts[1].from, other);
  EXPECT_EQ(announcer_.counters().drop_own.get(), 1U);
  EXPECT_EQ(announcer_.adverts(adverts), 0U);
}

TEST_F(PortAnnouncerTest, AnAdvertCarriesItsChecksumForTheGroup) {
  const std::array<uint8_t, 12> packet{0x31, 51, 100, 1, 0, 10, 0, 0, 198, 18, 0, 100};
  announcer_.advert(packet);
  const auto sent = orders(0);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].kind, ControlOrder::Kind::advert);
  EXPECT_EQ(sent[0].address, (dataplane::Ipv4{224, 0, 0, 18}));
  auto expected = packet;
  failover::fill_checksum(expected, kOwn, failover::kVrrpGroup);
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), sent[0].bytes.begin()));
  EXPECT_NE(expected, packet);
  std::array<uint8_t, 200> overlong{};
  announcer_.advert(overlong);
  EXPECT_EQ(announcer_.counters().send_failed.get(), 1U);
}

TEST_F(PortAnnouncerTest, ALostLinkIsToldAndItsReturnToo) {
  using dataplane::Reach;
  EXPECT_EQ(announcer_.reach(), Reach::good);
  link_ = false;
  EXPECT_EQ(announcer_.reach(), Reach::none);
  EXPECT_EQ(announcer_.reach(), Reach::none);
  EXPECT_EQ(announcer_.counters().link_lost.get(), 1U);
  link_ = true;
  EXPECT_EQ(announcer_.reach(), Reach::restored);
  EXPECT_EQ(announcer_.reach(), Reach::good);
}

}  // namespace
}  // namespace tercet::control
