// An idle port sleeps on its device, not on the time, where the driver can wake it: net_tap's queue is a
// descriptor, net_vhost and net_virtio_user interrupt. One process for each test, since EAL starts once.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <functional>
#include <thread>

#include "dataplane/port/dpdk/dpdk_engine.h"
#include "dataplane/port/socket.h"
#include "tests/dpdk/tap_end.h"
#include "tests/dpdk/vhost_pair.h"

namespace tercet::dataplane {
namespace {

constexpr const char* kUs = "198.18.0.1:8210";
constexpr const char* kOther = "198.18.0.2:8210";
constexpr int kRounds = 40;
/// Longer than the longest sleep (5 ms), and no multiple of it.
constexpr useconds_t kPauseUs = 7'300;

DpdkNetwork open(const std::string& eal, const char* device, const char* own, const char* remote) {
  DpdkOptions options;
  options.eal.arguments = eal;
  options.device = device;
  options.own = {parse_endpoint(own).value().address, 24};
  PortOptions lanes;
  lanes.lanes = {{parse_endpoint(own).value(), parse_endpoint(remote).value()}};
  lanes.spin = nanoseconds(0);
  auto network = open_dpdk(options, lanes, 1);
  if (!network) {
    ADD_FAILURE() << network.error();
    return {};
  }
  return std::move(*network);
}

void close(DpdkNetwork& network) {
  if (!network.ports.empty()) {
    network.ports[0]->finish();
    network.ports.clear();
    EXPECT_EQ(network.device->close(), 0U) << "buffers are lost";
  }
}

std::string all_drops(const Port& port) {
  std::string text;
  for (const NamedCounter& drop : port.drops()) {
    text += drop.counter->get() == 0
                ? ""
                : std::string(drop.name) + "=" + std::to_string(drop.counter->get()) + " ";
  }
  return text;
}

/// A greeting until it came, and neighbours are known; then the time, kRounds times.
void send_now_and_then(const std::atomic<bool>& ready, const std::function<void(Bytes)>& send) {
  while (!ready) {
    send(Bytes(reinterpret_cast<const uint8_t*>("hello"), 5));
    usleep(1'000);
  }
  for (int i = 0; i < kRounds; ++i) {
    usleep(kPauseUs);
    const int64_t now = raw_now().ns;
    send(Bytes(reinterpret_cast<const uint8_t*>(&now), sizeof now));
  }
}

/// By time a port naps some 13 times a pause (20 µs, doubled up to 500 µs) and is 250 µs late. If it relied
/// on something that does not wake it, it would be late by up to 5 ms.
void expect_woken(Port& port, std::atomic<bool>& ready) {
  std::vector<int64_t> late;
  int naps = 0;
  RxBurst burst;
  const MonoTime give_up = raw_now() + seconds(10);
  while (late.size() < kRounds && raw_now() < give_up) {
    port.receive(burst);
    for (const RxDatagram& d : burst.datagrams) {
      int64_t sent = 0;
      if (d.bytes.size() == sizeof sent) {
        std::memcpy(&sent, d.bytes.data(), sizeof sent);
        late.push_back(raw_now().ns - sent);
      }
      ready = true;
    }
    if (ready) {
      port.wait(raw_now() + seconds(1));
      naps += port.slept_since() == MonoTime{} ? 0 : 1;
    }
  }
  ready = true;
  ASSERT_EQ(late.size(), size_t{kRounds}) << all_drops(port);
  std::ranges::sort(late);
  const Duration quarter = nanoseconds(late[kRounds / 4]);  // others may want this machine's cores, too
  EXPECT_LE(naps, 6 * kRounds);
  EXPECT_LT(quarter, microseconds(500)) << "woken by time";
  std::printf("%d naps for %d datagrams, median %ld us from sender to receiver\n", naps, kRounds,
              late[kRounds / 2] / 1000);
}

TEST(Wake, ATapsFrameWakesItsPort) {
  if (!TapEnd::enter_namespace()) {
    GTEST_SKIP() << "no network namespaces here";
  }
  auto us = open(TapEnd::kEal, TapEnd::kDevice, TapEnd::kUs, TapEnd::kKernel);
  ASSERT_EQ(us.ports.size(), 1U);
  EXPECT_GE(us.device->descriptor(0), 0);
  const TapEnd kernel;
  std::atomic<bool> ready = false;
  std::thread sender([&] { send_now_and_then(ready, [&](Bytes bytes) { kernel.send(bytes); }); });
  expect_woken(*us.ports[0], ready);
  sender.join();
  close(us);
}

/// A port of vhost and one of its guest's, in one process.
TEST(Wake, AnInterruptWakesItsPort) {
  const VhostPair pair;
  auto host = open(pair.eal(), VhostPair::kHost, kUs, kOther);
  ASSERT_EQ(host.ports.size(), 1U);
  pair.plug_in();
  auto guest = open(pair.eal(), VhostPair::kGuest, kOther, kUs);
  ASSERT_EQ(guest.ports.size(), 1U);
  EXPECT_NE(host.device->interrupt(0), nullptr) << host.device->describe();
  EXPECT_NE(guest.device->interrupt(0), nullptr) << guest.device->describe();
  for (auto [from, to] : {std::pair{&host, &guest}, std::pair{&guest, &host}}) {
    std::atomic<bool> ready = false;
    std::thread sender([&ready, &port = *from->ports[0]] {
      send_now_and_then(ready, [&](Bytes bytes) {
        RxBurst burst;
        port.receive(burst);  // answers ARP
        TxBurst& out = port.transmit();
        std::memcpy(out.next().data(), bytes.data(), bytes.size());
        out.push(bytes.size(), 0, {});
        port.send(out);
      });
      port.finish();
    });
    SCOPED_TRACE(to->device->describe());
    expect_woken(*to->ports[0], ready);
    to->ports[0]->finish();  // the next round's threads are others
    sender.join();
  }
  close(guest);
  close(host);
}

}  // namespace
}  // namespace tercet::dataplane
