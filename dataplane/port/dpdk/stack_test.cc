// What the stack takes in, hands on, and drops by name.

#include "dataplane/port/dpdk/stack.h"

#include <gtest/gtest.h>

#include "dataplane/net/icmp.h"
#include "dataplane/port/dpdk/changed_frames.h"
#include "dataplane/port/dpdk/stack_rig.h"

namespace tercet::dataplane {
namespace {

using frames::bytes;
using Kind = Taken::Kind;

TEST(Stack, AQueryComesToTheLaneOfTheVirtualAddress) {
  StackRig rig;
  const Taken taken = rig.take(frames::kQuery);
  ASSERT_EQ(taken.kind, Kind::datagram);
  EXPECT_EQ(taken.lane, kClients);
  EXPECT_EQ(taken.from, kClientAt);
  EXPECT_EQ(taken.to, frames::kVirtual);
  EXPECT_EQ(taken.ttl, 64);
  EXPECT_EQ(taken.drop, NetDrop::none);
  EXPECT_EQ(as_text(rig.payload(taken)), "seat?");
  EXPECT_EQ(rig.frame, bytes(frames::kQuery)) << "nothing is written to it";
  EXPECT_TRUE(rig.plainly);
}

TEST(Stack, OptionsAreSkippedAndAMissingChecksumIsTaken) {
  StackRig rig;
  for (const std::string_view hex : {frames::kQueryOptions, frames::kQueryUnsummed}) {
    const Taken taken = rig.take(hex);
    ASSERT_EQ(taken.kind, Kind::datagram) << hex;
    EXPECT_EQ(taken.lane, kClients);
    EXPECT_EQ(as_text(rig.payload(taken)), "seat?");
  }
}

TEST(Stack, AConnectedLaneGetsWhatItsPeerSendsAndNobodyElse) {
  StackRig rig;
  const Taken taken = rig.take(frames::kVote);
  ASSERT_EQ(taken.kind, Kind::datagram);
  EXPECT_EQ(taken.lane, kToPeer);
  EXPECT_EQ(taken.from, kPeerAt);
  EXPECT_EQ(taken.to, frames::kUs);
  EXPECT_EQ(as_text(rig.payload(taken)), "vote of the second");
  const Taken stranger = rig.take(changed(frames::kVote, kSourceAt, {198, 18, 0, 3}));
  EXPECT_EQ(stranger.kind, Kind::exception);
  EXPECT_EQ(stranger.drop, NetDrop::udp_other);
  EXPECT_EQ(rig.take(changed(frames::kVote, kPortsAt, {0x20, 0x1D})).drop, NetDrop::udp_other);
  EXPECT_EQ(rig.take(changed(frames::kVote, kPortsAt + 2, {0x20, 0x1D})).drop, NetDrop::udp_other);
}

TEST(Stack, OfTwoLanesAtOneEndTheConnectedOneComesFirst) {
  const LaneOptions open{endpoint_of(frames::kUs, 8'220), {}};
  StackOptions before = stack_options();
  before.lanes.insert(before.lanes.begin() + kToPeer, open);
  StackOptions behind = stack_options();
  behind.lanes.push_back(open);
  const Frame stranger = changed(frames::kVote, kSourceAt, {198, 18, 0, 3});
  StackRig first(before);
  EXPECT_EQ(first.take(frames::kVote).lane, kToPeer + 1);
  EXPECT_EQ(first.take(stranger).lane, kToPeer);
  StackRig second(behind);
  EXPECT_EQ(second.take(frames::kVote).lane, kToPeer);
  EXPECT_EQ(second.take(stranger).lane, behind.lanes.size() - 1);
  EXPECT_EQ(first.take(frames::kUnreachable).kind, Kind::consumed);
  EXPECT_EQ(first.stack.take_unreachable(), 1U << (kToPeer + 1));
}

TEST(Stack, ALaneAtAnyAddressTakesWhatComesToEachOfOurs) {
  StackRig rig;
  for (const Ipv4& to : {frames::kUs, frames::kVirtual}) {
    Frame frame = changed(frames::kQuery, kPortsAt + 2, {0x23, 0x28});  // port 9000
    put(frame, kDestinationAt, to);
    finish_ip(frame);
    const Taken taken = rig.take(frame);
    ASSERT_EQ(taken.kind, Kind::datagram);
    EXPECT_EQ(taken.lane, kAnywhere);
    EXPECT_EQ(taken.to, to);
  }
}

TEST(Stack, AVirtualAddressIsOursOnlyWhileWeOwnIt) {
  StackRig rig;
  rig.stack.disown(frames::kVirtual);
  EXPECT_FALSE(rig.stack.owns(frames::kVirtual));
  const Taken taken = rig.take(frames::kQuery);
  EXPECT_EQ(taken.kind, Kind::exception);
  EXPECT_EQ(taken.drop, NetDrop::ip_other);
  EXPECT_TRUE(taken.tap);
  Frame ping = changed(frames::kPing, kDestinationAt, {198, 18, 0, 100});
  EXPECT_EQ(rig.take(ping).kind, Kind::exception);
  Frame question = bytes(frames::kArpRequest);
  put(question, 38, frames::kVirtual);
  EXPECT_NE(rig.take(question).kind, Kind::reply);
  rig.stack.own(frames::kVirtual);
  EXPECT_EQ(rig.take(frames::kQuery).kind, Kind::datagram);
  EXPECT_EQ(rig.take(ping).kind, Kind::reply);
  EXPECT_EQ(rig.take(question).kind, Kind::reply);
  rig.stack.disown(frames::kUs);
  EXPECT_TRUE(rig.stack.owns(frames::kUs)) << "our own stays ours";
}

struct Refused {
  const char* what;
  Frame frame;
  Kind kind;
  NetDrop drop;
};

TEST(Stack, WhateverIsNotForUsHasAName) {
  const auto other_mac = [](Frame frame, std::initializer_list<uint8_t> mac) {
    put(frame, 0, mac);
    return frame;
  };
  const auto source_mac = [](Frame frame, std::initializer_list<uint8_t> mac) {
    put(frame, 6, mac);
    return frame;
  };
  const auto query = [](size_t at, std::initializer_list<uint8_t> value) {
    return changed(frames::kQuery, at, value);
  };
  Frame long_ping = bytes(frames::kPing);
  long_ping.resize(14 + 20 + kPingMax + 2);
  put(long_ping, 16, bytes_of(Be16(static_cast<uint16_t>(20 + kPingMax + 2))));
  put(long_ping, 36, {0, 0});
  finish_ip(long_ping);
  put(long_ping, 36, bytes_of(Be16(ones_checksum(ones_sum(Bytes(long_ping).subspan(34))))));
  Frame long_query = bytes(frames::kQuery);
  long_query.resize(14 + 28 + kDatagramMax + 1);
  put(long_query, 16, bytes_of(Be16(static_cast<uint16_t>(28 + kDatagramMax + 1))));
  put(long_query, 38, bytes_of(Be16(static_cast<uint16_t>(8 + kDatagramMax + 1))));
  put(long_query, 40, {0, 0});
  finish_ip(long_query);
  Frame conflict = bytes(frames::kArpRequest);
  put(conflict, 28, frames::kVirtual);
  Frame off_link = bytes(frames::kArpReply);
  put(off_link, 28, {203, 0, 113, 9});
  Frame others = bytes(frames::kArpRequest);
  put(others, 28, {198, 18, 0, 33});  // who is nobody that we look for
  put(others, 38, {198, 18, 0, 77});
  Frame group_sender = bytes(frames::kArpRequest);
  put(group_sender, 28, {198, 18, 0, 255});
  Frame bad_arp = bytes(frames::kArpRequest);
  bad_arp[18] = 8;
  Frame reverse = bytes(frames::kArpRequest);
  reverse[21] = 3;
  Frame damaged_ping = bytes(frames::kPing);
  damaged_ping.back() ^= 1U;
  Frame time_exceeded = bytes(frames::kUnreachable);
  time_exceeded[34] = 11;
  put(time_exceeded, 36, {0, 0});
  put(time_exceeded, 36, bytes_of(Be16(ones_checksum(ones_sum(Bytes(time_exceeded).subspan(34))))));
  Frame ip_damaged = bytes(frames::kQuery);
  ip_damaged[22] ^= 1U;
  Frame udp_damaged = bytes(frames::kQuery);
  udp_damaged[42] ^= 1U;

  Frame cut_query = bytes(frames::kQuery);
  cut_query.resize(33);

  const Refused table[] = {
      {"another station", other_mac(bytes(frames::kQuery), {2, 0, 0, 0, 0, 9}), Kind::dropped,
       NetDrop::mac_other},
      {"a unicast packet to all", other_mac(bytes(frames::kQuery), {255, 255, 255, 255, 255, 255}),
       Kind::dropped, NetDrop::mac_group},
      {"somebody else's packet to all",
       other_mac(query(kDestinationAt, {198, 18, 0, 9}), {255, 255, 255, 255, 255, 255}), Kind::dropped,
       NetDrop::mac_group},
      {"from a group", source_mac(bytes(frames::kQuery), {0x03}), Kind::dropped, NetDrop::mac_source},
      {"from nobody", source_mac(bytes(frames::kQuery), {0, 0, 0, 0, 0, 0}), Kind::dropped,
       NetDrop::mac_source},
      {"our own, come back", source_mac(bytes(frames::kQuery), {2, 0, 0, 0, 0, 1}), Kind::dropped,
       NetDrop::mac_own},
      {"tagged", bytes(frames::kQueryTagged), Kind::dropped, NetDrop::vlan},
      {"IPv6", changed(frames::kQuery, 12, {0x86, 0xDD}), Kind::exception, NetDrop::ether_type},
      {"a length, not a type", changed(frames::kQuery, 12, {0x00, 0x2E}), Kind::exception,
       NetDrop::ether_type},
      {"ARP of another kind of address", bad_arp, Kind::dropped, NetDrop::arp_malformed},
      {"reverse ARP", reverse, Kind::dropped, NetDrop::arp_operation},
      {"ARP of a broadcast address", group_sender, Kind::dropped, NetDrop::arp_sender},
      {"an answer from another network", off_link, Kind::dropped, NetDrop::arp_off_link},
      {"our address claimed", conflict, Kind::dropped, NetDrop::arp_conflict},
      {"a question about somebody else", others, Kind::exception, NetDrop::arp_other},
      {"no whole header", cut_query, Kind::dropped, NetDrop::ip_short},
      {"version", query(14, {0x65}), Kind::dropped, NetDrop::ip_version},
      {"header length", query(14, {0x44}), Kind::dropped, NetDrop::ip_header},
      {"total length", query(16, {0x01}), Kind::dropped, NetDrop::ip_length},
      {"header damaged", ip_damaged, Kind::dropped, NetDrop::ip_checksum},
      {"a piece", bytes(frames::kFragment), Kind::dropped, NetDrop::ip_fragment},
      {"a piece of an advert", changed(frames::kAdvert, 20, {0x20}), Kind::dropped, NetDrop::ip_fragment},
      {"a piece of something else", changed(frames::kPing, 20, {0x20}), Kind::exception,
       NetDrop::ip_fragment},
      {"from 0.0.0.0", query(kSourceAt, {0, 0, 0, 0}), Kind::dropped, NetDrop::ip_source},
      {"from loopback", query(kSourceAt, {127, 0, 0, 1}), Kind::dropped, NetDrop::ip_source},
      {"from a group", query(kSourceAt, {224, 0, 0, 18}), Kind::dropped, NetDrop::ip_source},
      {"from all", query(kSourceAt, {255, 255, 255, 255}), Kind::dropped, NetDrop::ip_source},
      {"from all of our network", query(kSourceAt, {198, 18, 0, 255}), Kind::dropped, NetDrop::ip_source},
      {"land", query(kSourceAt, {198, 18, 0, 100}), Kind::dropped, NetDrop::ip_source_ours},
      {"land, our own", query(kSourceAt, {198, 18, 0, 1}), Kind::dropped, NetDrop::ip_source_ours},
      {"another host", query(kDestinationAt, {198, 18, 0, 9}), Kind::exception, NetDrop::ip_other},
      {"loopback", query(kDestinationAt, {127, 0, 0, 1}), Kind::exception, NetDrop::ip_other},
      {"a group", query(kDestinationAt, {224, 0, 0, 1}), Kind::exception, NetDrop::ip_group},
      {"all", query(kDestinationAt, {255, 255, 255, 255}), Kind::exception, NetDrop::ip_group},
      {"all of our network", query(kDestinationAt, {198, 18, 0, 255}), Kind::exception, NetDrop::ip_group},
      {"TCP", query(kProtocolAt, {6}), Kind::exception, NetDrop::ip_protocol},
      {"VRRP to another group", changed(frames::kAdvert, kDestinationAt, {224, 0, 0, 19}), Kind::exception,
       NetDrop::ip_group},
      {"UDP without a header", query(17, {27}), Kind::dropped, NetDrop::udp_length},
      {"UDP length", query(39, {14}), Kind::dropped, NetDrop::udp_length},
      {"payload damaged", udp_damaged, Kind::dropped, NetDrop::udp_checksum},
      {"from port 0", query(kPortsAt, {0, 0}), Kind::dropped, NetDrop::udp_port},
      {"to a port without a lane", query(kPortsAt + 2, {0x20, 0x13}), Kind::exception, NetDrop::udp_other},
      {"longer than any of ours", long_query, Kind::dropped, NetDrop::udp_long},
      {"no whole ICMP header", changed(frames::kPing, 17, {27}), Kind::dropped, NetDrop::icmp_malformed},
      {"a damaged ping", damaged_ping, Kind::dropped, NetDrop::icmp_checksum},
      {"a ping that is too long", long_ping, Kind::dropped, NetDrop::ping_long},
      {"a pong", changed(frames::kPong, 0, {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}), Kind::dropped,
       NetDrop::ip_source_ours},
      {"time exceeded", time_exceeded, Kind::exception, NetDrop::icmp_other},
  };
  for (const Refused& c : table) {
    StackRig rig;
    const Taken taken = rig.take(c.frame);
    EXPECT_EQ(taken.kind, c.kind) << c.what;
    EXPECT_STREQ(name_of(taken.drop), name_of(c.drop)) << c.what;
    EXPECT_EQ(rig.frame, c.frame) << c.what << ": nothing is written to it";
    EXPECT_EQ(taken.tap, c.kind == Kind::exception) << c.what;
    EXPECT_EQ(rig.drops(c.drop), c.kind == Kind::dropped ? 1U : 0U)
        << c.what << ": an exception is the caller's";
  }
}

TEST(Stack, WhatTheDeviceFoundOutIsBelieved) {
  StackRig rig;
  EXPECT_EQ(rig.take(frames::kQuery, {Sum::bad, Sum::unknown}).drop, NetDrop::ip_checksum);
  EXPECT_EQ(rig.take(frames::kQuery, {Sum::good, Sum::bad}).drop, NetDrop::udp_checksum);
  Frame damaged = bytes(frames::kQuery);
  damaged[40] ^= 1U;  // UDP checksum
  damaged[24] ^= 1U;  // IPv4 checksum
  EXPECT_EQ(rig.take(damaged).drop, NetDrop::ip_checksum);
  EXPECT_EQ(rig.take(damaged, {Sum::good, Sum::unknown}).drop, NetDrop::udp_checksum);
  EXPECT_EQ(rig.take(damaged, {Sum::good, Sum::good}).kind, Kind::datagram);
}

TEST(Stack, AnUnfinishedChecksumIsTakenWhereItWasAskedFor) {
  Frame frame = bytes(frames::kQuery);
  put(frame, 40, bytes_of(Be16(ones_fold(udp_pseudo_sum(frames::kClient, frames::kVirtual, 13)))));
  StackRig strict;
  EXPECT_EQ(strict.take(frame).drop, NetDrop::udp_checksum);
  StackOptions options = stack_options();
  options.unfinished_sums_in = true;
  StackRig rig(options);
  EXPECT_EQ(rig.take(frame).kind, Kind::datagram);
  EXPECT_EQ(rig.take(frame, {Sum::good, Sum::bad}).kind, Kind::datagram) << "the device cannot know";
  frame[41] ^= 1U;
  EXPECT_EQ(rig.take(frame).drop, NetDrop::udp_checksum);
}

TEST(Stack, InAVlanOnlyItsFramesAreOurs) {
  StackOptions options = stack_options();
  options.vlan = 7;
  StackRig rig(options);
  EXPECT_EQ(rig.stack.headers(), 46U);
  const Taken taken = rig.take(frames::kQueryTagged);
  ASSERT_EQ(taken.kind, Kind::datagram);
  EXPECT_EQ(as_text(rig.payload(taken)), "seat?");
  EXPECT_EQ(rig.take(frames::kQuery).drop, NetDrop::vlan);
  Frame other = bytes(frames::kQueryTagged);
  other[15] = 8;
  EXPECT_EQ(rig.take(other).drop, NetDrop::vlan);
  StackRig untagged;
  Frame priority = bytes(frames::kQueryTagged);
  priority[15] = 0;
  EXPECT_EQ(untagged.take(priority).kind, Kind::datagram) << "a priority alone is no VLAN";
}

TEST(Stack, AnAdvertIsHandedOn) {
  StackRig rig;
  const Taken taken = rig.take(frames::kAdvert);
  ASSERT_EQ(taken.kind, Kind::vrrp);
  EXPECT_EQ(taken.ttl, 255);
  EXPECT_EQ(taken.from, endpoint_of(frames::kPeer, 0));
  EXPECT_EQ(taken.to, (Ipv4{224, 0, 0, 18}));
  EXPECT_EQ(taken.offset, 34);
  EXPECT_EQ(taken.size, 12);
  Frame unicast = changed(frames::kAdvert, kDestinationAt, {198, 18, 0, 1});
  put(unicast, 0, frames::kOurMac);
  EXPECT_EQ(rig.take(unicast).kind, Kind::vrrp);
}

TEST(Stack, WhereNobodyHearsAdvertsTheyAreLikeAnyGroupsPackets) {
  StackOptions options = stack_options();
  options.vrrp = false;  // a backend
  StackRig rig(options);
  const Taken taken = rig.take(frames::kAdvert);
  EXPECT_EQ(taken.kind, Kind::exception);
  EXPECT_EQ(taken.drop, NetDrop::ip_group);
  Frame unicast = changed(frames::kAdvert, kDestinationAt, {198, 18, 0, 1});
  put(unicast, 0, frames::kOurMac);
  EXPECT_EQ(rig.take(unicast).drop, NetDrop::ip_protocol);
}

TEST(Stack, TheOtherServersAdvertsAreHeardUnderTheSameVirtualMac) {
  const Mac virtual_mac{0, 0, 0x5E, 0, 1, 7};
  StackRig rig;
  rig.stack.own(frames::kVirtual, virtual_mac);
  Frame advert = bytes(frames::kAdvert);
  put(advert, 6, virtual_mac);
  EXPECT_EQ(rig.take(advert).kind, Kind::vrrp);
}

}  // namespace
}  // namespace tercet::dataplane
