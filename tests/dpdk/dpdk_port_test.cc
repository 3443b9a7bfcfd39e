// What the DPDK engine owes its caller, on two devices of one process that are joined by shared memory
// (memif): no privilege, no interface, no kernel on the way. Each test is a process of its own, since EAL
// starts once.

#include "dataplane/port/dpdk/dpdk_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rte_alarm.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>

#include "dataplane/port/dpdk/dpdk_engine.h"
#include "dataplane/port/socket.h"
#include "tests/allocations/allocations.h"

namespace tercet::dataplane {
namespace {

Endpoint at(const char* text) { return parse_endpoint(text).value(); }
Vip vip(const char* text, uint8_t length) { return {parse_address(text).value().address, length}; }

std::vector<uint8_t> pattern(size_t size, unsigned number) {
  std::vector<uint8_t> bytes(size);
  for (size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<uint8_t>(i * 7 + number * 13 + (i >> 8U));
  }
  return bytes;
}

struct Got {
  std::vector<uint8_t> bytes;
  Lane lane;
  Endpoint from;
};

/// One end: a device, what its control thread would hold, and its port.
struct End {
  std::shared_ptr<Device> device;
  std::shared_ptr<ControlPath> control;
  std::unique_ptr<Port> port;

  /// Polls until `count` datagrams came or two seconds passed.
  std::vector<Got> collect(size_t count, End* other = nullptr) {
    std::vector<Got> got;
    RxBurst burst;
    const MonoTime give_up = raw_now() + seconds(2);
    while (got.size() < count && raw_now() < give_up) {
      if (other != nullptr) {
        RxBurst theirs;
        other->port->receive(theirs);  // so that it answers ARP
      }
      port->receive(burst);
      for (const RxDatagram& d : burst.datagrams) {
        got.push_back({{d.bytes.begin(), d.bytes.end()}, d.lane, d.from});
      }
      std::this_thread::yield();
    }
    return got;
  }
  void put(TxBurst& burst, Bytes bytes, Lane lane, const Endpoint& to = {}) const {
    const MutBytes room = burst.next();
    ASSERT_GE(room.size(), bytes.size());
    std::ranges::copy(bytes, room.begin());
    burst.push(bytes.size(), lane, to);
  }
  void send(Bytes bytes, Lane lane, const Endpoint& to = {}) const {
    TxBurst& burst = port->transmit();
    put(burst, bytes, lane, to);
    port->send(burst);
  }
  [[nodiscard]] std::string all_drops() const {
    std::string text;
    for (const NamedCounter& drop : port->drops()) {
      if (drop.counter->get() != 0) {
        text += std::string(drop.name) + ": " + std::to_string(drop.counter->get()) + "\n";
      }
    }
    return text;
  }
  [[nodiscard]] uint64_t dropped(std::string_view reason) const {
    for (const NamedCounter& drop : port->drops()) {
      if (drop.name == reason) {
        return drop.counter->get();
      }
    }
    ADD_FAILURE() << "no drop is called " << reason;
    return 0;
  }
};

class DpdkPort : public testing::Test {
 protected:
  void SetUp() override {
    socket_ = "tercet-memif-" + std::to_string(getpid());
    // The driver knows a socket by its path and would take the second device's for the first's: two paths to
    // it.
    const auto memif = [&](const char* number, const char* role, const char* folder) {
      return std::string(" --vdev=net_memif") + number + ",role=" + role +
             ",socket-abstract=no,socket=" + folder + socket_;
    };
    eal_.arguments = "--no-huge -m 128 --no-pci --no-shconf" + memif("0", "server", "/tmp/") +
                     memif("1", "client", "/tmp/./");
    const auto started = start_eal(eal_);
    ASSERT_TRUE(started) << started.error();
    a_ = open("net_memif0", "198.18.0.1",
              {{at("198.18.0.1:8210"), at("198.18.0.2:8210")}, {at("198.18.0.100:8200"), {}}});
    b_ = open("net_memif1", "198.18.0.2",
              {{at("198.18.0.2:8210"), at("198.18.0.1:8210")}, {at("198.18.0.2:8200"), {}}});
    ASSERT_TRUE(a_.device && b_.device);
    const MonoTime give_up = raw_now() + seconds(5);
    while (!(a_.device->link_up() && b_.device->link_up()) && raw_now() < give_up) {
      usleep(1000);
    }
    ASSERT_TRUE(a_.device->link_up()) << "memif connects";
    warm_up(a_, b_);
    warm_up(b_, a_);
  }
  /// The driver says that it is connected a moment before frames pass (its client lends the server buffers
  /// when it first looks for some). A gratuitous ARP of somebody unknown teaches nobody, and is counted.
  static void warm_up(End& from, End& to) {
    ControlOrder order;
    order.kind = ControlOrder::Kind::announce;
    order.address = {198, 18, 0, 77};
    const MonoTime give_up = raw_now() + seconds(5);
    RxBurst burst;
    while (to.all_drops().empty() && raw_now() < give_up) {
      from.control->orders(0).push(order);
      from.port->receive(burst);
      to.port->receive(burst);
    }
    ASSERT_FALSE(to.all_drops().empty()) << "frames pass";
  }
  void TearDown() override {
    // The client first; its server hears of that on a thread of EAL, and is closed when it has: that thread
    // says that the link is down, and then still takes the queues apart.
    close(b_);
    const MonoTime give_up = raw_now() + seconds(1);
    while (a_.device && a_.device->link_up() && raw_now() < give_up) {
      usleep(1000);
    }
    std::atomic<bool> came_after = false;
    const auto come = [](void* flag) { *static_cast<std::atomic<bool>*>(flag) = true; };
    const bool comes = rte_eal_alarm_set(1, come, &came_after) == 0;
    while (comes && !came_after) {
      usleep(1000);
    }
    close(a_);
    unlink(("/tmp/" + socket_).c_str());
  }
  static void close(End& end) {
    if (end.port) {
      end.port->finish();
      end.port.reset();
      EXPECT_EQ(end.device->close(), 0U) << end.device->name() << ": buffers are lost";
    }
  }
  End open(const char* device, const char* address, std::vector<LaneOptions> lanes) {
    DpdkOptions options;
    options.eal = eal_;
    options.device = device;
    options.own = vip(address, 24);
    PortOptions port;
    port.lanes = std::move(lanes);
    auto network = open_dpdk(options, port, 1);
    if (!network) {
      ADD_FAILURE() << network.error();
      return {};
    }
    return {network->device, network->control, std::move(network->ports[0])};
  }
  void own(End& end, const char* address, bool yes = true) {
    ControlOrder order;
    order.kind = yes ? ControlOrder::Kind::own : ControlOrder::Kind::disown;
    order.address = ipv4_of(parse_address(address).value().address);
    ASSERT_TRUE(end.control->orders(0).push(order));
  }

  EalOptions eal_;
  std::string socket_;
  End a_;
  End b_;
};

TEST_F(DpdkPort, ADatagramWaitsForItsNeighbourAndArrives) {
  const auto bytes = pattern(100, 1);
  a_.send(bytes, 0);  // nobody's hardware address is known yet
  const auto got = b_.collect(1, &a_);
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].bytes, bytes);
  EXPECT_EQ(got[0].lane, 0);
  EXPECT_EQ(got[0].from, at("198.18.0.1:8210"));
  b_.send(pattern(50, 2), 0);
  EXPECT_EQ(a_.collect(1).size(), 1U);
}

TEST_F(DpdkPort, WholeBurstsOfAllSizesArriveInOrder) {
  a_.send(pattern(1, 0), 0);
  ASSERT_EQ(b_.collect(1, &a_).size(), 1U);
  for (unsigned round = 0; round < 20; ++round) {
    TxBurst& burst = a_.port->transmit();
    constexpr size_t kCount = 200;
    for (unsigned i = 0; i < kCount; ++i) {
      a_.put(burst, pattern((i * 37 + round) % (kDatagramMax + 1), i), 0);
    }
    a_.port->send(burst);
    const auto got = b_.collect(kCount);
    ASSERT_EQ(got.size(), kCount) << "round " << round;
    for (unsigned i = 0; i < kCount; ++i) {
      ASSERT_EQ(got[i].bytes, pattern((i * 37 + round) % (kDatagramMax + 1), i)) << i;
    }
  }
  EXPECT_EQ(a_.port->counters().sent_datagrams.get(), 1U + 20 * 200);
  EXPECT_EQ(b_.port->counters().received_datagrams.get(), 1U + 20 * 200);
}

TEST_F(DpdkPort, AClientIsAnsweredWhereItsDatagramCameFrom) {
  own(a_, "198.18.0.100");
  b_.send(pattern(80, 3), 1, at("198.18.0.100:8200"));
  const auto got = a_.collect(1, &b_);
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].lane, 1);
  EXPECT_EQ(got[0].from, at("198.18.0.2:8200"));
  a_.send(pattern(81, 4), 1, got[0].from);
  const auto answer = b_.collect(1, &a_);
  ASSERT_EQ(answer.size(), 1U);
  EXPECT_EQ(answer[0].bytes, pattern(81, 4));
  EXPECT_EQ(answer[0].from, at("198.18.0.100:8200"));
}

TEST_F(DpdkPort, AnAddressThatIsNotOwnedIsNobodys) {
  b_.send(pattern(80, 3), 1, at("198.18.0.100:8200"));
  EXPECT_TRUE(a_.collect(1, &b_).empty());
  EXPECT_GE(b_.dropped("unresolved"), 1U) << "it waited for an answer to its question, which nobody gave";
  own(a_, "198.18.0.100");
  size_t arrived = 0;
  for (int tries = 0; tries < 5 && arrived == 0; ++tries) {  // who did not answer is not asked again at once
    b_.send(pattern(80, 3), 1, at("198.18.0.100:8200"));
    arrived = a_.collect(1, &b_).size();
  }
  EXPECT_EQ(arrived, 1U);
  own(a_, "198.18.0.100", false);
  b_.send(pattern(80, 3), 1, at("198.18.0.100:8200"));
  EXPECT_TRUE(a_.collect(1, &b_).empty());
  EXPECT_EQ(a_.dropped("ip_other"), 1U);
}

TEST_F(DpdkPort, AdvertsLeaveAndArriveWithWhatTheirParserNeeds) {
  ControlOrder order;
  order.kind = ControlOrder::Kind::advert;
  order.address = {224, 0, 0, 18};
  order.size = 12;
  std::ranges::copy(pattern(12, 9), order.bytes.begin());
  ASSERT_TRUE(a_.control->orders(0).push(order));
  RxBurst burst;
  Advert advert;
  const MonoTime give_up = raw_now() + seconds(2);
  size_t got = 0;
  while (got == 0 && raw_now() < give_up) {
    a_.port->receive(burst);
    b_.port->receive(burst);
    got = b_.control->adverts(0).pop(std::span(&advert, 1));
  }
  ASSERT_EQ(got, 1U) << a_.all_drops() << b_.all_drops();
  EXPECT_EQ(advert.from, at("198.18.0.1:0").address);
  EXPECT_EQ(advert.to, at("224.0.0.18:0").address);
  EXPECT_EQ(advert.ttl, 255);
  EXPECT_TRUE(std::ranges::equal(advert.view(), pattern(12, 9)));
  uint64_t rung = 0;
  EXPECT_EQ(read(b_.control->adverts_bell(), &rung, sizeof rung), ssize_t{sizeof rung});
}

TEST_F(DpdkPort, AFloodOfAdvertsRingsOnceAndIsCounted) {
  constexpr size_t kFlood = 100;
  ControlOrder order;
  order.kind = ControlOrder::Kind::advert;
  order.address = {224, 0, 0, 18};
  order.size = 12;
  RxBurst burst;
  for (size_t i = 0; i < kFlood; ++i) {
    ASSERT_TRUE(a_.control->orders(0).push(order));
    a_.port->receive(burst);
  }
  const MonoTime give_up = raw_now() + seconds(2);
  while (b_.control->adverts(0).waiting() + b_.dropped("control_full") < kFlood && raw_now() < give_up) {
    b_.port->receive(burst);
  }
  EXPECT_EQ(b_.dropped("control_full"), kFlood - b_.control->adverts(0).waiting());
  EXPECT_GT(b_.dropped("control_full"), 0U);
  uint64_t rung = 0;
  EXPECT_EQ(read(b_.control->adverts_bell(), &rung, sizeof rung), ssize_t{sizeof rung});
  EXPECT_EQ(rung, 1U);
}

TEST_F(DpdkPort, TheHostsOwnQuestionsComeInAndItsAnswersGoOut) {
  LocalDatagram question;
  question.size = 33;
  std::ranges::copy(pattern(33, 5), question.bytes.begin());
  ASSERT_TRUE(a_.control->questions().push(question));
  const auto got = a_.collect(1);
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].lane, kLocalLane);
  EXPECT_EQ(got[0].bytes, pattern(33, 5));
  a_.send(pattern(44, 6), got[0].lane, got[0].from);
  LocalDatagram answer;
  ASSERT_EQ(a_.control->answers().pop(std::span(&answer, 1)), 1U);
  EXPECT_EQ(answer.size, 44);
  EXPECT_TRUE(std::ranges::equal(Bytes(answer.bytes).first(answer.size), pattern(44, 6)));
}

TEST_F(DpdkPort, PollingAllocatesNothing) {
  a_.send(pattern(1, 0), 0);
  ASSERT_EQ(b_.collect(1, &a_).size(), 1U);
  RxBurst burst;
  const auto bytes = pattern(120, 1);
  const uint64_t before = allocations_so_far();
  size_t got = 0;
  for (int i = 0; i < 2'000; ++i) {
    TxBurst& out = a_.port->transmit();
    for (int k = 0; k < 16; ++k) {
      a_.put(out, bytes, 0);
    }
    a_.port->send(out);
    got += b_.port->receive(burst);
    a_.port->receive(burst);
  }
  EXPECT_EQ(allocations_so_far(), before);
  EXPECT_GT(got, 1'000U);
}

TEST_F(DpdkPort, WaitingEndsInTimeAndAtABell) {
  const int bell = eventfd(0, EFD_NONBLOCK);
  a_.port->watch(bell);
  RxBurst burst;
  a_.port->receive(burst);
  const MonoTime begun = raw_now();
  while (raw_now() < begun + milliseconds(3)) {
    a_.port->wait(begun + milliseconds(3));
  }
  EXPECT_LT(raw_now() - begun, milliseconds(500));
  const uint64_t one = 1;
  ASSERT_EQ(write(bell, &one, sizeof one), ssize_t{sizeof one});
  const MonoTime rung = raw_now();
  a_.port->wait(rung + seconds(10));
  EXPECT_GE(a_.port->slept_since(), rung) << "asleep is not at work";
  EXPECT_LT(raw_now() - rung, milliseconds(500));
  ::close(bell);
}

TEST_F(DpdkPort, WhatCannotBeOpenedIsSaidInOneLine) {
  DpdkOptions options;
  options.eal = eal_;
  options.own = vip("198.18.0.3", 24);
  PortOptions lanes;
  lanes.lanes = {{at("198.18.0.3:8210"), at("198.18.0.1:8210")}};
  const auto which = open_dpdk(options, lanes, 1);
  ASSERT_FALSE(which);
  EXPECT_EQ(which.error(), "DPDK found several devices (net_memif0, net_memif1): name one in port.device");
  options.device = "net_nothing7";
  const auto unknown = open_dpdk(options, lanes, 1);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error(),
            "DPDK knows no device net_nothing7: port.device must be one of net_memif0, net_memif1");
  options.eal.arguments = "--no-huge";
  EXPECT_FALSE(open_dpdk(options, lanes, 1));
}

TEST(DpdkEal, WrongArgumentsAreSaidInOneLine) {
  const auto started = start_eal({.arguments = "--no-huge -m 64 --no-pci --vdev=net_nonsense0"});
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error(), testing::HasSubstr("net_nonsense0"));
  EXPECT_EQ(started.error().find('\n'), std::string::npos);
}

TEST(DpdkEal, WithoutADeviceWhatToDoIsSaid) {
  ASSERT_TRUE(start_eal({.arguments = "--no-huge -m 64 --no-pci --no-shconf"}));
  const auto device = Device::open({});
  ASSERT_FALSE(device);
  EXPECT_THAT(device.error(), testing::StartsWith("DPDK found no device: give one in port.eal"));
}

}  // namespace
}  // namespace tercet::dataplane
