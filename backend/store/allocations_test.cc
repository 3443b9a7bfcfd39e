// Counts every allocation of this test program, for the tests that allow none.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>

#include "backend/store/log_rig.h"

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

namespace tercet::store {

uint64_t allocations_so_far() { return g_allocations.load(std::memory_order_relaxed); }

TEST(Allocations, AreCounted) {
  const uint64_t before = allocations_so_far();
  const auto one = std::make_unique<std::array<char, 100>>();
  EXPECT_EQ(allocations_so_far() - before, 1U);
}

}  // namespace tercet::store
