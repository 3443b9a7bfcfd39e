#include "dataplane/port/memory_port.h"

#include <gtest/gtest.h>

namespace tercet::dataplane {
namespace {

Endpoint at(const char* text) { return parse_endpoint(text).value(); }

const Endpoint kServer = at("198.18.0.100:8200");
const Endpoint kAlice = at("198.18.0.21:5000");
const Endpoint kLb = at("198.18.0.1:8210");
const Endpoint kB1 = at("198.18.0.11:8210");
const Endpoint kB2 = at("198.18.0.12:8210");

PortOptions lanes(std::vector<LaneOptions> all) {
  PortOptions options;
  options.lanes = std::move(all);
  return options;
}

void put(TxBurst& burst, std::string_view text, Lane lane = 0, const Endpoint& to = {}) {
  const MutBytes room = burst.next();
  std::ranges::copy(text, room.begin());
  burst.push(text.size(), lane, to);
}

TEST(MemoryPort, DatagramsReachTheLaneOfTheirSender) {
  MemoryWire wire;
  MemoryPort lb(wire, lanes({{kServer, {}}, {kLb, kB1}, {kLb, kB2}}));
  MemoryPort b1(wire, lanes({{kB1, kLb}}));
  MemoryPort b2(wire, lanes({{kB2, kLb}}));
  MemoryPort alice(wire, lanes({{kAlice, {}}}));

  TxBurst& question = alice.transmit();
  put(question, "query", 0, kServer);
  alice.send(question);
  TxBurst& vote = b2.transmit();
  put(vote, "vote");
  b2.send(vote);
  RxBurst burst;
  ASSERT_EQ(lb.receive(burst), 2U);
  EXPECT_EQ(as_text(burst.datagrams[0].bytes), "query");
  EXPECT_EQ(burst.datagrams[0].lane, 0);
  EXPECT_EQ(burst.datagrams[0].from, kAlice);
  EXPECT_EQ(as_text(burst.datagrams[1].bytes), "vote");
  EXPECT_EQ(burst.datagrams[1].lane, 2);
  EXPECT_EQ(burst.datagrams[1].from, kB2);

  TxBurst& out = lb.transmit();
  put(out, "answer", 0, kAlice);
  put(out, "accept", 1);
  put(out, "accept", 2);
  lb.send(out);
  EXPECT_EQ(alice.receive(burst), 1U);
  EXPECT_EQ(burst.datagrams[0].from, kServer);
  EXPECT_EQ(b1.receive(burst), 1U);
  EXPECT_EQ(b2.receive(burst), 1U);
  EXPECT_EQ(lb.counters().sent_datagrams.get(), 3U);
  EXPECT_EQ(lb.counters().received_datagrams.get(), 2U);
}

TEST(MemoryPort, ASilentPeerIsReportedAndRecovers) {
  MemoryWire wire;
  MemoryPort lb(wire, lanes({{kServer, {}}, {kLb, kB1}}));
  const auto send = [&lb] {
    TxBurst& out = lb.transmit();
    put(out, "accept", 1);
    put(out, "to nobody", 0, kAlice);  // an unconnected lane hears of no one
    lb.send(out);
  };
  send();
  EXPECT_EQ(lb.take_unreachable(), 0b10U);
  EXPECT_EQ(lb.take_unreachable(), 0U);
  {
    MemoryPort b1(wire, lanes({{kB1, kLb}}));
    send();
    EXPECT_EQ(lb.take_unreachable(), 0U);
    EXPECT_EQ(b1.waiting(), 1U);
  }
  send();  // it is gone again
  EXPECT_EQ(lb.take_unreachable(), 0b10U);
}

TEST(MemoryPort, AnInterceptedWireIsTheSimulators) {
  MemoryWire wire;
  MemoryPort server(wire, lanes({{kServer, {}}}));
  MemoryPort alice(wire, lanes({{kAlice, {}}}));
  std::vector<std::string> held;
  wire.intercept([&](const Endpoint& from, const Endpoint& to, Bytes bytes) {
    EXPECT_EQ(from, kAlice);
    EXPECT_EQ(to, kServer);
    held.emplace_back(as_text(bytes));
  });
  TxBurst& out = alice.transmit();
  put(out, "one", 0, kServer);
  put(out, "two", 0, kServer);
  alice.send(out);
  EXPECT_EQ(server.waiting(), 0U);
  ASSERT_EQ(held.size(), 2U);
  EXPECT_TRUE(wire.deliver(kAlice, kServer, as_bytes(held[1])));  // reordered and repeated
  EXPECT_TRUE(wire.deliver(kAlice, kServer, as_bytes(held[0])));
  EXPECT_TRUE(wire.deliver(kAlice, kServer, as_bytes(held[1])));
  EXPECT_FALSE(wire.deliver(kAlice, kB1, as_bytes(held[0])));
  RxBurst burst;
  ASSERT_EQ(server.receive(burst), 3U);
  EXPECT_EQ(as_text(burst.datagrams[0].bytes), "two");
  EXPECT_EQ(as_text(burst.datagrams[1].bytes), "one");
  wire.intercept({});
  TxBurst& again = alice.transmit();
  put(again, "three", 0, kServer);
  alice.send(again);
  EXPECT_EQ(server.waiting(), 1U);
}

TEST(MemoryPort, QueuesAreBoundedAndLentBytesStay) {
  MemoryWire wire;
  MemoryPort server(wire, lanes({{kServer, {}}}), 10);
  RxBurst burst;
  const auto fill = [&] {
    size_t n = 0;
    while (wire.deliver(kAlice, kServer, as_bytes("x"))) {
      ++n;
    }
    return n;
  };
  EXPECT_EQ(fill(), 10U + kBurstMax);
  EXPECT_EQ(server.drop_overrun(), 1U);
  ASSERT_EQ(server.receive(burst), kBurstMax);
  EXPECT_EQ(fill(), 0U) << "the burst is still in use";
  EXPECT_EQ(as_text(burst.datagrams[0].bytes), "x");
  ASSERT_EQ(server.receive(burst), 10U);
  EXPECT_EQ(fill(), kBurstMax);
}

TEST(MemoryPort, TooLongDatagramsAreDroppedAndCounted) {
  MemoryWire wire;
  MemoryPort server(wire, lanes({{kServer, {}}}));
  const std::vector<uint8_t> big(kDatagramMax + 1);
  wire.deliver(kAlice, kServer, big);
  EXPECT_EQ(server.counters().drop_truncated.get(), 1U);
  wire.deliver(kAlice, kServer, Bytes(big).first(kDatagramMax));
  RxBurst burst;
  EXPECT_EQ(server.receive(burst), 1U);
}

TEST(MemoryPort, WaitRemembersAndReturns) {
  MemoryWire wire;
  MemoryPort port(wire, lanes({{kServer, {}}}));
  port.wait({1'234});
  EXPECT_EQ(port.waits_until(), MonoTime{1'234});
  port.watch(7);
  EXPECT_EQ(port.watched(), std::vector<int>{7});
}

TEST(MemoryPortDeathTest, AnAddressIsUsedOnce) {
  MemoryWire wire;
  MemoryPort first(wire, lanes({{kServer, {}}}));
  EXPECT_DEATH(MemoryPort(wire, lanes({{kServer, {}}})), "an address is used once");
}

}  // namespace
}  // namespace tercet::dataplane
