#include "backend/store/recover.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "backend/store/log_rig.h"

namespace tercet::store {
namespace {

using Records = std::vector<std::string>;

// Batches of 1, 3, 2 sectors in segment 0, and behind them one of `last` sectors.
struct Four {
  MemoryDisk disk;
  Records before;
  std::string last;
  explicit Four(uint32_t last_sectors) : last(filling(last_sectors, 'L')) {
    Log log(disk, kTestLog, {});
    settle(disk, log);
    for (const auto& [n, c] : {std::pair{1U, 'a'}, std::pair{3U, 'b'}, std::pair{2U, 'c'}}) {
      before.push_back(filling(n, c));
      add_batch(disk, log, before.back());
    }
    add_batch(disk, log, last);
  }
  static constexpr uint32_t kLastAt = 6;
};

TEST(Recover, AnEmptyStore) {
  MemoryDisk disk;
  Read read = read_log(disk);
  EXPECT_EQ(read.result.verdict, Verdict::corrupt);
  EXPECT_EQ(read.result.why, "log-000000.tlog is not there");
  read = read_log(disk, {.store = kTestStore, .fresh = true});
  EXPECT_EQ(read.result.verdict, Verdict::clean);
  EXPECT_EQ(read.result.end.segment, 0U);
  {
    Log log(disk, kTestLog, read.result.end);
    settle(disk, log);
  }
  read = read_log(disk, {.store = kTestStore, .fresh = true});
  EXPECT_EQ(read.result.verdict, Verdict::clean)
      << "a crash came between the first segment and the meta file";
  {
    Log log(disk, kTestLog, read.result.end);
    add_batch(disk, log, "x");
  }
  EXPECT_EQ(read_log(disk).records, Records{"x"});
  read = read_log(disk, {.store = kTestStore, .fresh = true});
  EXPECT_EQ(read.result.verdict, Verdict::unreadable) << "this is no new store";
  EXPECT_TRUE(read.records.empty());
}

TEST(Recover, ALastBatchIsTornWhateverSectorsItLacks) {
  for (uint32_t sectors = 1; sectors <= 5; ++sectors) {
    for (uint32_t present = 0; present < (1U << sectors); ++present) {
      Four four(sectors);
      uint32_t count = 0;
      for (uint32_t i = 0; i < sectors; ++i) {
        if ((present >> i & 1U) == 0) {
          put_sector(four.disk, 0, Four::kLastAt + i, std::vector<uint8_t>(kSectorBytes));
        } else {
          ++count;
        }
      }
      const Read read = read_log(four.disk);
      Records expected = four.before;
      if (count == sectors) {
        expected.push_back(four.last);
      }
      EXPECT_EQ(read.records, expected);
      const bool torn = count != 0 && count != sectors;
      EXPECT_EQ(read.result.verdict, torn ? Verdict::torn : Verdict::clean) << read.result.why;
      EXPECT_EQ(read.result.torn_batch, torn ? 4U : 0U);
      EXPECT_EQ(read.result.end.batch, count == sectors ? 4U : 3U);
      EXPECT_EQ(read.result.end.batch_seen, count == 0 ? 3U : 4U);
      EXPECT_EQ(read.result.end.sector, Four::kLastAt + (count == sectors ? sectors : 0));
      EXPECT_EQ(read.result.end.lsn, expected.size());
      EXPECT_EQ(read.result.why.empty(), !torn);
    }
  }
}

TEST(Recover, AMissingSectorBeforeTheLastBatchIsCorrupt) {
  for (uint32_t sector = 0; sector < Four::kLastAt; ++sector) {
    Four four(2);
    put_sector(four.disk, 0, sector, std::vector<uint8_t>(kSectorBytes));
    const Read read = read_log(four.disk);
    EXPECT_EQ(read.result.verdict, Verdict::corrupt) << sector;
    EXPECT_NE(read.result.why.find("follows batch"), std::string::npos) << read.result.why;
  }
}

TEST(Recover, EveryFlippedByteIsCorruptAndNoRecordIsWrong) {
  // Two segments of 8 KiB, the second half full.
  MemoryDisk disk;
  Records all;
  Log::Options options = kTestLog;
  options.segment_bytes = 8192;
  {
    Log log(disk, options, {});
    settle(disk, log);
    for (int i = 0; i < 11; ++i) {
      all.push_back(filling(1 + static_cast<uint32_t>(i * 5 % 3), static_cast<char>('a' + i)));
      add_batch(disk, log, all.back());
    }
  }
  ASSERT_EQ(read_log(disk).records, all);
  ASSERT_EQ(disk.files().end, 2U);
  std::mt19937 dice(1);
  for (FileId file = 0; file < 2; ++file) {
    for (Offset offset = 0; offset < options.segment_bytes; ++offset) {
      const auto mask = static_cast<uint8_t>(1 + dice() % 255);
      disk.flip(file, offset, mask);
      const Read read = read_log(disk);
      ASSERT_EQ(read.result.verdict, Verdict::corrupt) << file << ":" << offset;
      ASSERT_FALSE(read.result.why.empty());
      ASSERT_LE(read.records.size(), all.size());
      ASSERT_TRUE(std::equal(read.records.begin(), read.records.end(), all.begin())) << file << ":" << offset;
      disk.flip(file, offset, mask);
    }
  }
  EXPECT_EQ(read_log(disk).result.verdict, Verdict::clean) << "every flip was undone";
}

TEST(Recover, AFlipInATornBatchOrItsPlaceIsCorrupt) {
  Four four(4);
  put_sector(four.disk, 0, Four::kLastAt + 1, std::vector<uint8_t>(kSectorBytes));
  ASSERT_EQ(read_log(four.disk).result.verdict, Verdict::torn);
  for (Offset offset = Four::kLastAt * kSectorBytes; offset < (Four::kLastAt + 6) * kSectorBytes;
       offset += 7) {
    four.disk.flip(0, offset, 0x40);
    EXPECT_EQ(read_log(four.disk).result.verdict, Verdict::corrupt) << offset;
    four.disk.flip(0, offset, 0x40);
  }
}

TEST(Recover, ASectorTornInsideIsCorrupt) {
  Four four(2);
  for (const size_t keep : {1U, 8U, 56U, 100U, 300U, 511U}) {
    const std::vector<uint8_t> whole = sector_at(four.disk, 0, Four::kLastAt);
    std::vector<uint8_t> half = whole;
    std::fill(half.begin() + static_cast<std::ptrdiff_t>(keep), half.end(), uint8_t{0});
    put_sector(four.disk, 0, Four::kLastAt, half);
    EXPECT_EQ(read_log(four.disk).result.verdict, Verdict::corrupt) << keep;
    put_sector(four.disk, 0, Four::kLastAt, whole);
  }
}

TEST(Recover, AShortenedSegmentIsCorrupt) {
  for (uint32_t left = 0; left < 32; ++left) {
    for (const uint32_t odd : {0U, 100U}) {
      Four four(2);
      std::vector<uint8_t> bytes(left * kSectorBytes + odd);
      four.disk.peek(0, 0, bytes);
      four.disk.lose(0);
      four.disk.poke(0, 0, bytes);
      const Read read = read_log(four.disk);
      EXPECT_EQ(read.result.verdict, Verdict::corrupt) << left;
      EXPECT_TRUE(read.records.empty());
    }
  }
}

TEST(Recover, MissingSegments) {
  MemoryDisk disk;
  {
    Log log(disk, kTestLog, {});
    settle(disk, log);
    for (int i = 0; i < 20; ++i) {
      add_batch(disk, log, filling(8, 'x'));
    }
  }
  ASSERT_GE(disk.files().end, 5U);
  std::vector<uint8_t> whole(kTestLog.segment_bytes);
  disk.peek(2, 0, whole);
  disk.lose(2);
  EXPECT_EQ(read_log(disk).result.why, "log-000002.tlog is not there");
  disk.poke(2, 0, std::vector<uint8_t>(kTestLog.segment_bytes));
  Read read = read_log(disk);
  EXPECT_EQ(read.result.verdict, Verdict::corrupt) << "an empty one in its place";
  disk.poke(2, 0, whole);
  EXPECT_EQ(read_log(disk).result.verdict, Verdict::clean);
  disk.lose(0);
  EXPECT_EQ(read_log(disk).result.why, "log-000000.tlog is not there");
}

TEST(Recover, MisdirectedAndLostWrites) {
  {
    MemoryDisk disk;
    Log log(disk, kTestLog, {});
    settle(disk, log);
    add_batch(disk, log, "a");
    disk.fault_next_write(WriteFault::misdirect);
    add_batch(disk, log, "b");
    const Read read = read_log(disk);
    EXPECT_EQ(read.result.verdict, Verdict::corrupt);
    EXPECT_NE(read.result.why.find("misdirected"), std::string::npos) << read.result.why;
  }
  {
    MemoryDisk disk;
    Log log(disk, kTestLog, {});
    settle(disk, log);
    add_batch(disk, log, "a");
    disk.fault_next_write(WriteFault::lose);
    add_batch(disk, log, "b");
    EXPECT_EQ(read_log(disk).result.verdict, Verdict::clean) << "nobody can tell, but the load balancer";
    add_batch(disk, log, "c");
    EXPECT_EQ(read_log(disk).result.verdict, Verdict::corrupt);
  }
}

TEST(Recover, ForeignFilesAndOtherVersionsAreNotDamage) {
  Four four(1);
  Read read = read_log(four.disk, {.store = kTestStore + 1});
  EXPECT_EQ(read.result.verdict, Verdict::unreadable);
  EXPECT_NE(read.result.why.find("another store"), std::string::npos) << read.result.why;

  std::vector<uint8_t> sector = sector_at(four.disk, 0, 0);
  SectorHeader header;
  ASSERT_EQ(look_at_sector(sector.data(), header), SectorKind::sealed);
  header.version = 9;
  seal_sector(sector.data(), header);
  put_sector(four.disk, 0, 0, sector);
  read = read_log(four.disk);
  EXPECT_EQ(read.result.verdict, Verdict::unreadable);
  EXPECT_NE(read.result.why.find("version 9"), std::string::npos) << read.result.why;

  // One such sector in the middle of our log is damage.
  Four other(1);
  header.version = kFormatVersion;
  header.store = kTestStore + 1;
  header.sector = 2;
  seal_sector(sector.data(), header);
  put_sector(other.disk, 0, 2, sector);
  EXPECT_EQ(read_log(other.disk).result.verdict, Verdict::corrupt);
}

TEST(Recover, AReadErrorSaysNothingAboutTheLog) {
  for (const uint32_t sector : {0U, 3U, 20U}) {
    Four four(2);
    four.disk.fail_reads_at(0, sector * kSectorBytes);
    const Read read = read_log(four.disk);
    EXPECT_EQ(read.result.verdict, Verdict::unreadable);
    EXPECT_NE(read.result.why.find("Input/output error"), std::string::npos) << read.result.why;
  }
}

TEST(Recover, ARecordThatItsReaderRefusesIsCorrupt) {
  Four four(1);
  const Recovered found =
      recover(four.disk, {.store = kTestStore}, [](Lsn lsn, uint8_t, Bytes) { return lsn != 3; });
  EXPECT_EQ(found.verdict, Verdict::corrupt);
  EXPECT_NE(found.why.find("record 3"), std::string::npos) << found.why;
  EXPECT_EQ(found.records, 2U);
}

// --- logs that no writer of ours makes

struct Forged {
  MemoryDisk disk;
  SectorHeader header;
  Forged() {
    Log log(disk, kTestLog, {});
    settle(disk, log);
    add_batch(disk, log, "good");
    header.store = kTestStore;
    header.batch = 2;
    header.first_lsn = 2;
    header.segment_sectors = 32;
    header.sector = 1;
    header.count = 1;
    header.payload = 7;
    header.follows = 1;
  }
  Recovered with(const std::string& payload, auto change) {
    std::vector<uint8_t> sector(kSectorBytes);
    std::copy(payload.begin(), payload.end(), sector.begin() + sizeof(SectorHeader));
    SectorHeader changed = header;
    change(changed);
    seal_sector(sector.data(), changed);
    put_sector(disk, 0, changed.sector, sector);
    const Read read = read_log(disk);
    EXPECT_EQ(read.records.front(), "good");
    put_sector(disk, 0, changed.sector, std::vector<uint8_t>(kSectorBytes));
    return read.result;
  }
};

TEST(Recover, WholeBatchesThatMakeNoSenseAreCorrupt) {
  Forged f;
  const std::string record("\x01\x02\0\0\0hi", 7);
  EXPECT_EQ(f.with(record, [](SectorHeader&) {}).verdict, Verdict::clean) << "the forgery is good enough";
  const auto corrupt = [&](const std::string& payload, auto change) {
    const Recovered r = f.with(payload, change);
    EXPECT_EQ(r.verdict, Verdict::corrupt);
    EXPECT_EQ(r.records, 1U);
    return r.why;
  };
  const auto as_is = [](SectorHeader&) {};
  corrupt(std::string("\0\x02\0\0\0hi", 7), as_is);           // type 0
  corrupt(std::string("\x01\x03\0\0\0hi", 7), as_is);         // longer than the batch
  corrupt(std::string("\x01\xff\xff\xff\xffhi", 7), as_is);   // much longer
  corrupt(std::string("\x01\0\0\0\0\x01\0", 7), as_is);       // half a record header
  corrupt(record, [](SectorHeader& h) { h.payload = 0; });    // nothing in it
  corrupt(record, [](SectorHeader& h) { h.first_lsn = 3; });  // a record is missing
  corrupt(record, [](SectorHeader& h) { h.first_lsn = 1; });
  corrupt(record, [](SectorHeader& h) { h.batch = 3; });             // batch 2 is missing
  corrupt(record, [](SectorHeader& h) { h.sector = 2; });            // not where the log ends
  corrupt(record, [](SectorHeader& h) { h.count = 40; });            // longer than the segment
  corrupt(record, [](SectorHeader& h) { h.segment_sectors = 31; });  // another size
  corrupt(record, [](SectorHeader& h) { h.segment = 1; });           // another file's
  EXPECT_EQ(f.with(record, [](SectorHeader& h) { h.count = 2; }).verdict, Verdict::torn);
}

TEST(Recover, ABatchInTwoPlacesIsCorrupt) {
  // The last batch stands at the end of segment 0, as a part, and again at the start of segment 1.
  MemoryDisk disk;
  {
    Log log(disk, kTestLog, {});
    settle(disk, log);
    for (int i = 0; i < 5; ++i) {
      add_batch(disk, log, filling(5, 'x'));
    }
  }
  ASSERT_EQ(disk.files().end, 2U);
  SectorHeader header;
  header.store = kTestStore;
  header.batch = 6;
  header.first_lsn = 6;
  header.segment_sectors = 32;
  header.count = 3;
  header.payload = 456;
  header.follows = 1;
  std::vector<uint8_t> sector(kSectorBytes);
  header.sector = 25;
  seal_sector(sector.data(), header);
  put_sector(disk, 0, 25, sector);
  EXPECT_EQ(read_log(disk).result.verdict, Verdict::torn);
  header.segment = 1;
  header.sector = 1;
  header.index = 1;
  seal_sector(sector.data(), header);
  put_sector(disk, 1, 1, sector);
  const Read read = read_log(disk);
  EXPECT_EQ(read.result.verdict, Verdict::corrupt);
  EXPECT_NE(read.result.why.find("two places"), std::string::npos) << read.result.why;
}

// --- the second crash (recover.h)

// Leaves the last batch of `sectors` with only the sectors in `present` written, as a crash would.
void tear(MemoryDisk& disk, const LogEnd& end, uint32_t sectors, uint32_t present, char c) {
  std::vector<std::vector<uint8_t>> former;
  for (uint32_t i = 0; i < sectors; ++i) {
    former.push_back(sector_at(disk, end.segment, end.sector + i));
  }
  {
    Log log(disk, kTestLog, end);
    add_batch(disk, log, filling(sectors, c));
  }
  for (uint32_t i = 0; i < sectors; ++i) {
    if ((present >> i & 1U) == 0) {
      put_sector(disk, end.segment, end.sector + i, former[i]);
    }
  }
}

TEST(Recover, TearingOverATornBatchNeverMixesThem) {
  for (uint32_t first = 1; first < 15; ++first) {
    for (uint32_t second = 0; second < 8; ++second) {
      Four four(1);
      Records expected = four.before;
      expected.push_back(four.last);
      Read read = read_log(four.disk);
      tear(four.disk, read.result.end, 4, first, 'P');
      read = read_log(four.disk);
      ASSERT_EQ(read.result.verdict, Verdict::torn);
      ASSERT_EQ(read.records, expected);
      ASSERT_EQ(read_log(four.disk).result.end.batch_seen, 5U);

      tear(four.disk, read.result.end, 3, second, 'Q');
      read = read_log(four.disk);
      if (second == 7) {
        expected.push_back(filling(3, 'Q'));
      }
      EXPECT_EQ(read.records, expected);
      // With nothing of the second attempt on the disk, the first one is what is seen, if anything is left of
      // it.
      EXPECT_EQ(read.result.verdict, second == 7 ? Verdict::clean : Verdict::torn) << read.result.why;
      EXPECT_EQ(read.result.torn_batch, second == 7 ? 0U : second == 0 ? 5U : 6U);

      // And the log goes on over it all.
      {
        Log log(four.disk, kTestLog, read.result.end);
        for (const uint32_t n : {1U, 2U}) {
          expected.push_back(filling(n, 'R'));
          add_batch(four.disk, log, expected.back());
        }
      }
      read = read_log(four.disk);
      EXPECT_EQ(read.records, expected);
      EXPECT_EQ(read.result.verdict, Verdict::clean) << read.result.why;
    }
  }
}

TEST(Recover, ACutBatchAtTheEndOfASegmentMayStayBehind) {
  MemoryDisk disk;
  Records expected;
  {
    Log log(disk, kTestLog, {});
    settle(disk, log);
    for (int i = 0; i < 4; ++i) {
      expected.push_back(filling(7, 'x'));
      add_batch(disk, log, expected.back());  // 28 of 32 sectors
    }
  }
  Read read = read_log(disk);
  tear(disk, read.result.end, 4, 0b0110, 'T');
  read = read_log(disk);
  ASSERT_EQ(read.result.verdict, Verdict::torn);
  {
    Log log(disk, kTestLog, read.result.end);
    for (int i = 0; i < 3; ++i) {
      expected.push_back(filling(6, 'y'));  // does not fit behind the four
      add_batch(disk, log, expected.back());
    }
  }
  read = read_log(disk);
  EXPECT_EQ(read.result.verdict, Verdict::clean) << read.result.why;
  EXPECT_EQ(read.records, expected);
  EXPECT_EQ(read.result.end.segment, 1U);
  EXPECT_EQ(read.result.end.sector, 18U);
  // What stayed behind is still watched.
  disk.flip(0, 30 * kSectorBytes + 100, 1);
  EXPECT_EQ(read_log(disk).result.verdict, Verdict::corrupt);
}

TEST(Recover, ACutBatchInTheNextSegmentIsOverwrittenLater) {
  MemoryDisk disk;
  Records expected;
  {
    Log log(disk, kTestLog, {});
    settle(disk, log);
    for (int i = 0; i < 4; ++i) {
      expected.push_back(filling(7, 'x'));
      add_batch(disk, log, expected.back());
    }
    add_batch(disk, log, filling(6, 'T'));
  }
  put_sector(disk, 1, 0, std::vector<uint8_t>(kSectorBytes));
  put_sector(disk, 1, 5, std::vector<uint8_t>(kSectorBytes));
  Read read = read_log(disk);
  ASSERT_EQ(read.result.verdict, Verdict::torn);
  ASSERT_EQ(read.records, expected);
  ASSERT_EQ(read.result.end.segment, 0U);
  Log log(disk, kTestLog, read.result.end);
  for (const uint32_t n : {2U, 1U, 3U, 4U, 8U}) {
    expected.push_back(filling(n, 'z'));
    add_batch(disk, log, expected.back());
    read = read_log(disk);
    EXPECT_EQ(read.result.verdict, Verdict::clean) << read.result.why;
    EXPECT_EQ(read.records, expected);
  }
}

TEST(Recover, ARecycledSegmentHoldsFormerContent) {
  // Segment 0's file became segment 2 when a checkpoint moved the log's start to segment 1: what it held
  // belongs to a segment before the start, at the same sectors.
  MemoryDisk disk;
  {
    Log log(disk, kTestLog, {});
    settle(disk, log);
    for (int i = 0; i < 5; ++i) {
      add_batch(disk, log, filling(8, static_cast<char>('a' + i)));
    }
  }
  ASSERT_EQ(disk.files().end, 2U);
  std::vector<uint8_t> segment(kTestLog.segment_bytes);
  disk.peek(0, 0, segment);
  disk.lose(0);
  disk.poke(2, 0, segment);
  const RecoverOptions from_one{.store = kTestStore,
                                .start = {.segment = 1, .batch = 4, .batch_seen = 4, .lsn = 4}};
  Read read = read_log(disk, from_one);
  EXPECT_EQ(read.result.verdict, Verdict::clean) << read.result.why;
  EXPECT_EQ(read.records, Records{filling(8, 'e')});
  {
    Log log(disk, kTestLog, read.result.end);
    for (int i = 0; i < 5; ++i) {
      add_batch(disk, log, filling(8, static_cast<char>('f' + i)));
    }
  }
  read = read_log(disk, from_one);
  EXPECT_EQ(read.result.verdict, Verdict::clean) << read.result.why;
  EXPECT_EQ(read.records.size(), 6U);
  // Torn there: its former content is the old segment's.
  put_sector(disk, 2, 15, std::vector<uint8_t>(segment.begin() + 15 * 512, segment.begin() + 16 * 512));
  read = read_log(disk, from_one);
  EXPECT_EQ(read.result.verdict, Verdict::torn) << read.result.why;
  EXPECT_EQ(read.records.size(), 5U);
  // A sector of a segment that is still in use is none.
  put_sector(disk, 2, 15, sector_at(disk, 1, 15));
  EXPECT_EQ(read_log(disk, from_one).result.verdict, Verdict::corrupt);
}

// --- crashes, many

struct Life {
  uint64_t torn = 0;
  uint64_t kills = 0;
  uint64_t segments = 0;
  uint64_t torn_again = 0;
};

void live(uint64_t seed, Durability durability, bool power, Life& life) {
  std::mt19937_64 dice(seed);
  MemoryDisk disk({.create_latency = microseconds(200), .seed = seed});
  Log::Options options = kTestLog;
  options.segment_bytes = 8192;
  options.durability = durability;
  Records certain;  // what must be there
  LogEnd end;
  MonoTime now;
  BatchNumber torn_before = 0;
  for (int crash = 0; crash < 12; ++crash) {
    Records appended = certain;
    Lsn durable = 0;
    {
      Log log(disk, options, end);
      EXPECT_EQ(log.durable(), certain.size());
      const uint64_t steps = dice() % 40;
      for (uint64_t step = 0; step < steps; ++step) {
        switch (dice() % 4) {
          case 0:
          case 1: {
            const std::string text(dice() % 3 == 0 ? dice() % 3000 : dice() % 100,
                                   static_cast<char>('a' + dice() % 26));
            if (log.append(static_cast<uint8_t>(1 + dice() % 9), as_bytes(text)) != kNotTaken) {
              appended.push_back(text);
            }
            break;
          }
          case 2:
            log.flush();
            break;
          default:
            now = now + microseconds(static_cast<int64_t>(dice() % 150));
            disk.advance(now);
            log.reap();
        }
        ASSERT_FALSE(log.failed()) << log.state_text();
      }
      durable = log.durable();
      if (power && dice() % 3 != 0) {
        disk.power_loss(dice());
      } else {
        disk.kill(dice());
        ++life.kills;
      }
    }
    const Read read = read_log(disk, {.store = kTestStore, .fresh = disk.files().end == 0});
    if (disk.files().end == 0) {
      ASSERT_EQ(durable, 0U);
      end = {};
      continue;
    }
    ASSERT_TRUE(read.result.verdict == Verdict::clean || read.result.verdict == Verdict::torn)
        << read.result.why;
    ASSERT_GE(read.records.size(), durable) << "seed " << seed;
    ASSERT_LE(read.records.size(), appended.size());
    ASSERT_TRUE(std::equal(read.records.begin(), read.records.end(), appended.begin())) << "seed " << seed;
    if (read.result.verdict == Verdict::torn) {
      ++life.torn;
      life.torn_again += torn_before == read.result.end.batch ? 1 : 0;
      torn_before = read.result.end.batch;
    }
    certain = read.records;
    end = read.result.end;
  }
  life.segments += disk.files().end;
}

TEST(Recover, CrashesLoseNothingDurableAndInventNothing) {
  Life life;
  for (uint64_t seed = 1; seed <= 3000 && !testing::Test::HasFatalFailure(); ++seed) {
    live(seed, Durability::fsync, true, life);
  }
  EXPECT_GT(life.torn, 1000U);
  EXPECT_GT(life.torn_again, 50U) << "a second crash over a torn batch was seen";
  EXPECT_GT(life.kills, 1000U);
  EXPECT_GT(life.segments, 6000U);
}

TEST(Recover, KillsInMemoryModeLoseNothing) {
  Life life;
  for (uint64_t seed = 1; seed <= 500 && !testing::Test::HasFatalFailure(); ++seed) {
    live(seed, Durability::memory, false, life);
  }
  EXPECT_EQ(life.torn, 0U);
}

}  // namespace
}  // namespace tercet::store
