// What every kernel engine owes its caller (dataplane/port/port.h), run over real sockets on 127.0.0.0/8 and
// ::1.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <functional>
#include <map>
#include <thread>

#include "dataplane/port/mmsg/mmsg_port.h"
#include "dataplane/port/socket.h"
#include "dataplane/port/uring/uring_port.h"
#include "tests/allocations/allocations.h"

namespace tercet::dataplane {
namespace {

using Text = std::string;

Endpoint at(const char* text) { return parse_endpoint(text).value(); }

using Ports = std::vector<std::unique_ptr<Port>>;

struct Engine {
  const char* name;
  std::function<tl::expected<std::unique_ptr<Port>, Text>(const PortOptions&)> make;
  std::function<tl::expected<Ports, Text>(std::span<const PortOptions>)> make_many;
};

std::unique_ptr<Port> must(tl::expected<std::unique_ptr<Port>, Text> port) {
  if (!port) {
    ADD_FAILURE() << port.error();
    std::abort();
  }
  return std::move(*port);
}

/// Bytes that say which datagram they are and that nobody changed them.
std::vector<uint8_t> pattern(size_t size, unsigned number) {
  std::vector<uint8_t> bytes(size);
  for (size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<uint8_t>(i * 7 + number * 13 + (i >> 8U));
  }
  return bytes;
}

void put(TxBurst& burst, Bytes bytes, Lane lane = 0, const Endpoint& to = {}) {
  const MutBytes room = burst.next();
  ASSERT_GE(room.size(), bytes.size());
  std::ranges::copy(bytes, room.begin());
  burst.push(bytes.size(), lane, to);
}

struct Got {
  std::vector<uint8_t> bytes;
  Lane lane;
  Endpoint from;
};

/// Polls `port` until `count` datagrams came or a second passed. Longer is a failure of the test, shown by
/// the count.
std::vector<Got> collect(Port& port, size_t count, Duration patience = seconds(1)) {
  std::vector<Got> got;
  RxBurst burst;
  const MonoTime give_up = raw_now() + patience;
  while (got.size() < count && raw_now() < give_up) {
    port.receive(burst);
    for (const RxDatagram& d : burst.datagrams) {
      got.push_back({{d.bytes.begin(), d.bytes.end()}, d.lane, d.from});
    }
    if (got.size() < count) {
      port.wait(raw_now() + milliseconds(20));
    }
  }
  return got;
}

/// Hands over queued sends and takes in errors; nothing is expected to arrive.
void settle(Port& port, Duration for_long = milliseconds(20)) {
  EXPECT_TRUE(collect(port, 1, for_long).empty());
}

class PortContract : public testing::TestWithParam<Engine> {
 protected:
  std::unique_ptr<Port> make(std::vector<LaneOptions> lanes,
                             const std::function<void(PortOptions&)>& change = {}) {
    PortOptions options;
    options.lanes = std::move(lanes);
    if (change) {
      change(options);
    }
    return must(GetParam().make(options));
  }
  std::unique_ptr<Port> server(const char* local = "127.0.0.1:0") { return make({{at(local), {}}}); }
  std::unique_ptr<Port> client_of(const Endpoint& remote) { return make({{{}, remote}}); }

  /// Two ports with a connected lane to each other, as two servers of a cell have.
  struct Pair {
    std::unique_ptr<Port> a;
    std::unique_ptr<Port> b;
  };
  Pair connected_pair(const std::function<void(PortOptions&)>& change = {}) {
    const Endpoint a = free_endpoint();
    const Endpoint b = free_endpoint();
    Pair pair;
    pair.a = make({{a, b}}, change);
    pair.b = make({{b, a}}, change);
    return pair;
  }
  Endpoint free_endpoint(const char* local = "127.0.0.1:0") {
    PortOptions options;
    options.lanes = {{at(local), {}}};
    return open_lanes(options).value()[0].local;  // closed again at once: free
  }
};

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

TEST_P(PortContract, WaitWakesOnTraffic) {
  auto port = server();
  auto client = client_of(port->local(0));
  settle(*port, milliseconds(1));
  const MonoTime start = raw_now();  // before the other thread exists: this one may lose its core for long
  std::thread sender([&client] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    TxBurst& out = client->transmit();
    put(out, pattern(64, 1));
    client->send(out);
    client->wait(raw_now());
  });
  RxBurst burst;
  int waits =
      0;  // a few may end early: rings that earlier tests closed are taken apart by interrupting this thread
  while (port->receive(burst) == 0 && raw_now() - start < seconds(5)) {
    port->wait(start + seconds(5));
    ++waits;
  }
  const Duration slept = raw_now() - start;
  sender.join();
  EXPECT_EQ(burst.datagrams.size(), 1U);
  EXPECT_LE(waits, 10);
  EXPECT_GE(slept.ms(), 20);
  EXPECT_LT(slept.ms(), 2'000);
}

TEST_P(PortContract, WaitWakesOnABell) {
  auto port = server();
  const int bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  ASSERT_GE(bell, 0);
  port->watch(bell);
  settle(*port, milliseconds(1));
  for (int round = 0; round < 3; ++round) {
    const MonoTime start = raw_now();
    std::thread ringer([bell] {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      eventfd_write(bell, 1);
    });
    RxBurst burst;
    eventfd_t value = 0;
    while (eventfd_read(bell, &value) != 0 && (raw_now() - start).ms() < 2'000) {
      port->wait(start + seconds(2));
      EXPECT_EQ(port->receive(burst), 0U);
    }
    ringer.join();
    const Duration slept = raw_now() - start;
    EXPECT_EQ(value, 1U);
    EXPECT_GE(slept.ms(), 15);
    EXPECT_LT(slept.ms(), 1'500);
  }
  eventfd_write(bell, 1);  // rung before wait(): it does not sleep
  const MonoTime start = raw_now();
  port->wait(start + seconds(2));
  EXPECT_LT((raw_now() - start).ms(), 1'000);
  port = nullptr;
  close(bell);
}

TEST_P(PortContract, WaitEndsOnTimeAndBusyNeverSleeps) {
  auto port = server();
  settle(*port, milliseconds(1));
  const MonoTime start = raw_now();
  const MonoTime until = start + milliseconds(30);
  while (raw_now() < until) {
    port->wait(until);
  }
  EXPECT_LT((raw_now() - until).ms(), 200);
  port->wait(start);  // already over

  auto busy = make({{at("127.0.0.1:0"), {}}}, [](PortOptions& o) { o.poll = PollMode::busy; });
  const MonoTime now = raw_now();
  for (int i = 0; i < 100; ++i) {
    busy->wait(now + seconds(60));
  }
  EXPECT_LT((raw_now() - now).ms(), 1'000);
}

TEST_P(PortContract, SpinningPortsHearTooAndSleepInTheEnd) {
  auto port = make({{at("127.0.0.1:0"), {}}}, [](PortOptions& o) { o.spin = microseconds(50); });
  auto client = client_of(port->local(0));
  for (unsigned i = 0; i < 3; ++i) {
    TxBurst& out = client->transmit();
    put(out, pattern(64, i));
    client->send(out);
    settle(*client, milliseconds(1));
    ASSERT_EQ(collect(*port, 1).size(), 1U);
  }
  const MonoTime until = raw_now() + milliseconds(20);
  int waits = 0;
  while (raw_now() < until) {
    port->wait(until);
    ++waits;
  }
  EXPECT_LE(waits, 20);
}

TEST_P(PortContract, NoAllocationAfterStartUp) {
  auto [a, b] = connected_pair();
  auto port = server();
  RxBurst burst;
  const Endpoint anywhere = port->local(0);
  const auto round = [&](size_t size) {
    TxBurst& out = a->transmit();
    while (!out.full()) {
      const MutBytes room = out.next();
      std::ranges::fill(room.first(size), uint8_t{1});
      out.push(size, 0, anywhere);
    }
    a->send(out);
    a->wait(raw_now());
    a->receive(burst);
    for (size_t n = 0, polls = 0; n < kBurstMax && polls < 100; ++polls) {
      b->wait(raw_now() + milliseconds(5));
      n += b->receive(burst);
    }
    port->wait(raw_now() + microseconds(100));
    port->receive(burst);
    a->take_unreachable();
  };
  round(100);
  const uint64_t before = allocations_so_far();
  ASSERT_GT(before, 0U) << "the counter counts";
  for (size_t i = 0; i < 20; ++i) {
    round(60 + i);
  }
  EXPECT_EQ(allocations_so_far(), before);
}

TEST_P(PortContract, IdleCostsLittle) {
  auto port = server();
  auto quiet = connected_pair();
  RxBurst burst;
  port->receive(burst);
  const auto cpu_ns = [] {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1'000'000'000 + t.tv_nsec;
  };
  const MonoTime start = raw_now();
  const int64_t cpu = cpu_ns();
  for (MonoTime now = start; now - start < milliseconds(500); now = raw_now()) {
    port->receive(burst);
    port->wait(now + milliseconds(5));
  }
  const double share = static_cast<double>(cpu_ns() - cpu) / static_cast<double>((raw_now() - start).ns);
  RecordProperty("share", std::to_string(share));
  EXPECT_LT(share, 0.02);
}

TEST_P(PortContract, BindsAnAddressThatIsNotOursYet) {
  auto port = make({{at("198.18.0.100:0"), {}}, {at("[2001:db8::100]:0"), {}}});
  EXPECT_NE(port->local(0).port, 0);
  EXPECT_EQ(address_text(port->local(1)), "2001:db8::100");
  TxBurst& out = port->transmit();
  put(out, pattern(64, 1), 0, at("127.0.0.1:9"));
  port->send(out);  // from an address that is not ours: refused by the kernel, counted, no harm done
  settle(*port, milliseconds(1));
  EXPECT_EQ(port->counters().drop_send_refused.get() + port->counters().sent_datagrams.get(), 1U);
}

/// This process gets a network of its own, with root's rights over it.
bool enter_own_network() {
  if (unshare(CLONE_NEWNET) != 0) {
    const std::string map = "0 " + std::to_string(getuid()) + " 1";
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0 ||
        !(std::ofstream("/proc/self/uid_map") << map << std::flush)) {
      return false;
    }
  }
  return std::system("ip link set lo up") == 0;
}

/// In a network of its own: the address comes to a host whose port was bound to it before, as at a takeover.
int serve_an_address_that_comes_later(const Engine& engine) {
  enum : int { kGood = 0, kSkip = 77 };
  if (!enter_own_network()) {
    return kSkip;
  }
  PortOptions options;
  options.lanes = {{at("198.18.0.100:8200"), {}}};
  auto port = must(engine.make(options));
  settle(*port, milliseconds(1));
  TxBurst& early = port->transmit();
  put(early, pattern(64, 0), 0, at("127.0.0.1:9"));
  port->send(early);
  settle(*port, milliseconds(1));
  if (port->counters().drop_send_refused.get() != 1) {
    return 1;
  }
  if (std::system("ip addr add 198.18.0.100/32 dev lo") != 0) {
    return kSkip;
  }
  options.lanes = {{{}, at("198.18.0.100:8200")}};
  auto client = must(engine.make(options));
  TxBurst& out = client->transmit();
  put(out, pattern(64, 1));
  client->send(out);
  settle(*client, milliseconds(1));
  const auto heard = collect(*port, 1);
  if (heard.size() != 1) {
    return 2;
  }
  TxBurst& back = port->transmit();
  for (unsigned i = 0; i < 8; ++i) {
    put(back, pattern(64, i), 0, heard[0].from);
  }
  port->send(back);
  settle(*port, milliseconds(1));
  return collect(*client, 8).size() == 8 ? kGood : 3;
}

TEST_P(PortContract, ServesAnAddressThatComesLater) {
  const pid_t child = fork();
  if (child == 0) {
    _exit(serve_an_address_that_comes_later(GetParam()));
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) {
    GTEST_SKIP() << "no network namespace to be had here";
  }
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_P(PortContract, WhatCannotBeOpenedIsSaidInOneLine) {
  auto port = server();
  const auto error_of = [&](std::vector<LaneOptions> lanes) {
    PortOptions options;
    options.lanes = std::move(lanes);
    auto made = GetParam().make(options);
    return made ? Text("no error") : made.error();
  };
  const Endpoint taken = port->local(0);
  EXPECT_EQ(error_of({{taken, {}}}),
            "UDP " + to_string(taken) +
                ": port in use: stop the process that holds it (ss -ulpn) or configure another port");
  EXPECT_THAT(error_of({{at("198.18.0.1:0"), at("127.0.0.1:9")}}), testing::HasSubstr("not on this machine"));
  EXPECT_THAT(error_of({{at("[::1]:0"), at("127.0.0.1:9")}}), testing::HasSubstr("IPv4 and the other IPv6"));
  const Endpoint twice = free_endpoint();
  EXPECT_THAT(error_of({{twice, {}}, {twice, {}}}), testing::HasSubstr("configured twice"));
  EXPECT_THAT(error_of(std::vector<LaneOptions>(33, {at("127.0.0.1:0"), {}})),
              testing::HasSubstr("at most 32 lanes"));
}

/// Three threads' ports: a lane that all of them have, and on each a lane to a peer of its own, all on one
/// port.
std::vector<PortOptions> three_threads(const Endpoint& clients, const Endpoint& own,
                                       const std::vector<Endpoint>& peers) {
  std::vector<PortOptions> threads(peers.size());
  for (size_t i = 0; i < peers.size(); ++i) {
    threads[i].lanes = {{.local = clients, .remote = {}, .shared = true}, {own, peers[i]}};
  }
  return threads;
}

TEST_P(PortContract, TheKernelSpreadsClientsOverThePortsOfSeveralThreads) {
  std::vector<std::unique_ptr<Port>> peers;
  const Endpoint own = free_endpoint();
  std::vector<Endpoint> addresses{free_endpoint(), free_endpoint(), free_endpoint()};
  const auto ports = GetParam().make_many(three_threads(at("127.0.0.1:0"), own, addresses)).value();
  ASSERT_EQ(ports.size(), 3U);
  const Endpoint target = ports[0]->local(0);
  EXPECT_NE(target.port, 0);
  EXPECT_EQ(ports[1]->local(0), target);
  EXPECT_EQ(ports[2]->local(0), target);
  for (const Endpoint& address : addresses) {
    peers.push_back(make({{address, own}}));
  }
  for (const auto& port : ports) {
    settle(*port, milliseconds(1));
  }
  constexpr unsigned kClients = 30;
  std::vector<std::unique_ptr<Port>> clients;
  for (unsigned i = 0; i < kClients; ++i) {
    clients.push_back(client_of(target));
    TxBurst& out = clients[i]->transmit();
    for (unsigned k = 0; k < 3; ++k) {
      put(out, pattern(20 + i, k));
    }
    clients[i]->send(out);
    clients[i]->wait({});
  }
  for (unsigned i = 0; i < 3; ++i) {
    TxBurst& out = peers[i]->transmit();
    put(out, pattern(400 + i, i));
    peers[i]->send(out);
    peers[i]->wait({});
  }
  unsigned got = 0;
  for (unsigned thread = 0; thread < 3; ++thread) {
    std::map<Endpoint, unsigned> seen;
    unsigned of_peer = 0;
    for (const Got& one : collect(*ports[thread], 3 * kClients, milliseconds(100))) {
      if (one.lane == 1) {
        ++of_peer;
        EXPECT_EQ(one.bytes, pattern(400 + thread, thread)) << "a peer's come to its own thread alone";
      } else {
        ++seen[one.from];
      }
    }
    EXPECT_EQ(of_peer, 1U);
    EXPECT_GT(seen.size(), 1U) << "thread " << thread << " has its part of the clients";
    for (const auto& [from, count] : seen) {
      EXPECT_EQ(count, 3U) << "a client is one thread's";
      got += count;
    }
  }
  EXPECT_EQ(got, 3 * kClients);
}

TEST_P(PortContract, SharedAmongOurThreadsIsNotSharedWithASecondProcess) {
  const Endpoint own = free_endpoint();
  const std::vector<Endpoint> peers{free_endpoint(), free_endpoint()};
  const auto first = GetParam().make_many(three_threads(at("127.0.0.1:0"), own, peers)).value();
  const Endpoint target = first[0]->local(0);
  const std::string refused =
      "UDP " + to_string(target) +
      ": port in use: stop the process that holds it (ss -ulpn) or configure another port";
  // The same again, as a second process of ours would.
  const auto second = GetParam().make_many(three_threads(target, free_endpoint(), peers));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error(), refused);
  // The same lane twice without `shared`, and shared at another place.
  auto wrong = three_threads(free_endpoint(), free_endpoint(), peers);
  wrong[1].lanes[0].shared = false;
  EXPECT_THAT(GetParam().make_many(wrong).error(), testing::HasSubstr("configured twice"));
  wrong[1].lanes[0].shared = true;
  std::swap(wrong[1].lanes[0], wrong[1].lanes[1]);
  EXPECT_THAT(GetParam().make_many(wrong).error(), testing::HasSubstr("configured twice"));
}

TEST_P(PortContract, WithoutLanesItSleepsAndHearsABell) {
  auto port = make({});
  const int bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  port->watch(bell);
  RxBurst burst;
  EXPECT_EQ(port->receive(burst), 0U);
  const MonoTime start = raw_now();
  int waits = 0;
  while (raw_now() < start + milliseconds(30)) {  // it may return early, but not again and again
    const MonoTime before = raw_now();
    port->wait(start + milliseconds(30));
    EXPECT_GE(port->slept_since(), before);
    ++waits;
  }
  EXPECT_LE(waits, 5);
  const uint64_t one = 1;
  ASSERT_EQ(write(bell, &one, sizeof one), ssize_t{sizeof one});
  const MonoTime rung = raw_now();
  for (int turn = 0; turn < 3 && raw_now() < rung + seconds(1); ++turn) {
    port->wait(rung + seconds(2));
    if (port->slept_since() >= rung) {
      break;
    }
    port->receive(burst);
  }
  EXPECT_LT((raw_now() - rung).ms(), 500);
  port->wait(start);
  EXPECT_EQ(port->slept_since(), MonoTime{}) << "it did not sleep";
  port->finish();
  close(bell);
}

TEST_P(PortContract, APortIsFreeAgainOnceItsOwnerIsGone) {
  const Endpoint here = free_endpoint();
  for (int i = 0; i < 5; ++i) {
    auto port = make({{here, {}}});
    settle(*port, milliseconds(1));
    EXPECT_EQ(port->local(0), here);
  }
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
