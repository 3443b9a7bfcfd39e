#include "backend/store/memory_disk.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace tercet::store {
namespace {

using Buffer = std::vector<uint8_t>;

Buffer filled(size_t sectors, uint8_t value) { return Buffer(sectors * 512, value); }

IoDone finish(MemoryDisk& disk) {
  EXPECT_TRUE(disk.wait());
  IoDone done;
  EXPECT_EQ(disk.reap({&done, 1}), 1U);
  return done;
}

void make(MemoryDisk& disk, FileId file, uint64_t size) {
  disk.create(file, size, 1);
  ASSERT_EQ(finish(disk).error, IoError::none);
}

void put(MemoryDisk& disk, Offset offset, const Buffer& bytes, Durability durability = Durability::fsync) {
  disk.write(0, offset, bytes, 2, durability);
  ASSERT_EQ(finish(disk).error, IoError::none);
}

std::string sectors(const MemoryDisk& disk, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) {
    Buffer bytes(512);
    disk.peek(0, i * 512, bytes);
    for (const uint8_t b : bytes) {
      EXPECT_EQ(b, bytes[0]) << "a sector is old or new, never both";
    }
    out += bytes[0] == 0 ? '.' : static_cast<char>(bytes[0]);
  }
  return out;
}

TEST(MemoryDisk, IsDoneWhenItsTimeHasCome) {
  MemoryDisk disk({.latency_min = microseconds(100), .latency_max = microseconds(100)});
  make(disk, 0, 8192);
  EXPECT_EQ(disk.next_due(), MonoTime::never());
  disk.advance(MonoTime{1000});
  disk.write(0, 512, filled(1, 'a'), 7, Durability::fsync);
  EXPECT_EQ(disk.next_due(), MonoTime{101000});
  disk.advance(MonoTime{100999});
  IoDone done;
  EXPECT_EQ(disk.reap({&done, 1}), 0U);
  EXPECT_EQ(sectors(disk, 3), "...");
  disk.advance(MonoTime{101000});
  ASSERT_EQ(disk.reap({&done, 1}), 1U);
  EXPECT_EQ(done.id, 7U);
  EXPECT_EQ(done.error, IoError::none);
  EXPECT_EQ(sectors(disk, 3), ".a.");
  EXPECT_FALSE(disk.wait());
  EXPECT_EQ(disk.writes(), 1U);
  EXPECT_EQ(disk.bytes_written(), 512U);
}

TEST(MemoryDisk, TheSameSeedGivesTheSameLatencies) {
  const auto due = [](uint64_t seed) {
    MemoryDisk disk({.seed = seed});
    make(disk, 0, 8192);
    disk.write(0, 0, filled(1, 'a'), 1, Durability::fsync);
    return disk.next_due().ns;
  };
  EXPECT_EQ(due(3), due(3));
  EXPECT_NE(due(3), due(4));
  MemoryDisk given({.latency = [](uint64_t) { return seconds(3); }});
  make(given, 0, 512);
  given.sync(1);
  EXPECT_EQ(given.next_due(), MonoTime{} + seconds(3));
}

TEST(MemoryDisk, CreatesReadsAndRefuses) {
  MemoryDisk disk({.space = 10000});
  EXPECT_EQ(disk.files().end, 0U);
  make(disk, 0, 8192);
  disk.create(0, 512, 1);
  EXPECT_EQ(finish(disk).error, IoError::failed) << "it is there";
  disk.create(1, 4096, 1);
  EXPECT_EQ(finish(disk).error, IoError::full);
  EXPECT_EQ(disk.size(1), 0U);
  EXPECT_EQ(disk.size(0), 8192U);
  put(disk, 8192 - 512, filled(1, 'x'));
  Buffer bytes(1024);
  disk.read(0, 8192 - 512, bytes, 9);
  const IoDone done = finish(disk);
  EXPECT_EQ(done.bytes, 512U) << "up to the end";
  EXPECT_EQ(bytes[0], 'x');
  disk.read(5, 0, bytes, 9);
  EXPECT_EQ(finish(disk).error, IoError::failed);
  disk.write(0, 8192, filled(1, 'y'), 1, Durability::fsync);
  EXPECT_EQ(finish(disk).error, IoError::failed) << "files do not grow";
}

TEST(MemoryDisk, APowerLossTearsWhatIsInFlightAndNothingElse) {
  std::set<std::string> seen;
  for (uint64_t dice = 0; dice < 200; ++dice) {
    MemoryDisk disk;
    make(disk, 0, 8192);
    put(disk, 0, filled(2, 'a'));
    disk.write(0, 512, filled(3, 'b'), 3, Durability::fsync);
    disk.power_loss(dice);
    IoDone done;
    EXPECT_EQ(disk.reap({&done, 1}), 0U);
    EXPECT_FALSE(disk.wait());
    seen.insert(sectors(disk, 5));
  }
  const std::set<std::string> all{"aa...", "ab...", "aab..", "aa.b.", "abb..", "ab.b.", "aabb.", "abbb."};
  EXPECT_EQ(seen, all);
}

TEST(MemoryDisk, AKillDoesAWriteAsAWholeOrNotAtAllAndTheDriveMayStillForgetIt) {
  std::set<std::string> killed;
  std::set<std::string> lost;
  for (uint64_t dice = 0; dice < 100; ++dice) {
    MemoryDisk disk;
    make(disk, 0, 8192);
    disk.write(0, 0, filled(2, 'a'), 3, Durability::fsync);
    disk.kill(dice);
    killed.insert(sectors(disk, 2));
    if (sectors(disk, 2) == "aa" && dice % 2 == 0) {
      disk.sync(4);
      ASSERT_EQ(finish(disk).error, IoError::none);
      disk.power_loss(dice);
      EXPECT_EQ(sectors(disk, 2), "aa");
    } else {
      disk.power_loss(dice * 77);
      lost.insert(sectors(disk, 2));
    }
  }
  EXPECT_EQ(killed, (std::set<std::string>{"aa", ".."}));
  EXPECT_EQ(lost, (std::set<std::string>{"aa", "..", "a.", ".a"}));
}

TEST(MemoryDisk, MemoryWritesSurviveTheProcessAndAnFsyncTakesThemAlong) {
  std::set<std::string> lost;
  for (uint64_t dice = 0; dice < 100; ++dice) {
    MemoryDisk disk;
    make(disk, 0, 8192);
    put(disk, 0, filled(1, 'a'), Durability::memory);
    disk.kill(dice);
    EXPECT_EQ(sectors(disk, 1), "a");
    put(disk, 0, filled(1, 'A'), Durability::memory);
    if (dice % 2 == 0) {
      put(disk, 512, filled(1, 'p'));
      disk.power_loss(dice);
      EXPECT_EQ(sectors(disk, 2), "Ap");
    } else {
      disk.power_loss(dice * 31);
      lost.insert(sectors(disk, 1));
    }
  }
  EXPECT_EQ(lost, (std::set<std::string>{"A", "."}));
}

TEST(MemoryDisk, AfterAFailedWriteNothingIsWritten) {
  for (const bool full : {false, true}) {
    MemoryDisk disk;
    make(disk, 0, 8192);
    if (full) {
      disk.set_full(true);
    } else {
      disk.fault_next_write(WriteFault::fail);
    }
    const IoError expected = full ? IoError::full : IoError::failed;
    disk.write(0, 0, filled(8, 'a'), 1, Durability::fsync);
    EXPECT_EQ(finish(disk).error, expected);
    disk.set_full(false);
    const std::string before = sectors(disk, 8);
    disk.write(0, 0, filled(8, 'b'), 1, Durability::fsync);
    EXPECT_EQ(finish(disk).error, expected);
    EXPECT_EQ(sectors(disk, 8), before);
    disk.sync(1);
    EXPECT_EQ(finish(disk).error, expected);
    disk.power_loss(1);  // opened anew
    put(disk, 0, filled(8, 'c'));
    EXPECT_EQ(sectors(disk, 8), "cccccccc");
  }
}

TEST(MemoryDisk, ACreationIsThereOrNot) {
  std::set<uint64_t> sizes;
  for (uint64_t dice = 0; dice < 30; ++dice) {
    MemoryDisk disk;
    disk.create(0, 4096, 1);
    disk.power_loss(dice);
    sizes.insert(disk.size(0));
  }
  EXPECT_EQ(sizes, (std::set<uint64_t>{0, 4096}));
}

}  // namespace
}  // namespace tercet::store
