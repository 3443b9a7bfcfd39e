// How every kernel engine waits: it wakes on traffic and bells, costs little idle, allocates nothing.

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <ctime>
#include <thread>

#include "tests/allocations/allocations.h"
#include "tests/port/port_contract.h"

namespace tercet::dataplane {
namespace {

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

}  // namespace
}  // namespace tercet::dataplane
