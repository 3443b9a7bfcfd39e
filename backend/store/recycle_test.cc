// A log whose front goes: segments that a checkpoint has made needless become the next ones with their old
// content, and whatever a crash then leaves, what is behind the checkpoint is read whole.

#include <deque>

#include "backend/store/log_rig.h"

namespace tercet::store {
namespace {

constexpr Log::Options kSmall{.store = kTestStore, .segment_bytes = 8192, .batch_bytes = 2048};

struct Kept {
  Lsn lsn;
  std::string text;
};

TEST(LogRelease, SegmentsBeforeTheStartBecomeTheNextOnes) {
  MemoryDisk disk;
  Log log(disk, kSmall, {});
  settle(disk, log);
  for (int i = 0; i < 200; ++i) {
    add_batch(disk, log, filling(2, static_cast<char>('a' + i % 26)));
    log.release(log.start_for(log.durable() - std::min<Lsn>(log.durable(), 5)).segment);
    settle(disk, log);
    EXPECT_LE(disk.files().end - disk.files().first, 5U) << "the log does not grow";
  }
  EXPECT_GT(disk.files().first, 20U);
  const LogEnd start = log.start_for(log.durable() - 5);
  EXPECT_EQ(start.sector, 0U);
  EXPECT_LE(start.lsn, log.durable() - 5);
  const Read read = read_log(disk, {.store = kTestStore, .start = start});
  EXPECT_EQ(read.result.verdict, Verdict::clean) << read.result.why;
  EXPECT_EQ(read.result.end.lsn, log.durable());
  EXPECT_EQ(read.records.back()[0], static_cast<char>('a' + 199 % 26));
  ASSERT_FALSE(read.result.starts.empty());
  EXPECT_EQ(read.result.starts[0].segment, start.segment);
  EXPECT_EQ(read.result.starts[0].lsn, start.lsn);
  EXPECT_EQ(read.result.starts[0].batch, start.batch);
}

TEST(LogRelease, WhatItsNextTwoSegmentsWillTakeIsToldAndThoseThatAreThereTakeNothing) {
  constexpr uint64_t kOne = kSmall.segment_bytes;
  MemoryDisk disk;
  Log log(disk, kSmall, {});
  settle(disk, log);
  const auto half_a_segment = [&] {
    for (int i = 0; i < 4; ++i) {
      add_batch(disk, log, filling(2, 'x'));
    }
  };
  EXPECT_EQ(log.room_ahead(), 2 * kOne);
  half_a_segment();
  EXPECT_EQ(log.room_ahead(), kOne) << "the next one is there";
  half_a_segment();
  add_batch(disk, log, filling(2, 'x'));
  EXPECT_EQ(log.room_ahead(), 2 * kOne) << "it is this one now";
  log.release(log.start_for(log.durable()).segment);
  EXPECT_EQ(log.room_ahead(), kOne) << "the former one will be used again";
  half_a_segment();
  EXPECT_EQ(log.room_ahead(), kOne) << "it is";
}

TEST(LogRelease, ASegmentThatIsRefusedForWantOfRoomIsToldUntilThereIsSome) {
  MemoryDisk disk(MemoryDisk::Options{.space = kSmall.segment_bytes});
  Log log(disk, kSmall, {});
  settle(disk, log);
  EXPECT_FALSE(log.wants_room());
  for (int i = 0; i < 7; ++i) {
    add_batch(disk, log, filling(2, 'x'));
  }
  EXPECT_TRUE(log.wants_room());
  disk.set_space(4 * kSmall.segment_bytes);
  for (int i = 0; i < 7; ++i) {
    add_batch(disk, log, filling(2, 'x'));
  }
  EXPECT_FALSE(log.wants_room());
}

TEST(LogRelease, ASegmentOfAnotherSizeIsRemovedNotUsedAgain) {
  MemoryDisk disk;
  LogEnd end;
  {
    Log log(disk, {.store = kTestStore, .segment_bytes = 4096, .batch_bytes = 2048}, {});
    settle(disk, log);
    for (int i = 0; i < 6; ++i) {
      add_batch(disk, log, filling(2, 'o'));
    }
    end = read_log(disk).result.end;
  }
  const Read before = read_log(disk);
  Log log(disk, kSmall, end, before.result.starts);
  for (int i = 0; i < 20; ++i) {
    add_batch(disk, log, filling(2, 'n'));
    log.release(log.start_for(log.durable()).segment);
    settle(disk, log);
  }
  for (FileId file = disk.files().first; file < disk.files().end; ++file) {
    EXPECT_EQ(disk.size(file), kSmall.segment_bytes) << file;
  }
}

TEST(LogRelease, WhereAReaderBeginsIsABorderAtOrBeforeWhatItWants) {
  MemoryDisk disk;
  Log log(disk, kSmall, {});
  settle(disk, log);
  for (int i = 0; i < 40; ++i) {
    add_batch(disk, log, filling(3, 'x'));
  }
  for (Lsn lsn = 0; lsn <= log.durable(); ++lsn) {
    const LogEnd start = log.start_for(lsn);
    EXPECT_LE(start.lsn, lsn);
    const Read read = read_log(disk, {.store = kTestStore, .start = start});
    EXPECT_EQ(read.result.verdict, Verdict::clean) << lsn << ": " << read.result.why;
    EXPECT_EQ(read.result.end.lsn, log.durable());
  }
}

/// A batch that was cut left sectors behind; it has a higher number than the last one before the start. In
/// the segment that is used again they are former content like all else.
TEST(LogRelease, WhatACutBatchLeftIsFormerContentToo) {
  MemoryDisk disk;
  {
    Log log(disk, kSmall, {});
    settle(disk, log);
    for (int i = 0; i < 13; ++i) {
      add_batch(disk, log, filling(1, 'a'));
    }
  }
  const Read before = read_log(disk);
  {
    Log log(disk, kSmall, before.result.end, before.result.starts);
    add_batch(disk, log, filling(2, 't'));
    put_sector(disk, 0, 13, std::vector<uint8_t>(kSectorBytes));  // one of its sectors never arrived
  }
  const Read torn = read_log(disk);
  ASSERT_EQ(torn.result.verdict, Verdict::torn) << torn.result.why;
  Log log(disk, kSmall, torn.result.end, torn.result.starts);
  settle(disk, log);
  add_batch(disk, log, filling(4, 'b'));  // does not fit there any more
  const LogEnd start = log.start_for(log.durable() - 1);
  ASSERT_EQ(start.segment, 1U);
  log.release(start.segment);
  for (int i = 0; i < 4; ++i) {
    add_batch(disk, log, filling(4, 'c'));
  }
  ASSERT_EQ(disk.files().first, 1U) << "segment 0 was used again";
  const Read read = read_log(disk, {.store = kTestStore, .start = start});
  EXPECT_EQ(read.result.verdict, Verdict::clean) << read.result.why;
  EXPECT_EQ(read.records.size(), 5U);
}

/// Random batches, checkpoints, kills and power losses. After each crash the records behind the last
/// checkpoint are those that were durable, and perhaps some of those that were not yet.
TEST(LogRelease, WhateverACrashLeavesInARecycledSegmentIsReadRight) {
  unsigned torn = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    uint64_t dice = seed;
    const auto draw = [&dice](uint64_t n) {
      dice = dice * 6364136223846793005U + 1442695040888963407U;
      return (dice >> 33U) % n;
    };
    MemoryDisk disk(MemoryDisk::Options{.seed = seed});
    LogEnd begin;  // of the last durable checkpoint
    LogEnd end;
    std::vector<LogEnd> starts;
    std::deque<Kept> appended;  // all that a reader may find behind `begin`
    for (int life = 0; life < 12; ++life) {
      Log log(disk, kSmall, end, starts);
      Lsn durable = end.lsn;
      for (uint64_t turn = 20 + draw(60); turn != 0; --turn) {
        const std::string text(1 + draw(900), static_cast<char>('a' + draw(26)));
        if (const Lsn lsn = log.append(1, as_bytes(text)); lsn != kNotTaken) {
          appended.push_back({lsn, text});
        }
        if (draw(3) == 0) {
          log.flush();
        }
        if (draw(2) == 0 && disk.wait()) {
          durable = log.reap();
        }
        if (draw(12) == 0) {
          begin = log.start_for(durable - std::min<Lsn>(durable - begin.lsn, draw(6)));
          log.release(begin.segment);
          while (!appended.empty() && appended.front().lsn <= begin.lsn) {
            appended.pop_front();
          }
        }
      }
      ASSERT_FALSE(log.failed()) << log.state_text();
      draw(2) == 0 ? disk.power_loss(draw(1U << 30U)) : disk.kill(draw(1U << 30U));
      std::vector<Kept> found;
      const Recovered recovered = recover(
          disk, {.store = kTestStore, .fresh = disk.size(0) == 0 && begin.segment == 0, .start = begin},
          [&found](Lsn lsn, uint8_t, Bytes bytes) {
            found.push_back({lsn, std::string(as_text(bytes))});
            return true;
          });
      ASSERT_TRUE(recovered.verdict == Verdict::clean || recovered.verdict == Verdict::torn)
          << "seed " << seed << " life " << life << ": " << recovered.why;
      torn += recovered.verdict == Verdict::torn ? 1U : 0U;
      ASSERT_GE(recovered.end.lsn, durable) << "seed " << seed;
      ASSERT_LE(found.size(), appended.size());
      for (size_t i = 0; i < found.size(); ++i) {
        ASSERT_EQ(found[i].lsn, appended[i].lsn);
        ASSERT_EQ(found[i].text, appended[i].text) << "seed " << seed << " lsn " << found[i].lsn;
      }
      appended.resize(found.size());
      end = recovered.end;
      starts = recovered.starts;
    }
    EXPECT_GT(disk.files().first, 3U) << "seed " << seed << ": the front went";
  }
  EXPECT_GT(torn, 100U);
}

}  // namespace
}  // namespace tercet::store
