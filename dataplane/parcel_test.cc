#include "dataplane/parcel.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <random>
#include <string>
#include <vector>

namespace tercet::dataplane {
namespace {

bool readable(int fd) {
  pollfd one{fd, POLLIN, 0};
  return poll(&one, 1, 0) == 1;
}

struct Pair {
  explicit Pair(size_t cells) : link(cells) {}
  std::unique_ptr<Bell> bell = Bell::make().value();
  ParcelLink link;
  LinkCounters counters;
  ParcelWriter writer{link, *bell, counters.producer};
  ParcelReader reader{link, counters.consumer};
};

/// Bytes that say which message they are of.
std::vector<uint8_t> message(size_t size, unsigned number) {
  std::vector<uint8_t> bytes(size);
  for (size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<uint8_t>(i * 7 + number * 13);
  }
  return bytes;
}

TEST(Parcel, ArrivesWholeWithItsHeadWhateverItsSize) {
  Pair pair(64);
  for (const size_t size : {0U, 1U, 100U, 191U, 192U, 193U, 447U, 448U, 449U, 1'000U, 1'395U, 1'396U}) {
    const auto sent = message(size, static_cast<unsigned>(size));
    ParcelHead head{.kind = ParcelKind::to_servers, .server = ServerId::b2, .servers = kAllBackends};
    head.epoch = Epoch{77};
    head.client.access_id = 9;
    ASSERT_TRUE(pair.writer.put(head, sent));
    pair.writer.flush();
    EXPECT_EQ(pair.link.waiting(), parcel_cells(size));
    pair.reader.fill();
    ParcelView got;
    ASSERT_TRUE(pair.reader.next(got)) << size;
    EXPECT_TRUE(std::ranges::equal(got.plain, sent)) << size;
    EXPECT_EQ(got.head->kind, ParcelKind::to_servers);
    EXPECT_EQ(got.head->server, ServerId::b2);
    EXPECT_EQ(got.head->servers, kAllBackends);
    EXPECT_EQ(got.head->epoch, Epoch{77});
    EXPECT_EQ(got.head->client.access_id, 9U);
    EXPECT_FALSE(pair.reader.next(got));
  }
}

TEST(Parcel, ABigOneThatHasNoRoomIsRefusedWholeAndASmallOneStillFits) {
  Pair pair(8);
  ASSERT_TRUE(pair.writer.put({}, message(1'396, 1)));  // 6 of 8
  EXPECT_FALSE(pair.writer.put({}, message(1'396, 2)));
  EXPECT_FALSE(pair.writer.put({}, message(500, 3)));  // 3
  EXPECT_TRUE(pair.writer.put({}, message(192, 4)));
  pair.writer.put_or_drop({}, message(100, 5));
  pair.writer.put_or_drop({}, message(100, 6));
  EXPECT_EQ(pair.counters.producer.drop_full.get(), 1U);
  pair.writer.flush();
  pair.reader.fill();
  std::vector<size_t> sizes;
  for (ParcelView got; pair.reader.next(got);) {
    sizes.push_back(got.plain.size());
  }
  EXPECT_EQ(sizes, (std::vector<size_t>{1'396, 192, 100}));
  EXPECT_EQ(pair.counters.consumer.waiting_max.get(), 8U);
  EXPECT_TRUE(pair.writer.put({}, message(1'396, 7))) << "there is room again";
}

TEST(Parcel, NothingIsSeenBeforeItIsFlushed) {
  Pair pair(64);
  ASSERT_TRUE(pair.writer.put({}, message(10, 1)));
  EXPECT_FALSE(pair.reader.waiting());
  pair.writer.flush();
  EXPECT_TRUE(pair.reader.waiting());
}

/// Any mix of sizes, pushed and popped in bursts of any length, over and over around the end of the ring and
/// of the reader's buffer: nothing is lost that was taken, nothing changes its order, nothing is cut.
TEST(Parcel, SurvivesAnyMixOfSizesAndBursts) {
  Pair pair(300);
  std::mt19937 dice(5);
  unsigned sent = 0;
  unsigned got = 0;
  std::vector<size_t> sizes;
  while (got < 20'000) {
    for (auto burst = dice() % 80; burst > 0; --burst) {
      const size_t size = dice() % 3 == 0 ? dice() % (kCellPlainMax + 1) : dice() % 200;
      if (pair.writer.put({.epoch = Epoch{sent}}, message(size, sent))) {
        sizes.push_back(size);
        ++sent;
      }
    }
    pair.writer.flush();
    pair.reader.fill();
    for (auto burst = dice() % 120; burst > 0; --burst) {
      ParcelView parcel;
      if (!pair.reader.next(parcel)) {
        break;
      }
      ASSERT_EQ(parcel.head->epoch, Epoch{got});
      ASSERT_EQ(parcel.plain.size(), sizes[got]);
      ASSERT_TRUE(std::ranges::equal(parcel.plain, message(sizes[got], got)));
      ++got;
    }
  }
  EXPECT_GE(sent, got);
}

TEST(Bell, RingsOnlyForWhoSleeps) {
  const auto bell = Bell::make().value();
  bell->ring();
  EXPECT_FALSE(readable(bell->fd()));
  bell->arm();
  bell->ring();
  bell->ring();
  EXPECT_TRUE(readable(bell->fd()));
  EXPECT_EQ(bell->rung(), 1U) << "one ring wakes";
  bell->disarm();
  EXPECT_FALSE(readable(bell->fd()));
  bell->ring();
  EXPECT_FALSE(readable(bell->fd()));
  bell->arm();
  bell->disarm();
  bell->ring();
  EXPECT_FALSE(readable(bell->fd())) << "it woke for something else";
}

/// What each of two threads writes, on lines of 64 bytes.
TEST(Parcel, NoTwoThreadsWriteToOneCacheLine) {
  const auto line_of = [](const void* p) { return reinterpret_cast<uintptr_t>(p) / 64; };
  const auto bell = Bell::make().value();
  const LinkCounters counters;
  EXPECT_NE(line_of(&counters.producer.drop_full), line_of(&counters.consumer.waiting));
  EXPECT_NE(line_of(&counters.producer.drop_full), line_of(&counters.capacity)) << "read by anybody";
  EXPECT_EQ(sizeof(LinkCounters) % 64, 0U);
  EXPECT_EQ(alignof(ParcelLink), 64U);
  EXPECT_EQ(sizeof(ParcelLink) % 64, 0U);
  EXPECT_EQ(alignof(LoopCounters), 64U);
  EXPECT_EQ(alignof(PortCounters), 64U);
  EXPECT_EQ(alignof(Bell), 64U);
  // The queue's own indices: the producer's first, the consumer's a line later (Boost 1.74, ringbuffer_base).
  Pair pair(8);
  const auto* raw = reinterpret_cast<const unsigned char*>(&pair.link);
  const std::vector<unsigned char> before(raw, raw + sizeof pair.link);
  const auto changed = [&](const std::vector<unsigned char>& old) {
    std::vector<size_t> lines;
    for (size_t i = 0; i < old.size(); ++i) {
      if (raw[i] != old[i] && (lines.empty() || lines.back() != i / 64)) {
        lines.push_back(i / 64);
      }
    }
    return lines;
  };
  ASSERT_TRUE(pair.writer.put({}, {}));
  pair.writer.flush();
  EXPECT_EQ(changed(before), std::vector<size_t>{0}) << "a push writes the first line alone";
  const std::vector<unsigned char> pushed(raw, raw + sizeof pair.link);
  pair.reader.fill();
  EXPECT_EQ(changed(pushed), std::vector<size_t>{1}) << "a pop the second";
}

}  // namespace
}  // namespace tercet::dataplane
