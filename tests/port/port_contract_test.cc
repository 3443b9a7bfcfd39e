// Datagrams through every kernel engine: whole, in order, from whom, none of noise.

#include "tests/port/port_contract.h"

#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <map>
#include <thread>

namespace tercet::dataplane {
namespace {

TEST_P(PortContract, EchoesOnLoopback) {
  auto port = server();
  auto client = client_of(port->local(0));
  EXPECT_STREQ(port->engine(), GetParam().name);
  TxBurst& out = client->transmit();
  put(out, pattern(128, 1));
  client->send(out);
  EXPECT_TRUE(out.empty());
  settle(*client, milliseconds(1));
  const auto heard = collect(*port, 1);
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].bytes, pattern(128, 1));
  EXPECT_EQ(heard[0].from, client->local(0));
  TxBurst& back = port->transmit();
  put(back, pattern(128, 2), 0, heard[0].from);
  port->send(back);
  settle(*port, milliseconds(1));
  const auto answer = collect(*client, 1);
  ASSERT_EQ(answer.size(), 1U);
  EXPECT_EQ(answer[0].bytes, pattern(128, 2));
  EXPECT_EQ(answer[0].from, port->local(0));
  settle(*port, milliseconds(1));
  EXPECT_EQ(port->counters().received_datagrams.get(), 1U);
  EXPECT_EQ(port->counters().sent_datagrams.get(), 1U);
  EXPECT_GT(port->counters().receive_calls.get(), 0U);
  EXPECT_GT(port->counters().send_calls.get(), 0U);
}

TEST_P(PortContract, EchoesOverIpv6) {
  auto port = server("[::1]:0");
  auto client = client_of(port->local(0));
  put(client->transmit(), pattern(1'452, 3));
  client = nullptr;  // an unsent burst is dropped with its port
  client = client_of(port->local(0));
  TxBurst& out = client->transmit();
  put(out, pattern(1'452, 3));
  client->send(out);
  settle(*client, milliseconds(1));
  const auto heard = collect(*port, 1);
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].bytes, pattern(1'452, 3));
  EXPECT_FALSE(heard[0].from.is_v4());
  EXPECT_EQ(heard[0].from, client->local(0));
}

TEST_P(PortContract, OneIpv4AndOneIpv6LaneShareAPortNumber) {
  const Endpoint v4 = free_endpoint("0.0.0.0:0");
  auto port = make({{v4, {}}, {at(("[::]:" + std::to_string(v4.port)).c_str()), {}}});
  auto four = client_of(at(("127.0.0.1:" + std::to_string(v4.port)).c_str()));
  auto six = client_of(at(("[::1]:" + std::to_string(v4.port)).c_str()));
  for (auto* client : {four.get(), six.get()}) {
    TxBurst& out = client->transmit();
    put(out, pattern(64, 1));
    client->send(out);
    settle(*client, milliseconds(1));
  }
  auto heard = collect(*port, 2);
  ASSERT_EQ(heard.size(), 2U);
  std::ranges::sort(heard, {}, &Got::lane);
  EXPECT_TRUE(heard[0].from.is_v4());
  EXPECT_EQ(heard[0].lane, 0);
  EXPECT_FALSE(heard[1].from.is_v4());
  EXPECT_EQ(heard[1].lane, 1);
}

TEST_P(PortContract, BurstsAboveSixtyFourToManyReceivers) {
  auto port = server();
  std::vector<std::unique_ptr<Port>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(client_of(port->local(0)));
  }
  TxBurst& out = port->transmit();
  for (unsigned i = 0; i < kBurstMax; ++i) {
    put(out, pattern(100 + i % 5, i), 0, clients[i % 3]->local(0));
  }
  EXPECT_TRUE(out.full());
  EXPECT_TRUE(out.next().empty());
  port->send(out);
  settle(*port, milliseconds(1));
  for (unsigned c = 0; c < 3; ++c) {
    const auto heard = collect(*clients[c], (kBurstMax + 2 - c) / 3);
    ASSERT_EQ(heard.size(), (kBurstMax + 2 - c) / 3);
    for (size_t i = 0; i < heard.size(); ++i) {
      const auto number = static_cast<unsigned>(i * 3 + c);
      ASSERT_EQ(heard[i].bytes, pattern(100 + number % 5, number));
    }
  }
}

TEST_P(PortContract, GsoAndGroKeepBoundaries) {
  for (const bool gso : {true, false}) {
    for (const bool gro : {true, false}) {
      SCOPED_TRACE(testing::Message() << "gso " << gso << " gro " << gro);
      auto [a, b] = connected_pair([&](PortOptions& o) {
        o.gso = gso;
        o.gro = gro;
      });
      // Runs that end in a shorter one, in a full stop of 64, in a longer one; lone and empty datagrams
      // between.
      std::vector<size_t> sizes;
      sizes.insert(sizes.end(), 10, 200);
      sizes.push_back(150);
      sizes.insert(sizes.end(), 100, 64);
      sizes.push_back(65);
      sizes.push_back(0);
      sizes.insert(sizes.end(), 40, 1'452);
      sizes.push_back(1);
      sizes.push_back(1'452);
      TxBurst& out = a->transmit();
      for (unsigned i = 0; i < sizes.size(); ++i) {
        put(out, pattern(sizes[i], i));
      }
      a->send(out);
      settle(*a, milliseconds(1));
      const auto heard = collect(*b, sizes.size());
      ASSERT_EQ(heard.size(), sizes.size());
      for (unsigned i = 0; i < sizes.size(); ++i) {
        ASSERT_EQ(heard[i].bytes, pattern(sizes[i], i)) << i;
        ASSERT_EQ(heard[i].from, a->local(0));
      }
      EXPECT_EQ(a->counters().drop_send_refused.get(), 0U);
    }
  }
}

TEST_P(PortContract, ABurstBiggerThanOnePollIsHandedUpInOrder) {
  auto [a, b] = connected_pair();
  unsigned number = 0;
  for (int burst = 0; burst < 4; ++burst) {
    TxBurst& out = a->transmit();
    for (size_t i = 0; i < kBurstMax; ++i) {
      put(out, pattern(100, number++));
    }
    a->send(out);
  }
  settle(*a, milliseconds(1));
  const auto heard = collect(*b, number);
  ASSERT_EQ(heard.size(), number);
  for (unsigned i = 0; i < number; ++i) {
    ASSERT_EQ(heard[i].bytes, pattern(100, i)) << i;
  }
}

TEST_P(PortContract, RunsToOneClientOnAnUnconnectedLaneArriveWhole) {
  auto port = server();
  auto client = client_of(port->local(0));
  auto other = client_of(port->local(0));
  TxBurst& out = port->transmit();
  for (unsigned i = 0; i < 40; ++i) {
    put(out, pattern(128, i), 0, client->local(0));
  }
  for (unsigned i = 40; i < 43; ++i) {
    put(out, pattern(128, i), 0, other->local(0));
  }
  port->send(out);
  settle(*port, milliseconds(1));
  const auto heard = collect(*client, 40);
  ASSERT_EQ(heard.size(), 40U);
  EXPECT_EQ(heard[39].bytes, pattern(128, 39));
  EXPECT_EQ(collect(*other, 3).size(), 3U);
}

TEST_P(PortContract, TooLongDatagramsAreDroppedAndCounted) {
  auto port = server();
  const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
  ASSERT_GE(fd, 0);
  const std::vector<uint8_t> big(9'000);
  sockaddr_in6 name{};
  const socklen_t length = to_sockaddr(port->local(0), name);
  for (const size_t size : {kDatagramMax + 1, size_t{1'555}, size_t{1'556}, size_t{1'557}, size_t{1'600},
                            size_t{1'601}, size_t{9'000}, size_t{100}}) {
    ASSERT_EQ(sendto(fd, big.data(), size, 0, reinterpret_cast<sockaddr*>(&name), length),
              static_cast<ssize_t>(size));
  }
  close(fd);
  const auto heard = collect(*port, 1);
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].bytes.size(), 100U);
  EXPECT_EQ(port->counters().drop_truncated.get(), 7U);
  EXPECT_EQ(port->counters().received_datagrams.get(), 1U);

  // The same through a buffer of 64 KiB, where the kernel cuts nothing short.
  const Endpoint there = free_endpoint();
  const Endpoint here = free_endpoint();
  auto peer = make({{here, there}});
  const int plain = ::socket(AF_INET, SOCK_DGRAM, 0);
  socklen_t there_length = to_sockaddr(there, name);
  ASSERT_EQ(bind(plain, reinterpret_cast<sockaddr*>(&name), there_length), 0);
  there_length = to_sockaddr(here, name);
  for (const size_t size : {kDatagramMax + 1, size_t{9'000}, kDatagramMax}) {
    ASSERT_EQ(sendto(plain, big.data(), size, 0, reinterpret_cast<sockaddr*>(&name), there_length),
              static_cast<ssize_t>(size));
  }
  close(plain);
  const auto fits = collect(*peer, 1);
  ASSERT_EQ(fits.size(), 1U);
  EXPECT_EQ(fits[0].bytes.size(), kDatagramMax);
  EXPECT_EQ(peer->counters().drop_truncated.get(), 2U);
}

TEST_P(PortContract, ASilentPeerIsReportedAndRecovers) {
  const Endpoint here = free_endpoint();
  const Endpoint there = free_endpoint();
  auto port = make({{here, there}});
  EXPECT_EQ(port->take_unreachable(), 0U);
  TxBurst& lost = port->transmit();
  put(lost, pattern(64, 0));
  port->send(lost);
  settle(*port);
  EXPECT_EQ(port->take_unreachable(), 1U);
  EXPECT_EQ(port->take_unreachable(), 0U) << "reading clears it";
  EXPECT_EQ(port->counters().peer_unreachable.get(), 1U);

  auto peer = make({{there, here}});
  for (unsigned i = 1; i <= 3; ++i) {
    TxBurst& out = port->transmit();
    put(out, pattern(64, i));
    port->send(out);
    settle(*port, milliseconds(1));
    const auto heard = collect(*peer, 1);
    ASSERT_EQ(heard.size(), 1U) << i;
    EXPECT_EQ(heard[0].bytes, pattern(64, i));
  }
  TxBurst& back = peer->transmit();
  put(back, pattern(64, 9));
  peer->send(back);
  settle(*peer, milliseconds(1));
  EXPECT_EQ(collect(*port, 1).size(), 1U);
}

TEST_P(PortContract, APendingErrorCostsNoDatagramOfALaterBurst) {
  const Endpoint here = free_endpoint();
  const Endpoint there = free_endpoint();
  auto port = make({{here, there}});
  TxBurst& lost = port->transmit();
  put(lost, pattern(64, 0));
  port->send(lost);
  port->wait(raw_now());  // out it goes; the error comes back at once and waits in the socket
  auto peer = make({{there, here}});
  TxBurst& out = port->transmit();
  put(out, pattern(64, 1));
  port->send(out);
  settle(*port, milliseconds(5));
  const auto heard = collect(*peer, 1);
  ASSERT_EQ(heard.size(), 1U);
  EXPECT_EQ(heard[0].bytes, pattern(64, 1));
  EXPECT_GE(port->counters().peer_unreachable.get(), 1U);
  EXPECT_EQ(port->counters().drop_send_refused.get(), 0U);
}

TEST_P(PortContract, PeersThatShareOurPortKeepTheirLanes) {
  const Endpoint here = free_endpoint();
  std::vector<Endpoint> peers;
  std::vector<LaneOptions> lanes;
  for (const char* address : {"127.0.0.2:0", "127.0.0.3:0", "127.0.0.4:0", "127.0.0.5:0"}) {
    peers.push_back(free_endpoint(address));
    lanes.push_back({here, peers.back()});
  }
  auto port = make(lanes);
  for (Lane l = 0; l < peers.size(); ++l) {
    auto peer = make({{peers[l], here}});
    TxBurst& out = peer->transmit();
    put(out, pattern(64, l));
    peer->send(out);
    settle(*peer, milliseconds(1));
    const auto heard = collect(*port, 1);
    ASSERT_EQ(heard.size(), 1U);
    EXPECT_EQ(heard[0].lane, l);
    EXPECT_EQ(heard[0].from, peers[l]);
    TxBurst& back = port->transmit();
    put(back, pattern(64, l), l);
    port->send(back);
    settle(*port, milliseconds(1));
    EXPECT_EQ(collect(*peer, 1).size(), 1U);
  }
  // A stranger is heard by no lane.
  auto stranger = client_of(here);
  TxBurst& out = stranger->transmit();
  put(out, pattern(64, 7));
  stranger->send(out);
  settle(*stranger);
  settle(*port, milliseconds(5));
  EXPECT_EQ(stranger->take_unreachable(), 1U);
  // And nobody else gets the shared port.
  PortOptions second;
  second.lanes = {{here, peers[0]}};
  EXPECT_FALSE(GetParam().make(second));
}

TEST_P(PortContract, StormsOfNoiseAreSurvived) {
  auto port = server();
  const Endpoint target = port->local(0);
  std::atomic<bool> stop{false};
  std::thread noise([&] {
    const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in6 name{};
    const socklen_t length = to_sockaddr(target, name);
    const std::vector<uint8_t> bytes(4'000);
    for (size_t i = 0; !stop.load(); ++i) {
      sendto(fd, bytes.data(), i % 4 == 0 ? 3'000 : i % 1'500, 0, reinterpret_cast<sockaddr*>(&name), length);
    }
    close(fd);
  });
  RxBurst burst;
  uint64_t received = 0;
  const MonoTime start = raw_now();
  while ((raw_now() - start).ms() < 300) {
    received += port->receive(burst);
    for (const RxDatagram& d : burst.datagrams) {
      ASSERT_LE(d.bytes.size(), kDatagramMax);
    }
    port->wait(raw_now() + milliseconds(1));
  }
  stop.store(true);
  noise.join();
  EXPECT_GT(received, 1'000U);
  EXPECT_GT(port->counters().drop_truncated.get(), 100U);
}

INSTANTIATE_TEST_SUITE_P(
    Engines, PortContract,
    testing::Values(Engine{"mmsg", [](const PortOptions& o) { return make_mmsg_port(o); },
                           [](std::span<const PortOptions> o) { return make_mmsg_ports(o); }},
                    Engine{"uring", [](const PortOptions& o) { return make_uring_port(o); },
                           [](std::span<const PortOptions> o) { return make_uring_ports(o); }}),
    [](const auto& engine) { return engine.param.name; });

}  // namespace
}  // namespace tercet::dataplane
