#include "dataplane/net/arp.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "dataplane/net/frames_rig.h"

namespace tercet::dataplane {
namespace {

using frames::bytes;

std::vector<uint8_t> packet(std::string_view frame) {
  std::vector<uint8_t> out = bytes(frame);
  out.erase(out.begin(), out.begin() + 14);
  return out;
}

TEST(Arp, ARequestAndAReplyAreRead) {
  ArpPacket arp;
  ASSERT_EQ(parse_arp(packet(frames::kArpRequest), arp), NetDrop::none);
  EXPECT_EQ(arp.operation, kArpRequest);
  EXPECT_EQ(arp.sender_mac, frames::kPeerMac);
  EXPECT_EQ(arp.sender, frames::kPeer);
  EXPECT_EQ(arp.target, frames::kUs);
  ASSERT_EQ(parse_arp(packet(frames::kArpReply), arp), NetDrop::none);
  EXPECT_EQ(arp.operation, kArpReply);
  EXPECT_EQ(arp.target_mac, frames::kOurMac);
}

TEST(Arp, WhatNoStationSendsIsRefused) {
  struct Case {
    const char* what;
    size_t at;
    std::vector<uint8_t> value;
    NetDrop drop;
  };
  const Case cases[] = {
      {"hardware type", 1, {6}, NetDrop::arp_malformed},
      {"protocol type", 2, {0x86, 0xDD}, NetDrop::arp_malformed},
      {"hardware size", 4, {8}, NetDrop::arp_malformed},
      {"protocol size", 5, {16}, NetDrop::arp_malformed},
      {"operation 0", 7, {0}, NetDrop::arp_operation},
      {"reverse ARP", 7, {3}, NetDrop::arp_operation},
      {"operation 257", 6, {1}, NetDrop::arp_operation},
      {"broadcast MAC", 8, {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}, NetDrop::arp_sender},
      {"group MAC", 8, {0x03}, NetDrop::arp_sender},
      {"no MAC", 8, {0, 0, 0, 0, 0, 0}, NetDrop::arp_sender},
      {"multicast sender", 14, {224, 0, 0, 18}, NetDrop::arp_sender},
      {"broadcast sender", 14, {255, 255, 255, 255}, NetDrop::arp_sender},
      {"loopback sender", 14, {127, 0, 0, 1}, NetDrop::arp_sender},
      {"sender of network 0", 14, {0, 0, 0, 1}, NetDrop::arp_sender},
      {"a probe: no address yet", 14, {0, 0, 0, 0}, NetDrop::none},
  };
  for (const Case& c : cases) {
    std::vector<uint8_t> bad = packet(frames::kArpRequest);
    std::ranges::copy(c.value, bad.begin() + static_cast<ptrdiff_t>(c.at));
    ArpPacket arp;
    EXPECT_EQ(parse_arp(bad, arp), c.drop) << c.what;
  }
  std::vector<uint8_t> reply = packet(frames::kArpReply);
  std::fill_n(reply.begin() + 14, 4, uint8_t{0});
  ArpPacket arp;
  EXPECT_EQ(parse_arp(reply, arp), NetDrop::arp_sender) << "who answers has an address";
}

TEST(Arp, ShortOnesAreRefusedAndPaddingIsNotLookedAt) {
  const std::vector<uint8_t> whole = packet(frames::kArpRequest);
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::vector<uint8_t> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    ArpPacket arp;
    EXPECT_EQ(parse_arp(cut, arp), size < 28 ? NetDrop::arp_malformed : NetDrop::none) << size;
  }
}

TEST(Arp, WrittenAsTheFixturesAre) {
  const ArpPacket request = arp_request(frames::kPeerMac, frames::kPeer, frames::kUs);
  EXPECT_TRUE(equal(bytes_of(request), Bytes(packet(frames::kArpRequest)).first(28)));
  const ArpPacket question = arp_request(frames::kOurMac, frames::kUs, frames::kPeer);
  const ArpPacket reply = arp_reply(question, frames::kPeerMac, frames::kPeer);
  EXPECT_TRUE(equal(bytes_of(reply), Bytes(packet(frames::kArpReply)).first(28)));
}

TEST(Arp, TheGoldenAnnouncement) {
  const ArpFrame frame = gratuitous_arp({0x02, 0, 0, 0, 0, 0x0A}, {198, 18, 0, 100});
  const std::vector<uint8_t> golden = bytes(
      "ffffffffffff 02000000000a 0806 0001 0800 06 04 0001 02000000000a c6120064 000000000000 c6120064");
  EXPECT_TRUE(equal(bytes_of(frame), golden));
  EXPECT_TRUE(equal(bytes_of(frame).subspan(14),
                    bytes_of(arp_request({0x02, 0, 0, 0, 0, 0x0A}, {198, 18, 0, 100}, {198, 18, 0, 100}))));
}

}  // namespace
}  // namespace tercet::dataplane
