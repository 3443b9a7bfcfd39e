#include "dataplane/snapshot.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

namespace tercet::dataplane {
namespace {

struct Page {
  uint64_t version = 0;
  std::array<uint64_t, 64> words{};
};

void write(Page& page, uint64_t version) {
  page.version = version;
  page.words.fill(version * 7);
}
bool whole(const Page& page) {
  return std::ranges::all_of(page.words, [&](uint64_t word) { return word == page.version * 7; });
}

TEST(Snapshot, BeforeTheFirstItIsEmptyThenTheNewest) {
  Snapshot<Page> snapshot;
  EXPECT_EQ(snapshot.read().version, 0U);
  write(snapshot.draft(), 1);
  EXPECT_EQ(snapshot.read().version, 0U) << "a draft is nobody's";
  snapshot.publish();
  EXPECT_EQ(snapshot.read().version, 1U);
  for (uint64_t version = 2; version <= 10; ++version) {
    write(snapshot.draft(), version);
    snapshot.publish();
  }
  EXPECT_EQ(snapshot.read().version, 10U) << "those between are skipped";
  EXPECT_EQ(snapshot.read().version, 10U);
}

TEST(Snapshot, WhatWasReadStaysWhileTheWriterGoesOn) {
  Snapshot<Page> snapshot;
  write(snapshot.draft(), 1);
  snapshot.publish();
  const Page& held = snapshot.read();
  for (uint64_t version = 2; version <= 10; ++version) {
    write(snapshot.draft(), version);
    snapshot.publish();
    EXPECT_EQ(held.version, 1U);
    EXPECT_TRUE(whole(held));
  }
}

TEST(Snapshot, TwoThreadsNeverSeeHalfAPageNorAnOlderOneAgain) {
  constexpr uint64_t kVersions = 100'000;
  Snapshot<Page> snapshot;
  std::thread writer([&] {
    for (uint64_t version = 1; version <= kVersions; ++version) {
      write(snapshot.draft(), version);
      snapshot.publish();
    }
  });
  uint64_t seen = 0;
  uint64_t reads = 0;
  bool torn = false;
  bool back = false;
  while (seen < kVersions) {
    const Page& page = snapshot.read();
    torn = torn || !whole(page);
    back = back || page.version < seen;
    seen = std::max(seen, page.version);
    ++reads;
  }
  writer.join();
  EXPECT_FALSE(torn);
  EXPECT_FALSE(back);
  EXPECT_GT(reads, 0U);
}

}  // namespace
}  // namespace tercet::dataplane
