#include "dataplane/wiretap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "dataplane/loop_rig.h"
#include "tests/allocations/allocations.h"
#include "wire/seal/recorded.h"

namespace tercet::dataplane {
namespace {

int64_t fixed_clock() { return 1'767'225'600'123'456'789; }

const Endpoint kClients = endpoint("198.18.0.100:8200");
const Endpoint kUs = endpoint("198.18.0.1:8210");
const Endpoint kPeer = endpoint("198.18.0.11:8210");
const Endpoint kAlice = endpoint("198.18.0.21:5000");

/// Lane 0: clients. Lane 1: a connected peer.
std::vector<LaneOptions> lanes() { return {{kClients, {}}, {kUs, kPeer}}; }

struct Bursts {
  Bursts() {
    for (size_t i = 0; i < kBurstMax; ++i) {
      EXPECT_TRUE(tx.add_buffer(memory.data() + i * kDatagramMax));
    }
  }
  void arrives(std::string_view text, Lane lane, const Endpoint& from) {
    received.push_back(std::make_unique<std::vector<uint8_t>>(text.begin(), text.end()));
    rx.datagrams.push_back({MutBytes(*received.back()), lane, from});
  }
  void leaves(std::string_view text, Lane lane, const Endpoint& to) {
    const MutBytes room = tx.next();
    std::copy(text.begin(), text.end(), room.begin());
    tx.push(text.size(), lane, to);
  }
  RxBurst rx;
  TxBurst tx;
  std::vector<std::unique_ptr<std::vector<uint8_t>>> received;
  std::vector<uint8_t> memory = std::vector<uint8_t>(kBurstMax * kDatagramMax);
};

std::vector<Captured> all(Wiretap& tap) {
  std::vector<Captured> out(64);
  out.resize(tap.take(out));
  return out;
}

TEST(Wiretap, IsOffUntilSomebodyCaptures) {
  Wiretap tap(lanes(), 8, fixed_clock);
  Bursts bursts;
  bursts.arrives("query", 0, kAlice);
  bursts.leaves("reply", 0, kAlice);
  EXPECT_FALSE(tap.on());
  tap.received(bursts.rx);
  tap.sent(bursts.tx);
  EXPECT_TRUE(all(tap).empty());
  EXPECT_EQ(tap.counters().taken.get() + tap.counters().lost.get(), 0U);
  EXPECT_FALSE(Wiretap::nobody().on());
}

TEST(Wiretap, CopiesBytesAndBothEnds) {
  Wiretap tap(lanes(), 8, fixed_clock);
  Bursts bursts;
  bursts.arrives("query", 0, kAlice);
  bursts.arrives("vote", 1, kPeer);
  bursts.leaves("reply", 0, kAlice);
  bursts.leaves("accept", 1, {});
  tap.start();
  ASSERT_TRUE(tap.on());
  tap.received(bursts.rx);
  std::fill(bursts.received[0]->begin(), bursts.received[0]->end(), uint8_t{0});  // opened in place: gone
  tap.sent(bursts.tx);
  const auto got = all(tap);
  ASSERT_EQ(got.size(), 4U);
  const struct {
    const char* text;
    Endpoint from, to;
  } expected[] = {
      {"query", kAlice, kClients}, {"vote", kPeer, kUs}, {"reply", kClients, kAlice}, {"accept", kUs, kPeer}};
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(as_text(got[i].datagram()), expected[i].text);
    EXPECT_EQ(got[i].from, expected[i].from) << i;
    EXPECT_EQ(got[i].to, expected[i].to) << i;
    EXPECT_EQ(got[i].wall_ns, fixed_clock());
  }
  EXPECT_EQ(tap.counters().taken.get(), 4U);
}

TEST(Wiretap, WhatDoesNotFitIsCountedAndNothingWaits) {
  Wiretap tap(lanes(), 3, fixed_clock);
  Bursts bursts;
  for (const char* text : {"1", "2", "3", "4", "5"}) {
    bursts.arrives(text, 0, kAlice);
  }
  tap.start();
  tap.received(bursts.rx);
  EXPECT_EQ(tap.counters().taken.get(), 3U);
  EXPECT_EQ(tap.counters().lost.get(), 2U);
  const auto got = all(tap);
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(as_text(got[2].datagram()), "3");
  tap.received(bursts.rx);
  EXPECT_EQ(tap.counters().taken.get(), 6U) << "room again";
}

TEST(Wiretap, StopsAndStartsAnewWithoutWhatWasLeft) {
  Wiretap tap(lanes(), 8, fixed_clock);
  Bursts bursts;
  bursts.arrives("of the first capture", 0, kAlice);
  tap.start();
  tap.received(bursts.rx);
  tap.stop();
  EXPECT_FALSE(tap.on());
  tap.received(bursts.rx);
  EXPECT_EQ(tap.counters().taken.get(), 1U);
  tap.start();
  EXPECT_TRUE(all(tap).empty());
}

TEST(Wiretap, TheLongestAndTheEmptyDatagram) {
  Wiretap tap(lanes(), 8, fixed_clock);
  Bursts bursts;
  const std::string longest(kDatagramMax, 'x');
  bursts.arrives(longest, 0, kAlice);
  bursts.arrives("", 0, kAlice);
  bursts.arrives("of no lane that there is", 2, kAlice);
  tap.start();
  tap.received(bursts.rx);
  const auto got = all(tap);
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(as_text(got[0].datagram()), longest);
  EXPECT_EQ(got[1].size, 0);
}

TEST(Wiretap, AnotherThreadTakesWhileThePollingThreadCopies) {
  Wiretap tap(lanes(), 16, fixed_clock);
  constexpr uint64_t kBursts = 20'000;
  std::atomic<bool> done{false};
  tap.start();
  std::thread polling([&] {
    Bursts bursts;
    bursts.arrives("query", 0, kAlice);
    bursts.leaves("a longer reply", 0, kAlice);
    for (uint64_t i = 0; i < kBursts; ++i) {
      if (tap.on()) {
        tap.received(bursts.rx);
        tap.sent(bursts.tx);
      }
    }
    done = true;
  });
  uint64_t taken = 0;
  std::vector<Captured> out(8);
  const auto drain = [&] {
    for (size_t got = tap.take(out); got != 0; got = tap.take(out)) {
      for (size_t i = 0; i < got; ++i) {
        const auto text = as_text(out[i].datagram());
        ASSERT_TRUE(text == "query" || text == "a longer reply") << text;
      }
      taken += got;
    }
  };
  while (!done) {
    drain();
  }
  polling.join();
  drain();
  EXPECT_EQ(taken, tap.counters().taken.get());
  EXPECT_EQ(taken + tap.counters().lost.get(), 2 * kBursts);
}

/// The hooks: every loop, everything that passes, in the order in which it does, without an allocation.
class WiretapLoops : public ::testing::TestWithParam<unsigned> {};

TEST_P(WiretapLoops, SeeWhatComesInAndWhatGoesOut) {
  LoopRig rig(GetParam());
  for (auto& tap : rig.taps) {
    tap->start();
  }
  std::vector<Captured> got(64);
  size_t count = 0;
  const auto turn = [&] {
    rig.client_says("query");
    rig.peer_says(ServerId::b1, "vote");
    rig.anybody_says(as_bytes("rubbish"));
    const uint64_t before = allocations_so_far();
    rig.poll();
    EXPECT_EQ(allocations_so_far(), before);
    count = 0;
    for (auto& tap : rig.taps) {
      count += tap->take(std::span(got).subspan(count));
    }
    while (rig.client->receive(rig.rx) != 0 || rig.peers[index(ServerId::b1)]->receive(rig.rx) != 0) {
    }
  };
  turn();
  turn();
  ASSERT_EQ(count, 5U);
  seal::RecordedOpener opener(rig.keys.servers[0]);
  std::vector<std::string> said;
  // A reply opens only behind its query, and each thread's datagrams are in their order: two passes.
  for (int pass = 0; pass < 2; ++pass) {
    said.clear();
    for (size_t i = 0; i < count; ++i) {
      const auto opened = opener.open(got[i].datagram(), got[i].from, got[i].to);
      said.push_back(to_string(got[i].from) + " > " + to_string(got[i].to) + " " +
                     (opened ? std::string(as_text(*opened)) : name_of(opened.error())));
    }
  }
  std::ranges::sort(said);
  EXPECT_EQ(said,
            (std::vector<std::string>{
                "198.18.0.100:8200 > 198.18.0.21:5000 query", "198.18.0.1:8210 > 198.18.0.3:8210 vote",
                "198.18.0.21:5000 > 198.18.0.100:8200 query",
                "198.18.0.21:5000 > 198.18.0.100:8200 too_short", "198.18.0.3:8210 > 198.18.0.1:8210 vote"}));
}

TEST_P(WiretapLoops, CopyNothingWhileNobodyCaptures) {
  LoopRig rig(GetParam());
  for (int i = 0; i < 3; ++i) {
    rig.client_says("query");
    rig.peer_says(ServerId::b1, "vote");
    rig.poll();
  }
  EXPECT_EQ(rig.client_got().size(), 3U);
  std::vector<Captured> got(8);
  for (auto& tap : rig.taps) {
    EXPECT_EQ(tap->take(got), 0U);
    EXPECT_EQ(tap->counters().taken.get() + tap->counters().lost.get(), 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(SteeringThreads, WiretapLoops, ::testing::Values(0U, 1U, 2U));

}  // namespace
}  // namespace tercet::dataplane
