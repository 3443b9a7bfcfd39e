// Two processes of one host, each with the engine, joined by shared memory (memif): what an LB and a backend
// on one machine can be. The second process is forked before DPDK starts in either.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "dataplane/port/dpdk/dpdk_engine.h"
#include "dataplane/port/socket.h"

namespace tercet::dataplane {
namespace {

constexpr const char* kServer = "198.18.0.1:8210";
constexpr const char* kClient = "198.18.0.2:8210";

tl::expected<DpdkNetwork, std::string> open(const std::string& socket, bool server) {
  DpdkOptions options;
  // Hardware addresses are drawn from a generator that was seeded before the fork: the same in both.
  options.eal.arguments = std::string("--no-huge -m 64 --no-pci --no-shconf --vdev=net_memif0,role=") +
                          (server ? "server,mac=02:54:43:00:00:0a" : "client,mac=02:54:43:00:00:0b") +
                          ",socket-abstract=no,socket=" + socket;
  options.eal.prefix = server ? "tercet-memif-a" : "tercet-memif-b";
  const Endpoint own = parse_endpoint(server ? kServer : kClient).value();
  options.own = {own.address, 24};
  PortOptions lanes;
  lanes.lanes = {{own, parse_endpoint(server ? kClient : kServer).value()}};
  return open_dpdk(options, lanes, 1);
}

/// Sends back what comes, until the parent ends it.
[[noreturn]] void echo(const std::string& socket) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  auto network = open(socket, false);
  if (!network) {
    _exit(1);
  }
  Port& port = *network->ports[0];
  RxBurst burst;
  for (;;) {
    port.receive(burst);
    if (!burst.datagrams.empty()) {
      TxBurst& out = port.transmit();
      for (const RxDatagram& d : burst.datagrams) {
        std::ranges::copy(d.bytes, out.next().begin());
        out.push(d.bytes.size(), d.lane, {});
      }
      port.send(out);
    }
    port.wait(raw_now() + milliseconds(1));
  }
}

TEST(Memif, JoinsTwoProcesses) {
  const std::string socket = "/tmp/tercet-memif-two-" + std::to_string(getpid());
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    usleep(300'000);  // the client looks for its server once a second: let that one be first
    echo(socket);
  }
  {
    auto network = open(socket, true);
    ASSERT_TRUE(network) << network.error();
    Port& port = *network->ports[0];
    RxBurst burst;
    uint32_t sent = 0;
    uint32_t came = 0;
    uint32_t wrong = 0;
    constexpr uint32_t kWanted = 20'000;
    const MonoTime give_up = raw_now() + seconds(10);
    while (came < kWanted && raw_now() < give_up) {
      if (sent < came + 64 && network->device->link_up()) {
        TxBurst& out = port.transmit();
        for (int i = 0; i < 16; ++i, ++sent) {
          std::memcpy(out.next().data(), &sent, sizeof sent);
          out.push(100, 0, {});
        }
        port.send(out);
      }
      port.receive(burst);
      for (const RxDatagram& d : burst.datagrams) {
        uint32_t number = 0;
        std::memcpy(&number, d.bytes.data(), sizeof number);
        wrong += d.bytes.size() != 100 || number >= sent ? 1 : 0;
        ++came;
      }
      if (burst.datagrams.empty() && sent >= came + 64) {
        port.wait(raw_now() + milliseconds(1));
        if (port.counters().drop_send_refused.get() != 0) {
          sent = came + static_cast<uint32_t>(64 - 16);  // what the ring refused at first will not come back
        }
      }
    }
    EXPECT_EQ(wrong, 0U);
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, WNOHANG), 0) << "the other process ended, status " << status;
    std::string drops;
    for (const NamedCounter& drop : port.drops()) {
      drops += drop.counter->get() == 0
                   ? ""
                   : std::string(drop.name) + "=" + std::to_string(drop.counter->get()) + " ";
    }
    EXPECT_GE(came, kWanted) << "of " << sent << " sent; dropped: " << drops
                             << "refused: " << port.counters().drop_send_refused.get();
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    port.finish();
    network->ports.clear();
    EXPECT_EQ(network->device->close(), 0U) << "buffers are lost";
  }
  unlink(socket.c_str());
}

}  // namespace
}  // namespace tercet::dataplane
