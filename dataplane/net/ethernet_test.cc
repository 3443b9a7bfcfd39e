#include "dataplane/net/ethernet.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "dataplane/net/frames_rig.h"

namespace tercet::dataplane {
namespace {

TEST(Ethernet, AHeaderIsRead) {
  EthernetView view;
  ASSERT_EQ(parse_ethernet(frames::bytes(frames::kQuery), view), NetDrop::none);
  EXPECT_EQ(view.destination, frames::kOurMac);
  EXPECT_EQ(view.source, frames::kGatewayMac);
  EXPECT_EQ(view.type, kEtherTypeIpv4);
  EXPECT_EQ(view.vlan, 0);
  EXPECT_EQ(view.offset, 14);
}

TEST(Ethernet, ATagIsReadWithoutItsPriority) {
  EthernetView view;
  ASSERT_EQ(parse_ethernet(frames::bytes(frames::kQueryTagged), view), NetDrop::none);
  EXPECT_EQ(view.type, kEtherTypeIpv4);
  EXPECT_EQ(view.vlan, 7);
  EXPECT_EQ(view.offset, 18);
}

TEST(Ethernet, NoWholeHeaderIsShort) {
  for (const auto& [hex, needed] : {std::pair{frames::kQuery, 14U}, {frames::kQueryTagged, 18U}}) {
    const std::vector<uint8_t> frame = frames::bytes(hex);
    for (size_t size = 0; size < needed; ++size) {
      const std::vector<uint8_t> cut(frame.begin(), frame.begin() + static_cast<ptrdiff_t>(size));
      EthernetView view;
      EXPECT_EQ(parse_ethernet(cut, view), NetDrop::frame_short) << size;
    }
  }
}

TEST(Ethernet, WhatIsWrittenIsWhatIsRead) {
  for (const uint16_t vlan : std::initializer_list<uint16_t>{0, 1, 7, 4094}) {
    std::vector<uint8_t> frame(ethernet_size(vlan));
    ASSERT_EQ(write_ethernet(frame, frames::kPeerMac, frames::kOurMac, vlan, kEtherTypeArp), frame.size());
    EthernetView view;
    ASSERT_EQ(parse_ethernet(frame, view), NetDrop::none);
    EXPECT_EQ(view.destination, frames::kPeerMac);
    EXPECT_EQ(view.source, frames::kOurMac);
    EXPECT_EQ(view.vlan, vlan);
    EXPECT_EQ(view.type, kEtherTypeArp);
    EXPECT_EQ(view.offset, frame.size());
    frame.pop_back();
    EXPECT_EQ(write_ethernet(frame, frames::kPeerMac, frames::kOurMac, vlan, kEtherTypeArp), 0U);
  }
}

TEST(Ethernet, StationsAndGroups) {
  EXPECT_TRUE(is_station(frames::kOurMac));
  EXPECT_FALSE(is_station(Mac{}));
  EXPECT_FALSE(is_station(kBroadcast));
  EXPECT_FALSE(is_station({0x01, 0, 0x5E, 0, 0, 18}));
}

TEST(NetDrop, NamesAreDifferentAndFitForMetrics) {
  std::set<std::string> names;
  for (const std::string name : kNetDropNames) {
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string::npos) << name;
  }
  EXPECT_STREQ(name_of(NetDrop::unresolved), "unresolved");
  EXPECT_STREQ(name_of(NetDrop::ip_fragment), "ip_fragment");
  EXPECT_STREQ(name_of(NetDrop::udp_other), "udp_other");
}

}  // namespace
}  // namespace tercet::dataplane
