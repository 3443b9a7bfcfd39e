#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "dataplane/port/dpdk/stack.h"
#include "dataplane/port/dpdk/stack_rig.h"

namespace tercet::dataplane {
namespace {

std::string refusal(const std::function<void(StackOptions&)>& change) {
  StackOptions options = stack_options();
  change(options);
  const auto checked = check_options(options);
  return checked ? "" : checked.error();
}

TEST(StackOptions, TheRigsAreGood) {
  EXPECT_EQ(refusal([](StackOptions&) {}), "");
  EXPECT_EQ(refusal([](StackOptions& o) { o.vlan = 4'094; }), "");
  EXPECT_EQ(refusal([](StackOptions& o) { o.routes = {{{10, 0, 0, 0}, 8, {198, 18, 0, 3}}}; }), "");
}

TEST(StackOptions, AHostWithoutANetworkMayHaveItsGatewayAnywhere) {
  EXPECT_EQ(refusal([](StackOptions& o) {
              o.own.prefix_length = 32;
              o.gateway = Ipv4{10, 0, 0, 1};
            }),
            "");
}

TEST(StackOptions, WhatCannotWorkIsRefusedWithWhatToDo) {
  struct Case {
    std::function<void(StackOptions&)> change;
    const char* says;
  };
  const auto v6 = [](uint16_t port) { return *parse_address("2001:db8::1", port); };
  const Case cases[] = {
      {[](StackOptions& o) { o.mac = kBroadcast; }, "MAC"},
      {[](StackOptions& o) { o.mac = {}; }, "MAC"},
      {[](StackOptions& o) { o.vlan = 4'095; }, "VLAN 4095: give 1 to 4094"},
      {[&](StackOptions& o) { o.own.address = v6(0).address; }, "2001:db8::1: IPv6"},
      {[](StackOptions& o) { o.own.prefix_length = 0; }, "1 to 32: 198.18.0.1/24"},
      {[](StackOptions& o) { o.own.prefix_length = 33; }, "1 to 32"},
      {[](StackOptions& o) {
         o.own.address = endpoint_of({198, 18, 0, 255}, 0).address;
       },
       "198.18.0.255/24 cannot be"},
      {[](StackOptions& o) {
         o.own.address = endpoint_of({224, 0, 0, 18}, 0).address;
       },
       "cannot be"},
      {[](StackOptions& o) {
         o.gateway = Ipv4{198, 18, 1, 254};
       },
       "gateway: 198.18.1.254 is not on our link (198.18.0.1/24)"},
      {[](StackOptions& o) { o.gateway = frames::kUs; }, "gateway: 198.18.0.1 is our own"},
      {[](StackOptions& o) {
         o.gateway = Ipv4{198, 18, 0, 0};
       },
       "gateway: 198.18.0.0 is not the address of a host"},
      {[](StackOptions& o) {
         o.routes = {{{10, 0, 0, 0}, 33, frames::kPeer}};
       },
       "route to 10.0.0.0/33: give"},
      {[](StackOptions& o) {
         o.routes = {{{10, 0, 0, 0}, 8, {10, 0, 0, 1}}};
       },
       "route to 10.0.0.0/8: 10.0.0.1 is not on our link"},
      {[](StackOptions& o) { o.neighbours = 0; }, "neighbours"},
      {[](StackOptions& o) { o.neighbours = size_t{1} << 40U; }, "neighbours"},
      {[](StackOptions& o) { o.lanes.resize(kLanesMax + 1, o.lanes[0]); }, "32 lanes"},
      {[&](StackOptions& o) { o.lanes[0].local = v6(1); }, "lane 0 at [2001:db8::1]:1: IPv6"},
      {[&](StackOptions& o) { o.lanes[1].remote = v6(1); }, "lane 1 at 198.18.0.1:8220: IPv6"},
      {[](StackOptions& o) { o.lanes[0].local.port = 0; }, "lane 0 at 198.18.0.100:0: no kernel"},
      {[](StackOptions& o) {
         o.lanes[0].local = endpoint_of({127, 0, 0, 1}, 1);
       },
       "127.0.0.1 cannot be"},
      {[](StackOptions& o) { o.lanes[1].remote = endpoint_of({}, 1); },
       "0.0.0.0 is not the address of a host"},
      {[](StackOptions& o) {
         o.lanes[1].remote = endpoint_of({198, 18, 0, 255}, 1);
       },
       "is not the address"},
      {[](StackOptions& o) { o.lanes[1].remote = endpoint_of(frames::kUs, 1); }, "no loopback"},
      {[](StackOptions& o) { o.gateway.reset(); }, "lane 3 at 198.18.0.1:8221: no way leads to 198.19.0.1"},
      {[](StackOptions& o) { o.lanes[2] = o.lanes[0]; }, "lane 2 at 198.18.0.100:8210: another lane"},
      {[](StackOptions& o) { o.lanes[3] = o.lanes[1]; }, "lane 3 at 198.18.0.1:8220: another lane"},
  };
  for (const Case& c : cases) {
    const std::string said = refusal(c.change);
    EXPECT_NE(said.find(c.says), std::string::npos) << "\"" << said << "\" does not say \"" << c.says << "\"";
    EXPECT_EQ(said.find('\n'), std::string::npos);
  }
  EXPECT_EQ(
      refusal([](StackOptions& o) {
        o.lanes[0] = {endpoint_of(frames::kUs, 8'220), {}};  // beside a connected lane at the same place
      }),
      "");
}

TEST(StackOptions, AsManyLanesAsThereCanBe) {
  StackOptions options = stack_options();
  options.lanes.clear();
  for (uint16_t i = 0; i < kLanesMax; ++i) {
    options.lanes.push_back({endpoint_of(frames::kVirtual, static_cast<uint16_t>(8'210 + i)), {}});
  }
  StackRig rig(options);
  for (uint16_t i = 0; i < kLanesMax; ++i) {
    std::vector<uint8_t> frame = frames::bytes(frames::kQueryUnsummed);
    frame[37] = static_cast<uint8_t>(frame[37] + i);
    const Taken taken = rig.take(frame);
    ASSERT_EQ(taken.kind, Taken::Kind::datagram) << i;
    EXPECT_EQ(taken.lane, i);
  }
}

}  // namespace
}  // namespace tercet::dataplane
