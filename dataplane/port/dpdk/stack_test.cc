#include "dataplane/port/dpdk/stack.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "dataplane/net/arp.h"
#include "dataplane/net/icmp.h"
#include "dataplane/net/udp.h"
#include "dataplane/port/dpdk/stack_rig.h"
#include "tests/allocations/allocations.h"

namespace tercet::dataplane {
namespace {

using frames::bytes;
using Kind = Taken::Kind;
using Frame = std::vector<uint8_t>;

void put(Frame& frame, size_t at, Bytes value) {
  std::ranges::copy(value, frame.begin() + static_cast<ptrdiff_t>(at));
}
void put(Frame& frame, size_t at, std::initializer_list<uint8_t> value) {
  put(frame, at, Bytes(value.begin(), value.size()));
}
/// The checksum of a header without options made right.
void finish_ip(Frame& frame, size_t at = 14) {
  put(frame, at + 10, {0, 0});
  const Be16 sum = ones_checksum(ones_sum(Bytes(frame).subspan(at, 20)));
  put(frame, at + 10, bytes_of(sum));
}
/// A fixture with other bytes at `at` of the frame; the IP header's checksum is made right, UDP's left out.
Frame changed(std::string_view hex, size_t at, std::initializer_list<uint8_t> value) {
  Frame frame = bytes(hex);
  put(frame, at, value);
  finish_ip(frame);
  if (frame[23] == kProtocolUdp) {
    put(frame, 40, {0, 0});
  }
  return frame;
}
constexpr size_t kProtocolAt = 23;
constexpr size_t kSourceAt = 26;
constexpr size_t kDestinationAt = 30;
constexpr size_t kPortsAt = 34;

// Receiving.

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

// Answers.

TEST(Stack, AQuestionForAnAddressOfOursIsAnsweredInPlace) {
  StackRig rig;
  const Taken taken = rig.take(frames::kArpRequest);
  ASSERT_EQ(taken.kind, Kind::reply);
  EXPECT_EQ(taken.offset, 0);
  EXPECT_EQ(taken.size, 42);
  const Frame reply = bytes(
      "020000000002 020000000001 0806 0001 0800 06 04 0002 020000000001 c6120001 020000000002 c6120002");
  EXPECT_TRUE(equal(rig.payload(taken), reply));
  EXPECT_EQ(rig.stack.counters().arp_answered.get(), 1U);
  EXPECT_EQ(rig.stack.counters().arp_learned.get(), 1U);
}

TEST(Stack, AProbeIsAnsweredAndNobodyLearned) {
  StackRig rig;
  Frame probe = bytes(frames::kArpRequest);
  put(probe, 28, {0, 0, 0, 0});
  EXPECT_EQ(rig.take(probe).kind, Kind::reply);
  EXPECT_EQ(rig.stack.counters().arp_learned.get(), 0U);
}

TEST(Stack, AQuestionFromAnotherNetworkIsAnsweredButNotLearned) {
  StackRig rig;  // a router whose address on this link is of the virtual address' network, not of ours
  Frame question = bytes(frames::kArpRequest);
  put(question, 28, {203, 0, 113, 1});
  put(question, 38, frames::kVirtual);
  EXPECT_EQ(rig.take(question).kind, Kind::reply);
  EXPECT_EQ(rig.stack.counters().arp_learned.get(), 0U);
}

TEST(Stack, AVirtualMacIsWhatIsAnswered) {
  const Mac virtual_mac{0, 0, 0x5E, 0, 1, 7};
  StackRig rig;
  rig.stack.own(frames::kVirtual, virtual_mac);
  Frame question = bytes(frames::kArpRequest);
  put(question, 38, frames::kVirtual);
  const Taken taken = rig.take(question);
  ASSERT_EQ(taken.kind, Kind::reply);
  EXPECT_TRUE(equal(Bytes(rig.frame).subspan(22, 6), virtual_mac));
  EXPECT_TRUE(equal(Bytes(rig.frame).subspan(6, 6), virtual_mac));
  Frame query = bytes(frames::kQuery);
  put(query, 0, virtual_mac);
  EXPECT_EQ(rig.take(query).kind, Kind::datagram);
  std::vector<uint8_t> garp(42);
  EXPECT_EQ(rig.stack.gratuitous(garp, frames::kVirtual), 42U);
  EXPECT_TRUE(equal(garp, bytes_of(gratuitous_arp(virtual_mac, frames::kVirtual))));
  std::array<uint8_t, 64> headers{};
  rig.stack.write_headers(headers.data(), kClients, kClientAt, frames::kGatewayMac, {});
  EXPECT_TRUE(equal(Bytes(headers).subspan(6, 6), virtual_mac));
  rig.stack.disown(frames::kVirtual);
  EXPECT_EQ(rig.take(query).drop, NetDrop::mac_other);
}

TEST(Stack, APingIsAnsweredInPlace) {
  StackRig rig;
  const Taken taken = rig.take(frames::kPing);
  ASSERT_EQ(taken.kind, Kind::reply);
  EXPECT_EQ(taken.size, 58);
  EXPECT_EQ(rig.frame, bytes(frames::kPong));
  EXPECT_EQ(rig.stack.counters().pings_answered.get(), 1U);
}

TEST(Stack, APingWithOptionsIsAnsweredWithoutThem) {
  StackRig rig;
  Frame ping = bytes(frames::kPing);
  ping.insert(ping.begin() + 34, {1, 1, 1, 0});  // three no-operations, end of list
  ping[14] = 0x46;
  ping[17] = static_cast<uint8_t>(ping[17] + 4);
  put(ping, 24, {0, 0});
  put(ping, 24, bytes_of(Be16(ones_checksum(ones_sum(Bytes(ping).subspan(14, 24))))));
  const Taken taken = rig.take(ping);
  ASSERT_EQ(taken.kind, Kind::reply);
  EXPECT_TRUE(equal(rig.payload(taken), bytes(frames::kPong)));
}

TEST(Stack, ATaggedPingKeepsItsTag) {
  StackOptions options = stack_options();
  options.vlan = 7;
  StackRig rig(options);
  Frame ping = bytes(frames::kPing);
  Frame pong = bytes(frames::kPong);
  for (Frame* frame : {&ping, &pong}) {
    frame->insert(frame->begin() + 12, {0x81, 0x00, 0xA0, 0x07});
  }
  const Taken taken = rig.take(ping);
  ASSERT_EQ(taken.kind, Kind::reply);
  EXPECT_TRUE(equal(rig.payload(taken), pong));
}

TEST(Stack, TheLongestPingThatIsAnswered) {
  StackRig rig;
  Frame ping = bytes(frames::kPing);
  ping.resize(14 + 20 + kPingMax);
  put(ping, 16, bytes_of(Be16(static_cast<uint16_t>(20 + kPingMax))));
  finish_ip(ping);
  put(ping, 36, {0, 0});
  put(ping, 36, bytes_of(Be16(ones_checksum(ones_sum(Bytes(ping).subspan(34))))));
  const Taken taken = rig.take(ping);
  ASSERT_EQ(taken.kind, Kind::reply);
  EXPECT_EQ(taken.size, 1'514);
  IcmpHeader header;
  EXPECT_EQ(parse_icmp(rig.payload(taken).subspan(34), header), NetDrop::none);
}

TEST(Stack, PingsCanBeLeftUnanswered) {
  StackOptions options = stack_options();
  options.answer_ping = false;
  StackRig rig(options);
  const Taken taken = rig.take(frames::kPing);
  EXPECT_EQ(taken.kind, Kind::exception);
  EXPECT_EQ(taken.drop, NetDrop::ping_refused);
}

TEST(Stack, AClosedPortIsReportedOnItsLane) {
  StackRig rig;
  EXPECT_EQ(rig.take(frames::kUnreachable).kind, Kind::consumed);
  EXPECT_EQ(rig.stack.take_unreachable(), 1U << kToPeer);
  EXPECT_EQ(rig.stack.take_unreachable(), 0U) << "reading clears it";
  const auto with = [&](size_t at, std::initializer_list<uint8_t> value) {
    Frame frame = bytes(frames::kUnreachable);
    put(frame, at, value);
    put(frame, 36, {0, 0});
    put(frame, 36, bytes_of(Be16(ones_checksum(ones_sum(Bytes(frame).subspan(34))))));
    return rig.take(frame);
  };
  EXPECT_EQ(with(35, {1}).kind, Kind::consumed) << "host unreachable passes";
  EXPECT_EQ(rig.stack.take_unreachable(), 0U);
  EXPECT_EQ(with(42 + 12, {198, 18, 0, 9}).drop, NetDrop::icmp_other) << "not from an address of ours";
  EXPECT_EQ(with(42 + 16, {198, 18, 0, 9}).drop, NetDrop::icmp_other) << "to nobody of ours";
  EXPECT_EQ(with(42 + 20, {0x20, 0x1D}).drop, NetDrop::icmp_other);
  EXPECT_EQ(with(42 + 22, {0x20, 0x1D}).drop, NetDrop::icmp_other);
  EXPECT_EQ(with(42 + 22, {0, 0}).drop, NetDrop::icmp_other) << "port 0 names no unconnected lane";
  EXPECT_EQ(with(42, {0x65}).drop, NetDrop::icmp_malformed);
  EXPECT_EQ(rig.stack.take_unreachable(), 0U);
  EXPECT_EQ(rig.stack.counters().peer_unreachable.get(), 2U);
}

TEST(Stack, WhoClaimsOurAddressIsCountedAndShown) {
  StackRig rig;
  Frame claim = bytes(frames::kArpRequest);  // the announcement of another holder
  put(claim, 28, frames::kVirtual);
  put(claim, 38, frames::kVirtual);
  EXPECT_EQ(rig.take(claim).drop, NetDrop::arp_conflict);
  EXPECT_EQ(rig.stack.counters().arp_conflicts.get(), 1U);
  EXPECT_EQ(rig.stack.counters().conflict_address.get(), number(frames::kVirtual));
  EXPECT_EQ(rig.stack.counters().conflict_mac.get(), 0x020000000002U);
  EXPECT_EQ(rig.stack.next_hop(frames::kVirtual, rig.now).kind, Hop::Kind::no_route) << "it was not believed";
  put(claim, 22, frames::kOurMac);
  EXPECT_EQ(rig.take(claim).drop, NetDrop::mac_own) << "our own, by a way that changed the frame's source";
  EXPECT_EQ(rig.stack.counters().arp_conflicts.get(), 1U);
  rig.stack.disown(frames::kVirtual);
  put(claim, 22, frames::kPeerMac);
  EXPECT_EQ(rig.take(claim).kind, Kind::exception) << "then it is somebody's address like any other";
}

// Sending.

TEST(Stack, WhoIsNeededIsAskedForAtStart) {
  StackRig rig;
  std::vector<Frame> questions = rig.questions();
  ASSERT_EQ(questions.size(), 2U) << "the gateway and the peer";
  const Frame gateway = bytes(
      "ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 c6120001 000000000000 c61200fe");
  const Frame peer = bytes(
      "ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 c6120001 000000000000 c6120002");
  EXPECT_EQ(questions[0], gateway);
  EXPECT_EQ(questions[1], peer);
  EXPECT_EQ(rig.stack.due(), rig.now + kNeighbourRetry);
  EXPECT_EQ(rig.stack.counters().arp_asked.get(), 2U);
  Hop hop = rig.stack.next_hop(kToPeer, {}, rig.now);
  EXPECT_EQ(hop.kind, Hop::Kind::resolving);
  const Taken taken = rig.take(frames::kArpReply);
  EXPECT_EQ(taken.kind, Kind::consumed);
  EXPECT_TRUE(taken.tap);
  EXPECT_EQ(rig.stack.resolutions(), 1U);
  hop = rig.stack.next_hop(kToPeer, {}, rig.now);
  EXPECT_EQ(hop.kind, Hop::Kind::ready);
  EXPECT_EQ(*hop.mac, frames::kPeerMac);
}

void resolve_gateway(StackRig& rig) {
  Frame reply = bytes(frames::kArpReply);
  put(reply, 6, frames::kGatewayMac);
  put(reply, 22, frames::kGatewayMac);
  put(reply, 28, frames::kGateway);
  ASSERT_EQ(rig.take(reply).kind, Kind::consumed);
}

TEST(Stack, HopsFollowRoutes) {
  StackOptions options = stack_options();
  options.routes = {{{198, 19, 0, 0}, 16, {198, 18, 0, 2}}};
  StackRig rig(options);
  resolve_gateway(rig);
  rig.take(frames::kArpReply);
  const auto hop = [&](Lane lane, const Ipv4& to) {
    return rig.stack.next_hop(lane, endpoint_of(to, 1), rig.now);
  };
  const auto mac = [&](Lane lane, const Ipv4& to) {
    const Hop found = hop(lane, to);
    return found.kind == Hop::Kind::ready ? *found.mac : Mac{};
  };
  EXPECT_EQ(mac(kClients, frames::kClient), frames::kGatewayMac);
  EXPECT_EQ(mac(kClients, {198, 19, 5, 5}), frames::kPeerMac);
  EXPECT_EQ(mac(kFarPeer, {}), frames::kPeerMac);
  rig.questions();
  EXPECT_EQ(hop(kClients, {198, 18, 0, 44}).kind, Hop::Kind::resolving);
  const std::vector<Frame> questions = rig.questions();
  ASSERT_EQ(questions.size(), 1U);
  EXPECT_TRUE(equal(Bytes(questions[0]).subspan(38, 4), Ipv4{198, 18, 0, 44}));
  for (const Ipv4& nobody : {frames::kUs, frames::kVirtual, Ipv4{0, 0, 0, 0}, Ipv4{127, 0, 0, 1},
                             Ipv4{255, 255, 255, 255}, Ipv4{198, 18, 0, 255}}) {
    EXPECT_EQ(hop(kClients, nobody).kind, Hop::Kind::no_route) << int{nobody[0]};
  }
  EXPECT_EQ(rig.stack.next_hop(kClients, Endpoint{{0x20, 0x01}, 1}, rig.now).kind, Hop::Kind::no_route);
  const Hop group = rig.stack.next_hop({224, 0, 0, 18}, rig.now);
  EXPECT_EQ(group.kind, Hop::Kind::ready);
  EXPECT_EQ(*group.mac, (Mac{0x01, 0, 0x5E, 0, 0, 18}));
  EXPECT_EQ(*rig.stack.next_hop({239, 255, 1, 2}, rig.now).mac, (Mac{0x01, 0, 0x5E, 0x7F, 1, 2}));
  options.gateway.reset();
  options.lanes.pop_back();
  StackRig alone(options);
  EXPECT_EQ(alone.stack.next_hop(kClients, kClientAt, alone.now).kind, Hop::Kind::no_route);
}

TEST(Stack, WhatAnotherThreadsStackTookIsHeard) {
  StackRig rig;
  rig.questions();
  rig.stack.hear(bytes(frames::kArpReply), rig.now);
  const Hop hop = rig.stack.next_hop(kToPeer, {}, rig.now);
  ASSERT_EQ(hop.kind, Hop::Kind::ready);
  EXPECT_EQ(*hop.mac, frames::kPeerMac);
  EXPECT_EQ(rig.stack.resolutions(), 1U);
  const uint64_t learned = rig.stack.counters().arp_learned.get();
  Frame claim = bytes(frames::kArpRequest);
  put(claim, 28, frames::kVirtual);
  Frame broadcast = bytes(frames::kArpRequest);
  put(broadcast, 28, {198, 18, 0, 255});
  Frame elsewhere = bytes(frames::kArpRequest);
  put(elsewhere, 28, {203, 0, 113, 1});
  Frame cut = bytes(frames::kArpReply);
  cut.resize(41);
  Frame tagged = bytes(frames::kArpRequest);
  tagged.insert(tagged.begin() + 12, {0x81, 0x00, 0x00, 0x07});
  for (const Frame& frame : {claim, broadcast, elsewhere, cut, tagged, bytes(frames::kQuery), Frame{}}) {
    rig.stack.hear(frame, rig.now);
  }
  EXPECT_EQ(rig.stack.counters().arp_learned.get(), learned);
  EXPECT_EQ(rig.stack.counters().arp_answered.get(), 0U);
  EXPECT_EQ(rig.stack.counters().arp_conflicts.get(), 0U) << "who took it has counted it";
}

TEST(Stack, NobodyIsAskedForInVainForEver) {
  StackRig rig;
  rig.take(frames::kArpReply);
  resolve_gateway(rig);
  const Ipv4 gone{198, 18, 0, 44};
  uint64_t asked = 0;
  EXPECT_EQ(rig.stack.next_hop(gone, rig.now).kind, Hop::Kind::resolving);
  for (int second = 0; second < 15; ++second) {
    asked += rig.questions().size();
    rig.now = rig.now + seconds(1);
  }
  EXPECT_EQ(asked, kNeighbourTries);
  EXPECT_EQ(rig.stack.counters().arp_unanswered.get(), 1U);
}

/// What a host that receives it makes of it, checksums looked at.
void expect_datagram(Bytes frame, const Endpoint& from, const Endpoint& to, Bytes payload, uint16_t vlan) {
  EthernetView ethernet;
  ASSERT_EQ(parse_ethernet(frame, ethernet), NetDrop::none);
  EXPECT_EQ(ethernet.destination, frames::kGatewayMac);
  EXPECT_EQ(ethernet.source, frames::kOurMac);
  EXPECT_EQ(ethernet.vlan, vlan);
  ASSERT_EQ(ethernet.type, kEtherTypeIpv4);
  Ipv4View ip;
  ASSERT_EQ(parse_ip(frame.subspan(ethernet.offset), false, ip), NetDrop::none);
  EXPECT_EQ(ip.ttl, 64);
  EXPECT_FALSE(ip.fragment);
  const Bytes packet = frame.subspan(size_t{ethernet.offset} + ip.header_size, ip.size);
  UdpView udp;
  ASSERT_EQ(parse_udp(packet, ip.source, ip.destination, UdpSum::compute, udp), NetDrop::none);
  EXPECT_FALSE(packet[6] == 0 && packet[7] == 0) << "a checksum is there";
  EXPECT_EQ(endpoint_of(ip.source, udp.source_port), from);
  EXPECT_EQ(endpoint_of(ip.destination, udp.destination_port), to);
  EXPECT_TRUE(equal(packet.subspan(8, udp.size), payload));
}

TEST(Stack, HeadersAreRightForEveryLaneSizeAndTag) {
  for (const uint16_t vlan : std::initializer_list<uint16_t>{0, 7}) {
    StackOptions options = stack_options();
    options.vlan = vlan;
    StackRig rig(options);
    const size_t headers = rig.stack.headers();
    struct Case {
      Lane lane;
      Endpoint from;
      Endpoint to;
    };
    const Case cases[] = {
        {kClients, endpoint_of(frames::kVirtual, 8'210), kClientAt},
        {kClients, endpoint_of(frames::kVirtual, 8'210), endpoint_of({255, 254, 253, 252}, 65'535)},
        {kToPeer, endpoint_of(frames::kUs, 8'220), kPeerAt},
        {kAnywhere, endpoint_of(frames::kUs, 9'000), kClientAt},
        {kFarPeer, endpoint_of(frames::kUs, 8'221), endpoint_of({198, 19, 0, 1}, 8'220)},
    };
    for (const Case& c : cases) {
      for (const size_t size :
           {size_t{0}, size_t{1}, size_t{2}, size_t{127}, size_t{128}, size_t{1'451}, kDatagramMax}) {
        Frame frame(headers + size, 0xEE);
        for (size_t i = 0; i < size; ++i) {
          frame[headers + i] = static_cast<uint8_t>(i * 7 + size);
        }
        const Frame payload(frame.begin() + static_cast<ptrdiff_t>(headers), frame.end());
        rig.stack.write_headers(frame.data(), c.lane, c.to, frames::kGatewayMac,
                                Bytes(frame).subspan(headers, size));
        expect_datagram(frame, c.from, c.to, payload, vlan);
      }
    }
  }
}

TEST(Stack, AReplyIsByteForByteWhatItShouldBe) {
  StackRig rig;
  Frame frame(42 + 7, 0xEE);
  put(frame, 42, as_bytes("granted"));
  rig.stack.write_headers(frame.data(), kClients, kClientAt, frames::kGatewayMac, Bytes(frame).subspan(42));
  const Frame golden = bytes(
      "0200000000fe 020000000001 0800"
      "4500 0023 0000 4000 4011 384c c6120064 cb007107"  // total 35, do not fragment
      "2012 9c40 000f 9fb8"
      "6772616e746564");
  EXPECT_EQ(frame, golden);
}

TEST(Stack, AUdpChecksumOfZeroIsSentAsOnes) {
  StackRig rig;
  bool reached = false;
  for (unsigned value = 0; value <= 0xFFFF; ++value) {
    Frame frame(44);
    put(frame, 42, {static_cast<uint8_t>(value >> 8U), static_cast<uint8_t>(value)});
    rig.stack.write_headers(frame.data(), kClients, kClientAt, frames::kGatewayMac, Bytes(frame).subspan(42));
    ASSERT_FALSE(frame[40] == 0 && frame[41] == 0) << value;
    reached = reached || (frame[40] == 0xFF && frame[41] == 0xFF);
  }
  EXPECT_TRUE(reached);
}

TEST(Stack, ADeviceGetsWhatItWants) {
  StackOptions options = stack_options();
  options.ip_sum_out = options.udp_sum_out = true;
  StackRig rig(options);
  const auto written = [&](Lane lane) {
    Frame frame(47, 0x5A);
    rig.stack.write_headers(frame.data(), lane, kClientAt, frames::kGatewayMac, Bytes(frame).subspan(42));
    return frame;
  };
  for (const auto& [lane, source, destination] :
       {std::tuple{kClients, frames::kVirtual, frames::kClient}, {kToPeer, frames::kUs, frames::kPeer}}) {
    const Frame frame = written(lane);
    EXPECT_EQ(frame[24], 0);
    EXPECT_EQ(frame[25], 0);
    EXPECT_TRUE(equal(Bytes(frame).subspan(40, 2),
                      bytes_of(Be16(ones_fold(udp_pseudo_sum(source, destination, 13))))));
  }
}

TEST(Stack, AWholePacketOfAnotherProtocol) {
  StackRig rig;
  Ipv4Header header;
  header.tos = kTosInternetControl;
  header.ttl = 255;
  header.protocol = kProtocolVrrp;
  header.source = frames::kPeer;
  header.destination = {224, 0, 0, 18};
  header.id = uint16_t{0x1234};
  const Frame golden = bytes(frames::kAdvert);
  Frame frame(46);
  const Hop hop = rig.stack.next_hop(header.destination, rig.now);
  EXPECT_EQ(rig.stack.write_packet(MutBytes(frame).first(45), header, *hop.mac, frames::kPeerMac,
                                   Bytes(golden).subspan(34, 12)),
            0U);
  EXPECT_EQ(rig.stack.write_packet(MutBytes(frame).first(13), header, *hop.mac, frames::kPeerMac, {}), 0U);
  ASSERT_EQ(rig.stack.write_packet(frame, header, *hop.mac, frames::kPeerMac, Bytes(golden).subspan(34, 12)),
            46U);
  EXPECT_TRUE(equal(frame, Bytes(golden).first(46)));
}

TEST(Stack, WhatDoesNotFitStaysDue) {
  StackRig rig;
  Frame small(41);
  EXPECT_EQ(rig.stack.next_question(small, rig.now), 0U);
  EXPECT_LE(rig.stack.due(), rig.now);
  EXPECT_EQ(rig.stack.gratuitous(small, frames::kVirtual), 0U);
  EXPECT_EQ(rig.questions().size(), 2U);
}

// Untrusted bytes.

TEST(Stack, CutShortAtEveryByteNothingIsReadBehindIt) {
  StackOptions tagged = stack_options();
  tagged.vlan = 7;
  for (const std::string_view hex : frames::kAll) {
    const Frame whole = bytes(hex);
    for (size_t size = 0; size < whole.size(); ++size) {
      StackRig rig(hex == frames::kQueryTagged ? tagged : stack_options());
      const Frame cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
      const Taken taken = rig.take(cut);  // a block of just this size: the sanitizer sees the rest
      ASSERT_LE(size_t{taken.offset} + taken.size, size) << hex;
      if (taken.kind == Kind::dropped) {
        ASSERT_NE(taken.drop, NetDrop::none);
      }
    }
  }
}

TEST(Stack, NoFlippedBitMakesAnotherDatagramOfIt) {
  for (const auto& [hex, end] :
       {std::pair{frames::kQuery, 47U}, {frames::kVote, 60U}, {frames::kQueryOptions, 55U}}) {
    const Frame whole = bytes(hex);
    for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
      Frame flipped = whole;
      flipped[bit / 8] ^= static_cast<uint8_t>(1U << bit % 8);
      StackRig rig;
      const Taken taken = rig.take(flipped);
      const bool covered =
          bit / 8 < 6 || (bit / 8 >= 12 && bit / 8 < end);  // not the source MAC, not the padding
      EXPECT_EQ(taken.kind == Kind::datagram, !covered && bit != 6 * 8) << hex << " bit " << bit;
    }
  }
  for (const std::string_view hex : frames::kAll) {
    for (size_t bit = 0; bit < bytes(hex).size() * 8; ++bit) {
      Frame flipped = bytes(hex);
      flipped[bit / 8] ^= static_cast<uint8_t>(1U << bit % 8);
      StackRig rig;
      const Taken taken = rig.take(flipped);
      ASSERT_LE(size_t{taken.offset} + taken.size, flipped.size());
    }
  }
}

TEST(Stack, NothingIsAllocatedAfterConstruction) {
  StackRig rig;
  std::vector<Frame> all;
  for (const std::string_view hex : frames::kAll) {
    all.push_back(bytes(hex));
  }
  Frame buffer(2'048);
  const uint64_t before = allocations_so_far();
  for (uint32_t i = 0; i < 20'000; ++i) {
    Frame& frame = all[i % all.size()];
    if (rig.stack.plain(frame, {}).headers == nullptr) {
      rig.stack.take(frame, {}, rig.now);
    }
    const Ipv4 to = ipv4_of(number(frames::kUs) + i % 250);
    const Hop hop = rig.stack.next_hop(kClients, endpoint_of(to, 1), rig.now);
    rig.stack.write_headers(buffer.data(), kClients, kClientAt, hop.mac != nullptr ? *hop.mac : Mac{},
                            Bytes(buffer).subspan(42, 100));
    while (rig.stack.next_question(buffer, rig.now) != 0) {
    }
    rig.now = rig.now + milliseconds(1);
    i % 2 == 0 ? rig.stack.own(frames::kVirtual) : rig.stack.disown(frames::kVirtual);
  }
  EXPECT_EQ(allocations_so_far() - before, 0U);
}

}  // namespace
}  // namespace tercet::dataplane
