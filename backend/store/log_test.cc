#include "backend/store/log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "backend/store/log_rig.h"
#include "backend/store/memory_disk.h"
#include "tests/allocations/allocations.h"

namespace tercet::store {
namespace {

std::vector<std::string> texts(Disk& disk) { return read_log(disk).records; }

TEST(Log, WhatIsAppendedWhileABatchIsInFlightGoesOutAsTheNext) {
  MemoryDisk disk;
  Log log(disk, kTestLog, {});
  settle(disk, log);
  ASSERT_TRUE(log.ready());
  EXPECT_EQ(log.append(1, as_bytes("a")), 1U);
  log.flush();
  EXPECT_TRUE(log.in_flight());
  EXPECT_EQ(log.append(1, as_bytes("b")), 2U);
  EXPECT_EQ(log.append(2, as_bytes("c"), as_bytes("d")), 3U);
  log.flush();
  EXPECT_EQ(log.reap(), 0U) << "nothing is durable before the disk says so";
  EXPECT_EQ(log.batches(), 1U);
  ASSERT_TRUE(disk.wait());
  EXPECT_EQ(log.reap(), 1U);
  EXPECT_EQ(log.batches(), 2U) << "b and c left together";
  EXPECT_EQ(log.append(1, as_bytes("e")), 4U);
  settle(disk, log);
  EXPECT_EQ(log.durable(), 3U) << "e was not flushed";
  log.flush();
  settle(disk, log);
  EXPECT_EQ(log.durable(), 4U);
  EXPECT_EQ(texts(disk), (std::vector<std::string>{"a", "b", "cd", "e"}));
}

TEST(Log, FlushOfNothingWritesNothing) {
  MemoryDisk disk;
  Log log(disk, kTestLog, {});
  log.flush();
  settle(disk, log);
  log.flush();
  settle(disk, log);
  EXPECT_EQ(disk.writes(), 0U);
}

TEST(Log, TakesRecordsBeforeItsSegmentIsThere) {
  MemoryDisk disk;
  Log log(disk, kTestLog, {});
  EXPECT_FALSE(log.ready());
  EXPECT_EQ(log.append(1, as_bytes("early")), 1U);
  log.flush();
  EXPECT_FALSE(log.in_flight());
  settle(disk, log);
  EXPECT_EQ(log.durable(), 1U);
}

TEST(Log, AFullBufferPushesBackUntilTheBatchBeforeIsDone) {
  MemoryDisk disk;
  Log log(disk, kTestLog, {});
  settle(disk, log);
  const std::string big(log.record_bytes_max(), 'x');
  EXPECT_EQ(log.record_bytes_max(), 8 * kPayloadBytes - 5);
  EXPECT_EQ(log.append(1, as_bytes(big)), 1U);
  EXPECT_EQ(log.append(1, as_bytes(big)), 2U) << "the first left by itself";
  EXPECT_EQ(log.append(1, as_bytes("y")), kNotTaken);
  ASSERT_TRUE(disk.wait());
  log.reap();
  EXPECT_EQ(log.append(1, as_bytes("y")), 3U) << "the refused one took no number";
  log.flush();
  settle(disk, log);
  EXPECT_EQ(log.durable(), 3U);
  EXPECT_EQ(texts(disk), (std::vector<std::string>{big, big, "y"}));
}

TEST(Log, GoesThroughSegmentsThatAreCreatedAhead) {
  MemoryDisk disk;
  Log log(disk, kTestLog, {});
  settle(disk, log);
  std::vector<std::string> expected;
  bool ahead = true;
  for (int i = 0; i < 300; ++i) {
    expected.push_back("record " + std::to_string(i) + std::string(static_cast<size_t>(i * 7 % 1500), '.'));
    ASSERT_NE(log.append(1, as_bytes(expected.back())), kNotTaken);
    log.flush();
    ahead = ahead && log.in_flight();
    settle(disk, log);
  }
  EXPECT_TRUE(ahead) << "no batch waited for a segment";
  EXPECT_GT(disk.files().end, 10U);
  const Read read = read_log(disk);
  EXPECT_EQ(read.records, expected);
  EXPECT_EQ(read.result.verdict, Verdict::clean) << read.result.why;
  EXPECT_EQ(read.result.records, 300U);
}

TEST(Log, WaitsForASegmentThatIsLate) {
  MemoryDisk disk({.create_latency = seconds(10)});
  Log log(disk, kTestLog, {});
  settle(disk, log);
  MonoTime now{1};
  std::vector<std::string> expected;
  for (int i = 0; i < 40; ++i) {
    expected.push_back(std::string(800, static_cast<char>('a' + i % 26)));
    while (log.append(1, as_bytes(expected.back())) == kNotTaken) {
      now = now + milliseconds(100);
      disk.advance(now);
      log.reap();
    }
    log.flush();
    now = now + milliseconds(1);
    disk.advance(now);
    log.reap();
  }
  settle(disk, log);
  EXPECT_GT(now, MonoTime{} + seconds(10)) << "it had to wait";
  EXPECT_EQ(log.durable(), 40U);
  EXPECT_EQ(texts(disk), expected);
}

class Stops : public testing::TestWithParam<WriteFault> {};

TEST_P(Stops, ForGoodAfterAFailedWrite) {
  MemoryDisk disk;
  Log log(disk, kTestLog, {});
  settle(disk, log);
  ASSERT_EQ(log.append(1, as_bytes("good")), 1U);
  log.flush();
  settle(disk, log);
  disk.fault_next_write(GetParam());
  ASSERT_EQ(log.append(1, as_bytes("bad")), 2U);
  log.flush();
  ASSERT_EQ(log.append(1, as_bytes("behind")), 3U);
  log.flush();
  settle(disk, log);
  EXPECT_EQ(log.state(), GetParam() == WriteFault::full ? LogState::full : LogState::failed);
  EXPECT_TRUE(log.failed());
  EXPECT_NE(log.state_text().find("batch 2"), std::string_view::npos) << log.state_text();
  EXPECT_NE(log.state_text().find(GetParam() == WriteFault::full ? "No space left" : "Input/output error"),
            std::string_view::npos)
      << log.state_text();
  EXPECT_EQ(log.durable(), 1U);
  EXPECT_EQ(log.append(1, as_bytes("later")), kNotTaken);
  log.flush();
  settle(disk, log);
  EXPECT_EQ(log.durable(), 1U) << "nothing is retried";
  EXPECT_EQ(disk.writes(), 2U);
  log.close();
  settle(disk, log);
  EXPECT_FALSE(log.closed());
}
INSTANTIATE_TEST_SUITE_P(Faults, Stops, testing::Values(WriteFault::full, WriteFault::fail));

TEST(Log, UsesUpItsSegmentWhenNoOtherCanBeCreated) {
  MemoryDisk disk({.space = 20000});
  Log log(disk, kTestLog, {});
  Lsn last = 0;
  for (int i = 0; i < 100; ++i) {
    if (const Lsn lsn = log.append(1, as_bytes(std::string(400, 'x'))); lsn != kNotTaken) {
      last = lsn;
    }
    log.flush();
    settle(disk, log);
  }
  EXPECT_EQ(log.state(), LogState::full);
  EXPECT_EQ(log.durable(), 32U) << "32 sectors, a batch each";
  EXPECT_EQ(last, 33U) << "one was gathered before the end was seen";
  EXPECT_NE(log.state_text().find("log-000001.tlog"), std::string_view::npos) << log.state_text();
  EXPECT_EQ(texts(disk).size(), 32U);
}

TEST(Log, ANextSegmentThatFoundNoRoomIsAskedForAgainWhenItIsNeeded) {
  MemoryDisk disk({.space = 20000});
  Log log(disk, kTestLog, {});
  for (int i = 0; i < 100; ++i) {
    if (i == 30) {
      EXPECT_FALSE(log.state_text().empty()) << "it warns";
      disk.set_space(1U << 20U);  // somebody made room
    }
    ASSERT_NE(log.append(1, as_bytes(std::string(400, 'x'))), kNotTaken) << log.state_text();
    log.flush();
    settle(disk, log);
  }
  EXPECT_EQ(log.state(), LogState::ok);
  EXPECT_TRUE(log.state_text().empty());
  EXPECT_EQ(log.durable(), 100U);
  EXPECT_EQ(texts(disk).size(), 100U);
}

TEST(Log, SaysSoWhenItsFirstSegmentCannotBeCreated) {
  MemoryDisk disk({.space = 100});
  Log log(disk, kTestLog, {});
  settle(disk, log);
  EXPECT_FALSE(log.ready());
  EXPECT_EQ(log.state(), LogState::full);
  EXPECT_NE(log.state_text().find("log-000000.tlog"), std::string_view::npos);
}

TEST(Log, GoesOnWhereRecoveryFoundItsEnd) {
  MemoryDisk disk;
  std::vector<std::string> expected;
  for (int life = 0; life < 20; ++life) {
    LogEnd end;
    if (life > 0) {
      const Read read = read_log(disk);
      ASSERT_EQ(read.records, expected);
      ASSERT_EQ(read.result.verdict, Verdict::clean) << read.result.why;
      end = read.result.end;
    }
    Log log(disk, kTestLog, end);
    EXPECT_EQ(log.durable(), expected.size());
    for (int i = 0; i < 7; ++i) {
      expected.push_back(std::to_string(life) + "/" + std::to_string(i) + std::string(300, '-'));
      ASSERT_EQ(log.append(1, as_bytes(expected.back())), expected.size());
    }
    log.close();
    EXPECT_EQ(log.append(1, as_bytes("too late")), kNotTaken);
    settle(disk, log);
    EXPECT_TRUE(log.closed());
    EXPECT_EQ(log.durable(), expected.size());
  }
}

TEST(Log, InMemoryModeAPowerLossTakesWhatNoPromiseFollowed) {
  int lost = 0;
  for (uint64_t dice = 0; dice < 50; ++dice) {
    MemoryDisk disk;
    Log::Options options = kTestLog;
    options.durability = Durability::memory;
    Log log(disk, options, {});
    settle(disk, log);
    const auto add = [&](std::string_view text, Log::Sync sync) {
      ASSERT_NE(log.append(1, as_bytes(text), {}, sync), kNotTaken);
      log.flush();
      settle(disk, log);
    };
    add("entry", Log::Sync::as_configured);
    add("promise", Log::Sync::always);
    add("later", Log::Sync::as_configured);
    EXPECT_EQ(log.durable(), 3U) << "as far as memory mode goes";
    disk.power_loss(dice);
    const std::vector<std::string> there = texts(disk);
    ASSERT_GE(there.size(), 2U) << "a promise takes all that stood before it to the disk";
    EXPECT_EQ(there[1], "promise");
    lost += there.size() == 2 ? 1 : 0;
  }
  EXPECT_GT(lost, 10);
  EXPECT_LT(lost, 40);
}

TEST(Log, ACleanStopInMemoryModeSurvivesAPowerLoss) {
  for (uint64_t dice = 0; dice < 20; ++dice) {
    MemoryDisk disk;
    Log::Options options = kTestLog;
    options.durability = Durability::memory;
    Log log(disk, options, {});
    settle(disk, log);
    ASSERT_NE(log.append(1, as_bytes("a")), kNotTaken);
    log.flush();
    settle(disk, log);
    ASSERT_NE(log.append(1, as_bytes("b")), kNotTaken);
    log.close();
    settle(disk, log);
    ASSERT_TRUE(log.closed());
    disk.power_loss(dice);
    EXPECT_EQ(texts(disk).size(), 2U);
  }
}

// A Disk whose answers come at once and without allocation, so that what is counted is the log's own.
class InstantDisk final : public Disk {
 public:
  void write(FileId, Offset, Bytes, IoId id, Durability) override { add(id); }
  void read(FileId, Offset, MutBytes, IoId id) override { add(id); }
  void create(FileId file, uint64_t size, IoId id) override {
    end_ = file + 1;
    size_ = size;
    add(id);
  }
  void begin(FileId, uint64_t, uint64_t, IoId id) override { add(id); }
  void sync(IoId id) override { add(id); }
  void publish(FileId, IoId id) override { add(id); }
  void drop(FileId, IoId id) override { add(id); }
  void remove(FileId, IoId id) override { add(id); }
  void recycle(FileId, FileId to, IoId id) override {
    end_ = to + 1;
    add(id);
  }
  size_t reap(std::span<IoDone> done) override {
    const size_t n = std::min(done.size(), count_);
    std::copy_n(waiting_, n, done.begin());
    count_ = 0;
    return n;
  }
  bool wait() override { return count_ != 0; }
  uint64_t size(FileId file) override { return file < end_ ? size_ : 0; }
  FileRange files() override { return {0, end_}; }
  std::vector<FileId> images() override { return {}; }

 private:
  void add(IoId id) { waiting_[count_++].id = id; }
  IoDone waiting_[8];
  size_t count_ = 0;
  FileId end_ = 0;
  uint64_t size_ = 0;
};

TEST(Log, DoesNotAllocateAfterStartUp) {
  InstantDisk disk;
  Log log(disk, {.store = 1, .segment_bytes = 1U << 20U, .batch_bytes = 65536}, {});
  const std::string payload(200, 'p');
  log.reap();
  const uint64_t before = allocations_so_far();
  Lsn taken = 0;
  for (int i = 0; i < 100000; ++i) {
    const Lsn lsn = log.append(1, as_bytes(payload), as_bytes(payload));
    taken = lsn == kNotTaken ? taken : lsn;
    if (i % 10 == 0) {
      log.flush();
    }
    if (i % 3 == 0) {
      log.reap();
    }
    if (i % 5000 == 0) {
      log.release(log.start_for(log.durable() - std::min<Lsn>(log.durable(), 2000)).segment);
    }
  }
  EXPECT_EQ(allocations_so_far() - before, 0U);
  EXPECT_GT(log.durable(), 99000U);
  EXPECT_GT(disk.files().end, 30U) << "segments were changed meanwhile";
}

TEST(LogDeathTest, RefusesWhatIsOurOwnBug) {
  MemoryDisk disk;
  EXPECT_DEATH(Log(disk, {.segment_bytes = 4096, .batch_bytes = 8192}, {}), "a batch fits a segment");
  Log log(disk, kTestLog, {});
  EXPECT_DEATH((void)log.append(0, as_bytes("x")), "type 0");
  EXPECT_DEATH((void)log.append(1, as_bytes(std::string(4096, 'x'))), "fits a batch");
}

}  // namespace
}  // namespace tercet::store
