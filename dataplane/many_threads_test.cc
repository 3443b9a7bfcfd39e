#include "dataplane/many_threads.h"

#include <gtest/gtest.h>

#include "dataplane/loop_rig.h"

namespace tercet::dataplane {
namespace {

constexpr Moment kNow{.mono = MonoTime{1'000'000}, .wall = {}, .dice = 1};

TEST(ManyThreads, PeersAreDealtOutInTurn) {
  EXPECT_EQ(owners_of(ServerId::lb1, 2), (Owners{kNobody, 0, 1, 0, 1}));
  EXPECT_EQ(owners_of(ServerId::b1, 1), (Owners{0, 0, kNobody, 0, 0}));
  EXPECT_EQ(owners_of(ServerId::b1, 8), (Owners{0, 1, kNobody, 2, 3}));
}

TEST(ManyThreads, EachHasTheClientsLanesAndThoseToItsOwnPeers) {
  PortOptions whole;
  whole.spin = microseconds(20);
  whole.lanes = {{endpoint("198.18.0.100:8200"), {}}, {endpoint("198.18.0.1:8200"), {}}};
  Routes routes;
  for (unsigned i = 1; i < kServers; ++i) {
    routes.lane_of[i] = static_cast<Lane>(whole.lanes.size());
    whole.lanes.push_back({LoopRig::address(0), LoopRig::address(i)});
  }
  const auto shares = share_out(whole, routes, owners_of(ServerId::lb1, 2), 2);
  ASSERT_EQ(shares.size(), 2U);
  for (const Share& share : shares) {
    ASSERT_EQ(share.port.lanes.size(), 4U);
    EXPECT_EQ(share.port.spin, Duration{});
    EXPECT_TRUE(share.port.lanes[0].shared && share.port.lanes[1].shared);
    EXPECT_FALSE(share.port.lanes[2].shared);
  }
  EXPECT_EQ(shares[0].routes.lane_of[1], 2);
  EXPECT_EQ(shares[0].routes.lane_of[2], Routes::kNone);
  EXPECT_EQ(shares[1].routes.lane_of[2], 2);
  EXPECT_EQ(shares[1].port.lanes[3].remote, LoopRig::address(4));
  const auto alone = share_out(whole, routes, owners_of(ServerId::lb1, 1), 1);
  EXPECT_EQ(alone[0].port.lanes.size(), 6U);
  EXPECT_FALSE(alone[0].port.lanes[0].shared);
}

TEST(ManyThreads, EachHasTheKeysOfItsOwnPeersAlone) {
  const seal::CellKeys keys = seal::generate_cell_keys(seal::Algorithm::chacha20_poly1305);
  const Owners owners = owners_of(ServerId::lb1, 2);
  const seal::Keyring first(keys_of(keys.servers[0], owners, 0));
  const seal::Keyring second(keys_of(keys.servers[0], owners, 1));
  EXPECT_TRUE(first.has_peer(ServerId::lb2) && first.has_peer(ServerId::b2));
  EXPECT_FALSE(first.has_peer(ServerId::b1) || first.has_peer(ServerId::b3));
  EXPECT_TRUE(second.has_peer(ServerId::b1) && second.has_peer(ServerId::b3));
  EXPECT_TRUE(first.serves_clients() && second.serves_clients());
  EXPECT_NE(first.session(), second.session());
}

/// An engine that spreads peers by itself gives every thread all lanes and all keys: still a peer's datagram
/// is taken on its own lane alone, where it always comes to the same thread.
TEST(ManyThreads, ThatHaveAllKeysHearAPeerOnItsOwnLaneAlone) {
  const seal::CellKeys keys = seal::generate_cell_keys(seal::Algorithm::chacha20_poly1305);
  seal::Keyring ours(keys.servers[0]);
  seal::Keyring theirs(keys.servers[index(ServerId::b1)]);
  Routes routes;
  routes.lane_of[index(ServerId::b1)] = 3;
  Opener opener(ours, routes);
  std::array<uint8_t, 100> bytes{};
  RxBurst burst;
  Opener::Messages messages;
  Opener::Resignations resignations;
  const auto arrives = [&](Lane lane) {
    const size_t size = theirs.seal_to_server(ServerId::lb1, as_bytes("vote"), bytes);
    burst.datagrams.clear();
    burst.datagrams.push_back({{bytes.data(), size}, lane, {}});
    opener.open(burst, messages, resignations);
    return messages.size();
  };
  EXPECT_EQ(arrives(0), 0U) << "a clients' lane";
  EXPECT_EQ(arrives(2), 0U) << "another peer's";
  EXPECT_EQ(opener.counters().drops[static_cast<size_t>(Drop::not_for_us)].get(), 2U);
  EXPECT_EQ(arrives(3), 1U);
}

TEST(ManyThreads, AFullLinkUpIsADropThatIsCounted) {
  LoopRig rig(1, 8);
  for (int i = 0; i < 20; ++i) {
    rig.client_says("query");
  }
  rig.steer(kNow);
  EXPECT_EQ(rig.views()[0].up->producer.drop_full.get(), 12U);
  rig.poll();
  EXPECT_EQ(rig.service.messages, 8U);
  EXPECT_EQ(rig.views()[0].up->consumer.waiting_max.get(), 8U);
  EXPECT_EQ(rig.views()[0].up->capacity, 8U);
}

TEST(ManyThreads, WhatAFullLinkDownDoesNotTakeIsKeptForTheNextTurn) {
  LoopRig rig(1, 8);
  rig.service.copies = 20;
  rig.client_says("again");
  rig.poll();
  EXPECT_EQ(rig.client_got().size(), 8U);
  rig.service.copies = 1;
  rig.poll();
  rig.poll();
  EXPECT_EQ(rig.client_got().size(), 12U);
  EXPECT_EQ(rig.views()[0].down->producer.drop_full.get(), 0U);
}

TEST(ManyThreads, AThreadThatDoesNotRunSilencesOnlyItself) {
  LoopRig rig(2, 64);
  rig.service.copies = 100;
  const unsigned slow = rig.owners[index(ServerId::b1)];
  const unsigned fast = rig.owners[index(ServerId::b2)];
  ASSERT_NE(slow, fast);
  // The slow thread takes in its question, and then nothing of the answers.
  rig.peer_says(ServerId::b1, "to the slow one");
  rig.many->steering(slow).poll(kNow);
  rig.many->quorum().poll(kNow);
  rig.service.copies = 1;
  uint64_t answered = 0;
  for (unsigned turn = 0; turn < 400; ++turn) {
    rig.peer_says(ServerId::b2, "to the fast one");
    rig.many->steering(fast).poll(kNow);
    rig.many->quorum().poll(kNow);
    rig.many->steering(fast).poll(kNow);
    answered += rig.peer_got(ServerId::b2).size();
  }
  EXPECT_EQ(answered, 400U);
  EXPECT_EQ(rig.views()[fast].down->producer.drop_full.get(), 0U);
  const uint64_t dropped = rig.views()[slow].down->producer.drop_full.get();
  EXPECT_EQ(dropped, 36U) << "once the outbox ran out of room";
  rig.poll();
  EXPECT_EQ(rig.peer_got(ServerId::b1).size() + dropped, 100U) << "and nothing else is missing";
}

TEST(ManyThreads, MoreThanABurstIsLeftForTheNextTurnAtOnce) {
  LoopRig rig(3);
  for (int i = 0; i < 300; ++i) {
    rig.client_says("query");
  }
  for (int i = 0; i < 40; ++i) {
    rig.peer_says(ServerId::b1, "vote");
  }
  rig.steer(kNow);
  rig.steer(kNow);
  EXPECT_EQ(rig.many->quorum().poll(kNow), kNow.mono) << "at once again";
  EXPECT_EQ(rig.service.messages, kBurstMax);
  while (rig.many->quorum().poll(kNow) == kNow.mono) {
  }
  EXPECT_EQ(rig.service.messages, 340U);
}

TEST(ManyThreads, WhoSleepsIsWokenAndNobodyElse) {
  LoopRig rig(1);
  rig.poll();
  rig.wait(MonoTime::never());  // memory ports do not sleep, but say that they would
  EXPECT_EQ(rig.rest->waits_until(), MonoTime::never());
  EXPECT_EQ(rig.ports[0]->waits_until(), MonoTime::never());
  EXPECT_EQ(rig.rest->watched().size(), 1U);
  EXPECT_EQ(rig.ports[0]->watched().size(), 1U);
  rig.client_says("query");
  rig.steer(kNow);
  EXPECT_EQ(rig.many->rung(), 1U) << "the quorum thread";
  rig.many->quorum().poll(kNow);
  EXPECT_EQ(rig.many->rung(), 1U) << "the steering thread was awake";
  rig.many->quorum().wait(MonoTime::never());
  EXPECT_EQ(rig.rest->waits_until(), MonoTime::never());
  rig.many->steering(0).wait(MonoTime::never());
  EXPECT_EQ(rig.ports[0]->waits_until(), kNow.mono) << "its Link has something: it may not sleep";
  rig.steer(kNow);
  EXPECT_EQ(rig.client_got().size(), 1U);
}

TEST(ManyThreads, WithPollBusyNobodyIsEverWoken) {
  LoopRig rig(1);
  ManyThreads::Steering steering{rig.ports[0].get(), rig.keyrings[0].get(), rig.routes};
  const auto many = ManyThreads::make({&steering, 1}, *rig.rest, rig.service, rig.owners,
                                      {.sleep = {.poll = PollMode::busy}})
                        .value();
  many->quorum().wait(MonoTime::never());
  many->steering(0).wait(MonoTime::never());
  rig.client_says("query");
  many->steering(0).poll(kNow);
  many->quorum().poll(kNow);
  many->steering(0).poll(kNow);
  EXPECT_EQ(rig.client_got().size(), 1U);
  EXPECT_EQ(many->rung(), 0U);
}

TEST(ManyThreads, WhatWasSaidLastStillLeaves) {
  LoopRig rig(2);
  rig.client_says("query");
  rig.steer(kNow);
  rig.many->quorum().poll(kNow);
  rig.many->quorum().finish();
  rig.many->steering(0).finish();
  rig.many->steering(1).finish();
  EXPECT_EQ(rig.client_got().size(), 1U);
}

}  // namespace
}  // namespace tercet::dataplane
