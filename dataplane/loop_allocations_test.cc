// The polling path allocates nothing after start-up: a whole loop, with real keys, under traffic of every
// kind.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>

#include "dataplane/loop_rig.h"

namespace {

std::atomic<uint64_t> g_allocations{0};  // any thread adds, a test compares two readings

void* counted(std::size_t size) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  void* p = std::malloc(size == 0 ? 1 : size);
  if (p == nullptr) {
    throw std::bad_alloc();
  }
  return p;
}

}  // namespace

// Not inlined: g++ 12 would then see free() meet its own operator new, and warn.
[[gnu::noinline]] void* operator new(std::size_t size) { return counted(size); }
[[gnu::noinline]] void* operator new[](std::size_t size) { return counted(size); }
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete[](void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete[](void* p, std::size_t) noexcept { std::free(p); }

namespace tercet::dataplane {

uint64_t allocations_so_far() { return g_allocations.load(std::memory_order_relaxed); }

namespace {

TEST(LoopAllocations, AreCounted) {
  const uint64_t before = allocations_so_far();
  const auto one = std::make_unique<std::array<char, 100>>();
  EXPECT_EQ(allocations_so_far() - before, 1U);
}

TEST(LoopAllocations, NoneInATurn) {
  LoopRig rig;
  rig.service.copies = 3;
  std::vector<std::unique_ptr<seal::ClientKeyring>> strangers;  // clients that the loop has not met
  for (int i = 0; i < 16; ++i) {
    strangers.push_back(std::make_unique<seal::ClientKeyring>(rig.keys.client));
  }
  std::array<uint8_t, 200> bytes{};
  const auto turn = [&](seal::ClientKeyring& stranger) {
    rig.client_says("query");
    rig.peer_says(ServerId::b1, "vote");
    rig.peer_says(ServerId::lb2, "heartbeat");
    const size_t size = stranger.seal_query(as_bytes("hello"), bytes);
    rig.anybody_says({bytes.data(), size});
    bytes[size - 1] = static_cast<uint8_t>(bytes[size - 1] ^ 1U);
    rig.anybody_says({bytes.data(), size});  // forged
    rig.anybody_says({bytes.data(), 10});    // too short
    rig.poll();
    rig.loop->wait(rig.poll());
    while (rig.client->receive(rig.rx) != 0 || rig.peers[index(ServerId::b1)]->receive(rig.rx) != 0 ||
           rig.peers[index(ServerId::lb2)]->receive(rig.rx) != 0) {
    }
  };
  const uint64_t before = allocations_so_far();
  for (auto& stranger : strangers) {
    turn(*stranger);
  }
  EXPECT_EQ(allocations_so_far() - before, 0U);
  EXPECT_EQ(rig.service.messages, 4U * strangers.size());
  EXPECT_EQ(rig.loop->opened().dropped(), 2U * strangers.size());
}

}  // namespace
}  // namespace tercet::dataplane
