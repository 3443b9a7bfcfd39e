// The polling path allocates nothing after start-up: a whole loop, with real keys, under traffic of every
// kind.

#include <gtest/gtest.h>

#include <memory>

#include "dataplane/loop_rig.h"
#include "tests/allocations/allocations.h"

namespace tercet::dataplane {

namespace {

class LoopAllocations : public testing::TestWithParam<unsigned> {};

TEST_P(LoopAllocations, NoneInATurn) {
  LoopRig rig(GetParam());
  rig.service.copies = 3;
  std::vector<std::unique_ptr<seal::ClientKeyring>> strangers;  // clients that the loop has not met
  for (int i = 0; i < 16; ++i) {
    strangers.push_back(std::make_unique<seal::ClientKeyring>(rig.keys.client));
  }
  std::array<uint8_t, 200> bytes{};
  const auto turn = [&](seal::ClientKeyring& stranger) {
    rig.client_says("query");
    rig.peer_says(ServerId::b1, "vote");
    rig.peer_says(ServerId::lb2, "heartbeat");
    const size_t size = stranger.seal_query(as_bytes("hello"), bytes);
    rig.anybody_says({bytes.data(), size});
    bytes[size - 1] = static_cast<uint8_t>(bytes[size - 1] ^ 1U);
    rig.anybody_says({bytes.data(), size});  // forged
    rig.anybody_says({bytes.data(), 10});    // too short
    rig.poll();
    rig.wait(rig.poll());
    while (rig.client->receive(rig.rx) != 0 || rig.peers[index(ServerId::b1)]->receive(rig.rx) != 0 ||
           rig.peers[index(ServerId::lb2)]->receive(rig.rx) != 0) {
    }
  };
  const uint64_t before = allocations_so_far();
  for (auto& stranger : strangers) {
    turn(*stranger);
  }
  EXPECT_EQ(allocations_so_far() - before, 0U);
  EXPECT_EQ(rig.service.messages, 4U * strangers.size());
  EXPECT_EQ(rig.dropped(), 2U * strangers.size());
}

INSTANTIATE_TEST_SUITE_P(SteeringThreads, LoopAllocations, testing::Values(0U, 1U, 2U, 8U));

}  // namespace
}  // namespace tercet::dataplane
