#include "dataplane/port/segments.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

namespace tercet::dataplane {
namespace {

struct Bench {
  std::vector<uint8_t> memory = std::vector<uint8_t>(kBurstMax * kTxStride);
  TxBurst burst;
  Bench() {
    for (size_t i = 0; i < kBurstMax; ++i) {
      EXPECT_TRUE(burst.add_buffer(&memory[i * kTxStride]));
    }
  }
  void push(size_t size, Lane lane = 0, uint16_t port = 1) {
    Endpoint to;
    to.port = port;
    burst.push(size, lane, to);
  }
  /// Sizes of the runs that `burst` is cut into.
  std::vector<size_t> cut(std::vector<SendLane> lanes) {
    Runs runs;
    runs.cut(burst, lanes);
    std::vector<size_t> counts;
    for (const auto& run : runs.runs()) {
      counts.push_back(run.count);
    }
    return counts;
  }
};

const std::vector<SendLane> kPeer{{.connected = true, .gso = true}};
const std::vector<SendLane> kClients{{.connected = false, .gso = true}};

TEST(Runs, EqualNeighboursAndOneShorterEndGoTogether) {
  Bench b;
  for (const size_t size : {200U, 200U, 150U, 200U, 200U, 201U, 0U, 0U, 201U}) {
    b.push(size);
  }
  EXPECT_EQ(b.cut(kPeer), (std::vector<size_t>{3, 2, 1, 1, 1, 1}));
  EXPECT_EQ(b.cut({{.connected = true, .gso = false}}), std::vector<size_t>(9, 1));
}

TEST(Runs, AreBoundedInSegmentsAndBytes) {
  Bench small;
  Bench large;
  for (size_t i = 0; i < kBurstMax; ++i) {
    small.push(10);
    large.push(kDatagramMax);
  }
  EXPECT_EQ(small.cut(kPeer), std::vector<size_t>(4, 64));
  EXPECT_EQ(large.cut(kPeer).front(), 65'000 / kDatagramMax);
  EXPECT_LE(large.cut(kPeer).front() * kDatagramMax, 65'507U);
}

TEST(Runs, ToClientsOnlyLongOnesOfOneReceiver) {
  Bench b;
  for (int i = 0; i < 3; ++i) {
    b.push(100, 0, 1);
  }
  for (int i = 0; i < 4; ++i) {
    b.push(100, 0, 2);
  }
  EXPECT_EQ(b.cut(kClients), (std::vector<size_t>{1, 1, 1, 4}));
  EXPECT_EQ(b.cut(kPeer), (std::vector<size_t>{7})) << "a connected lane has one receiver";
}

TEST(Runs, MixedLanesAreSortedAndKeepTheirOrder) {
  Bench b;
  for (int i = 0; i < 5; ++i) {
    b.push(100, 2);
    b.push(100, 0);
    b.push(100, 1);
  }
  const std::vector<SendLane> lanes(3, {.connected = true, .gso = true});
  Runs runs;
  runs.cut(b.burst, lanes);
  ASSERT_EQ(runs.runs().size(), 3U);
  for (size_t l = 0; l < 3; ++l) {
    EXPECT_EQ(runs.runs()[l].lane, l);
    EXPECT_EQ(runs.runs()[l].count, 5U);
  }
  EXPECT_EQ(runs.order(0), 1U);  // lane 0: places 1, 4, 7, 10, 13
  EXPECT_EQ(runs.order(4), 13U);
  EXPECT_EQ(runs.order(10), 0U);  // lane 2
}

TEST(Runs, RandomBurstsAreCutWholeAndByTheRules) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    Bench b;
    const size_t n = random() % (kBurstMax + 1);
    for (size_t i = 0; i < n; ++i) {
      b.push(std::array<size_t, 4>{0, 50, 60, 1'452}[random() % 4 * (random() % 3 != 0)],
             static_cast<Lane>(random() % 2), static_cast<uint16_t>(random() % 2));
    }
    const std::vector<SendLane> lanes{{.connected = true, .gso = true}, {.connected = false, .gso = true}};
    Runs runs;
    runs.cut(b.burst, lanes);
    std::vector<bool> seen(n);
    size_t next = 0;
    for (const auto& run : runs.runs()) {
      ASSERT_EQ(run.first, next);
      next += run.count;
      size_t bytes = 0;
      for (size_t i = run.first; i < next; ++i) {
        const TxDatagram& d = b.burst.datagrams()[runs.order(i)];
        ASSERT_FALSE(seen[runs.order(i)]);
        seen[runs.order(i)] = true;
        ASSERT_EQ(d.lane, run.lane);
        ASSERT_TRUE(i + 1 == next ? d.size <= run.segment : d.size == run.segment);
        ASSERT_TRUE(run.count == 1 || d.size > 0);
        ASSERT_TRUE(run.lane == 0 || d.to == b.burst.datagrams()[runs.order(run.first)].to);
        bytes += d.size;
      }
      ASSERT_LE(bytes, kRunBytesMax);
      ASSERT_LE(run.count, kRunSegmentsMax);
    }
    ASSERT_EQ(next, n);
  }
}

TEST(Received, IsCutAtItsSegmentsAndResumesAfterAFullBurst) {
  std::vector<uint8_t> memory(2'600);
  std::iota(memory.begin(), memory.end(), uint8_t{0});
  PortCounters counters;
  RxBurst burst;
  Received received;
  received.payload = memory;
  received.segment = 10;
  EXPECT_FALSE(received.cut_into(burst, counters));
  EXPECT_EQ(burst.datagrams.size(), kBurstMax);
  burst.datagrams.clear();
  EXPECT_TRUE(received.cut_into(burst, counters));
  ASSERT_EQ(burst.datagrams.size(), 4U);
  EXPECT_EQ(burst.datagrams[0].bytes.data(), &memory[2'560]);
  EXPECT_EQ(counters.received_datagrams.get(), 260U);
}

TEST(Received, ShortLastSegmentEmptyAndTooLong) {
  std::vector<uint8_t> memory(5'000);
  PortCounters counters;
  RxBurst burst;
  Received short_last;
  short_last.payload = MutBytes(memory).first(25);
  short_last.segment = 10;
  EXPECT_TRUE(short_last.cut_into(burst, counters));
  ASSERT_EQ(burst.datagrams.size(), 3U);
  EXPECT_EQ(burst.datagrams[2].bytes.size(), 5U);
  Received empty;
  EXPECT_TRUE(empty.cut_into(burst, counters));
  EXPECT_EQ(burst.datagrams.size(), 4U);
  Received too_long;  // two segments that no datagram of ours can be, and a rest that could
  too_long.payload = MutBytes(memory).first(3'100);
  too_long.segment = 1'500;
  EXPECT_TRUE(too_long.cut_into(burst, counters));
  EXPECT_EQ(burst.datagrams.size(), 5U);
  EXPECT_EQ(counters.drop_truncated.get(), 2U);
}

}  // namespace
}  // namespace tercet::dataplane
