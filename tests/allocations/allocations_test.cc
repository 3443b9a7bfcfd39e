// A count that never moved would let every test pass that allows no allocation.

#include "tests/allocations/allocations.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <new>
#include <thread>

namespace tercet {
namespace {

struct alignas(128) Wide {
  std::array<char, 256> bytes{};
};

/// What nobody sees may be left out: a compiler need not allocate what it can tell is given back unused.
const void* volatile g_seen = nullptr;

template <class Do>
uint64_t counted(Do make) {
  const uint64_t before = allocations_so_far();
  const auto made = make();
  g_seen = made.get();
  return made ? allocations_so_far() - before : UINT64_MAX;
}

TEST(Allocations, EveryFormIsCountedOnce) {
  EXPECT_EQ(counted([] { return std::make_unique<std::array<char, 100>>(); }), 1U);
  EXPECT_EQ(counted([] { return std::make_unique<char[]>(100); }), 1U);
  EXPECT_EQ(counted([] { return std::make_unique<Wide>(); }), 1U);
  EXPECT_EQ(counted([] { return std::make_unique<Wide[]>(3); }), 1U);
  EXPECT_EQ(counted([] { return std::unique_ptr<Wide>(new (std::nothrow) Wide); }), 1U);
  EXPECT_EQ(counted([] { return std::unique_ptr<char[]>(new (std::nothrow) char[7]); }), 1U);
}

TEST(Allocations, OfOtherThreadsCount) {
  const uint64_t before = allocations_so_far();
  uint64_t there = 0;
  std::thread([&there] { there = counted([] { return std::make_unique<std::array<char, 100>>(); }); }).join();
  EXPECT_EQ(there, 1U);
  EXPECT_GT(allocations_so_far(), before);
}

TEST(Allocations, WhatAllocatesNothingCountsNothing) {
  const uint64_t before = allocations_so_far();
  std::array<int, 10> local{};
  g_seen = local.data();
  EXPECT_EQ(allocations_so_far() - before, 0U);
}

}  // namespace
}  // namespace tercet
