#include "dataplane/port/dpdk/lane_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace tercet::dataplane {
namespace {

constexpr Ipv4 kA{198, 18, 0, 1};
constexpr Ipv4 kB{198, 18, 0, 2};
constexpr Ipv4 kPeer{198, 18, 0, 9};

TEST(LaneTable, WithoutLanesNothingIsFound) {
  const LaneTable table;
  EXPECT_EQ(table.find(kA, 1, kPeer, 2), LaneTable::kNone);
  EXPECT_EQ(table.find({}, 0, {}, 0), LaneTable::kNone) << "a free place is no door";
}

TEST(LaneTable, ConnectedBeforeUnconnectedAndAnAddressBeforeAny) {
  LaneTable table;
  table.add(0, {}, 80, {}, 0);
  EXPECT_EQ(table.find(kA, 80, kPeer, 7), 0);
  table.add(1, kA, 80, {}, 0);
  EXPECT_EQ(table.find(kA, 80, kPeer, 7), 1);
  EXPECT_EQ(table.find(kB, 80, kPeer, 7), 0);
  table.add(2, {}, 80, kPeer, 7);
  EXPECT_EQ(table.find(kA, 80, kPeer, 7), 2);
  table.add(3, kA, 80, kPeer, 7);
  EXPECT_EQ(table.find(kA, 80, kPeer, 7), 3);
  EXPECT_EQ(table.find(kB, 80, kPeer, 7), 2);
  EXPECT_EQ(table.find(kA, 80, kPeer, 8), 1);
  EXPECT_EQ(table.find(kA, 81, kPeer, 7), LaneTable::kNone);
}

/// Held against a search, as many lanes as there can be, close together.
TEST(LaneTable, FindsWhatASearchFinds) {
  struct At {
    Ipv4 local;
    uint16_t local_port;
    Ipv4 remote;
    uint16_t remote_port;
    bool operator==(const At&) const = default;
  };
  std::mt19937 random(517);
  const auto address = [&](bool any) {
    const auto last = static_cast<uint8_t>(random() % 3 + (any ? 0 : 1));
    return last == 0 ? Ipv4{} : Ipv4{198, 18, 0, last};
  };
  const auto port = [&](bool none) { return static_cast<uint16_t>(random() % 4 + (none ? 0 : 1)); };
  for (int round = 0; round < 200; ++round) {
    LaneTable table;
    std::vector<At> lanes;
    while (lanes.size() < kLanesMax) {
      At at{address(round % 2 == 0), port(false), address(false), port(true)};
      at.remote = at.remote_port == 0 ? Ipv4{} : at.remote;
      if (std::ranges::find(lanes, at) == lanes.end()) {
        table.add(static_cast<Lane>(lanes.size()), at.local, at.local_port, at.remote, at.remote_port);
        lanes.push_back(at);
      }
    }
    for (int i = 0; i < 500; ++i) {
      const At in{address(false), port(false), address(false), port(false)};
      Lane best = LaneTable::kNone;
      int rank = 0;
      for (size_t l = 0; l < lanes.size(); ++l) {
        const At& lane = lanes[l];
        const bool any = lane.local == Ipv4{};
        const bool connected = lane.remote_port != 0;
        if (lane.local_port == in.local_port && (any || lane.local == in.local) &&
            (!connected || (lane.remote == in.remote && lane.remote_port == in.remote_port))) {
          const int r = (connected ? 4 : 2) - (any ? 1 : 0);
          best = r > rank ? static_cast<Lane>(l) : best;
          rank = std::max(rank, r);
        }
      }
      ASSERT_EQ(table.find(in.local, in.local_port, in.remote, in.remote_port), best);
    }
  }
}

}  // namespace
}  // namespace tercet::dataplane
