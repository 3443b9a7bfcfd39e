// Addresses, lanes and ports of several threads: what is bound, shared, refused and free again.

#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "tests/port/port_contract.h"

namespace tercet::dataplane {
namespace {

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

TEST_P(PortContract, APortIsFreeAgainOnceItsOwnerIsGone) {
  const Endpoint here = free_endpoint();
  for (int i = 0; i < 5; ++i) {
    auto port = make({{here, {}}});
    settle(*port, milliseconds(1));
    EXPECT_EQ(port->local(0), here);
  }
}

}  // namespace
}  // namespace tercet::dataplane
