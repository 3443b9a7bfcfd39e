// Links and bells between two real threads: what one puts in comes out at the other whole, once and in order,
// and neither sleeps while there is something for it. Also run under the thread sanitizer.

#include <gtest/gtest.h>
#include <poll.h>

#include <atomic>
#include <random>
#include <thread>

#include "dataplane/parcel.h"
#include "dataplane/port/socket.h"

namespace tercet::dataplane {
namespace {

constexpr int kAsleepMax_ms = 10'000;

/// Sleeps until the bell rings; false: for so long that a ring must have been missed.
bool sleep(Bell& bell) {
  pollfd one{bell.fd(), POLLIN, 0};
  return poll(&one, 1, kAsleepMax_ms) == 1;
}

uint8_t byte_of(uint64_t number, size_t i) { return static_cast<uint8_t>(number * 13 + i * 7); }

void fill(std::vector<uint8_t>& bytes, size_t size, uint64_t number) {
  bytes.resize(size);
  for (size_t i = 0; i < size; ++i) {
    bytes[i] = byte_of(number, i);
  }
}

struct OneWay {
  std::unique_ptr<Bell> bell = Bell::make().value();
  ParcelLink link{256};
  LinkCounters counters;
};

TEST(Links, NothingIsLostAndNobodyOversleeps) {
  constexpr uint64_t kParcels = 30'000;
  OneWay way;
  std::atomic<uint64_t> armed_at{0};  // what had come when the consumer last armed its bell
  std::thread producer([&way, &armed_at] {
    ParcelWriter writer(way.link, *way.bell, way.counters.producer);
    std::mt19937 dice(1);
    std::vector<uint8_t> bytes;
    for (uint64_t number = 0; number < kParcels;) {
      for (auto burst = dice() % 40; burst > 0 && number < kParcels; --burst) {
        fill(bytes, dice() % 4 == 0 ? dice() % (kCellPlainMax + 1) : 40, number);
        if (!writer.put({.epoch = Epoch{number}}, bytes)) {
          break;
        }
        ++number;
      }
      writer.flush();
      if (number < kParcels && number % 5'000 < 40) {
        // Nothing more comes until the consumer has it all and has armed its bell: the next ring it needs.
        while (armed_at.load() != number) {
          std::this_thread::yield();
        }
      }
      if (dice() % 8 == 0) {
        std::this_thread::sleep_for(std::chrono::microseconds(dice() % 60));  // let the consumer fall asleep
      }
    }
  });
  ParcelReader reader(way.link, way.counters.consumer);
  uint64_t expected = 0;
  while (expected < kParcels) {
    reader.fill();
    ParcelView parcel;
    bool any = false;
    while (reader.next(parcel)) {
      any = true;
      ASSERT_EQ(parcel.head->epoch, Epoch{expected});
      for (size_t i = 0; i < parcel.plain.size(); ++i) {
        ASSERT_EQ(parcel.plain[i], byte_of(expected, i));
      }
      ++expected;
    }
    if (!any) {
      way.bell->arm();
      armed_at.store(expected);
      if (!reader.waiting()) {
        ASSERT_TRUE(sleep(*way.bell)) << "asleep although parcel " << expected << " should have come";
      }
      way.bell->disarm();
    }
  }
  producer.join();
  EXPECT_GT(way.bell->rung(), 0U);
  EXPECT_EQ(way.counters.producer.drop_full.get(), 0U);
}

/// One ball: each thread sleeps while the other has it, so that every single ring counts.
TEST(Links, EachTurnOfTheOtherWakes) {
  constexpr uint64_t kTurns = 5'000;
  OneWay there;
  OneWay back;
  const auto play = [](OneWay& in, OneWay& out, bool begins, std::atomic<bool>& failed) {
    ParcelReader reader(in.link, in.counters.consumer);
    ParcelWriter writer(out.link, *out.bell, out.counters.producer);
    if (begins && writer.put({}, {})) {
      writer.flush();
    }
    for (uint64_t turn = 0; turn < kTurns && !failed.load();) {
      reader.fill();
      ParcelView ball;
      if (reader.next(ball)) {
        ++turn;
        if (writer.put({}, {})) {
          writer.flush();
        }
        continue;
      }
      in.bell->arm();
      if (!reader.waiting() && !sleep(*in.bell)) {
        failed.store(true);
      }
      in.bell->disarm();
    }
  };
  std::atomic<bool> failed{false};
  std::thread other([&] { play(there, back, false, failed); });
  play(back, there, true, failed);
  other.join();
  EXPECT_FALSE(failed.load()) << "a ring was missed";
}

}  // namespace
}  // namespace tercet::dataplane
