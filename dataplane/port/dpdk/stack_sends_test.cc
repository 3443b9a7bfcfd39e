// What leaves: who is asked for, by which hop, which headers.

#include <gtest/gtest.h>

#include <vector>

#include "dataplane/net/arp.h"
#include "dataplane/net/udp.h"
#include "dataplane/port/dpdk/changed_frames.h"
#include "dataplane/port/dpdk/stack.h"
#include "dataplane/port/dpdk/stack_rig.h"

namespace tercet::dataplane {
namespace {

using frames::bytes;
using Kind = Taken::Kind;

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

}  // namespace
}  // namespace tercet::dataplane
