// What the stack answers by itself: ARP, pings, closed ports.

#include <gtest/gtest.h>

#include <vector>

#include "dataplane/net/arp.h"
#include "dataplane/net/icmp.h"
#include "dataplane/port/dpdk/changed_frames.h"
#include "dataplane/port/dpdk/stack.h"
#include "dataplane/port/dpdk/stack_rig.h"

namespace tercet::dataplane {
namespace {

using frames::bytes;
using Kind = Taken::Kind;

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

TEST(Stack, WhoMovesAmongOurNextHopsIsTold) {
  StackRig rig;
  rig.questions();
  rig.take(frames::kArpReply);
  EXPECT_FALSE(rig.stack.take_move()) << "learned, not moved";
  Frame claim = bytes(frames::kArpRequest);
  const Mac other{2, 0, 0, 0, 0, 9};
  put(claim, 6, other);
  put(claim, 22, other);
  rig.take(claim);
  EXPECT_EQ(rig.stack.counters().arp_moved.get(), 1U);
  const auto move = rig.stack.take_move();
  ASSERT_TRUE(move);
  EXPECT_EQ(move->address, frames::kPeer);
  EXPECT_EQ(move->was, frames::kPeerMac);
  EXPECT_EQ(move->now, other);
  EXPECT_FALSE(rig.stack.take_move()) << "once";
}

TEST(Stack, WhoIsNoNextHopMayMoveUnsaid) {
  StackRig rig;
  Frame question = bytes(frames::kArpRequest);
  put(question, 28, {198, 18, 0, 50});
  rig.take(question);
  put(question, 22, Mac{2, 0, 0, 0, 0, 9});
  rig.take(question);
  EXPECT_EQ(rig.stack.counters().arp_moved.get(), 1U);
  EXPECT_FALSE(rig.stack.take_move());
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

}  // namespace
}  // namespace tercet::dataplane
