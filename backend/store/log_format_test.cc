#include "backend/store/log_format.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "backend/store/log_rig.h"
#include "base/hash.h"

namespace tercet::store {
namespace {

std::string hex(Bytes bytes) {
  std::string out;
  for (const uint8_t b : bytes) {
    char two[3];
    std::snprintf(two, sizeof(two), "%02x", b);
    out += two;
  }
  return out;
}

TEST(LogFormat, GoldenBytes) {
  MemoryDisk disk;
  Log log(disk, kTestLog, {});
  settle(disk, log);
  add_batch(disk, log, "first");
  ASSERT_EQ(log.append(2, as_bytes("ab"), as_bytes("cd")), 2U);
  ASSERT_EQ(log.append(255, as_bytes(std::string(452, 'z'))), 3U);
  log.flush();
  settle(disk, log);

  const std::vector<uint8_t> second = sector_at(disk, 0, 1);
  EXPECT_EQ(hex(Bytes{second}.first(80)),
            "1ffb53e9347bb8d3"
            "8877665544332211"  // store
            "0200000000000000"  // batch
            "0200000000000000"  // first_lsn
            "20000000"          // segment_sectors
            "00000000"          // segment
            "01000000"          // sector
            "544c4701"          // TLG, version
            "0000"              // index
            "0200"              // count
            "c801"              // payload
            "0100"              // follows
            "0204000000"        // a record of type 2, 4 bytes
            "61626364"
            "ffc4010000"  // of type 255, 452 bytes
            "7a7a7a7a7a7a7a7a7a7a");
  const std::vector<uint8_t> third = sector_at(disk, 0, 2);
  EXPECT_EQ(hex(Bytes{third}.first(72)),
            "ddf24c19580ec789"
            "8877665544332211"
            "0200000000000000"
            "0200000000000000"
            "20000000"
            "00000000"
            "02000000"
            "544c4701"
            "0100"
            "0200"
            "0a00"
            "0100"
            "7a7a7a7a7a7a7a7a7a7a"
            "000000000000");
  EXPECT_EQ(sector_at(disk, 0, 3), std::vector<uint8_t>(kSectorBytes)) << "nothing behind the batch";
}

TEST(LogFormat, EveryChangedByteOfASectorIsSeen) {
  std::vector<uint8_t> sector(kSectorBytes, 0x55);
  SectorHeader header;
  header.store = 1;
  header.batch = 5;
  header.first_lsn = 9;
  header.follows = 1;
  header.count = 1;
  header.payload = 100;
  seal_sector(sector.data(), header);
  SectorHeader seen;
  ASSERT_EQ(look_at_sector(sector.data(), seen), SectorKind::sealed);
  EXPECT_EQ(seen.batch, 5U);
  EXPECT_EQ(seen.payload, 100U);
  EXPECT_EQ(sector[sizeof(header) + 99], 0x55);
  EXPECT_EQ(sector[sizeof(header) + 100], 0) << "what an earlier batch left in the buffer does not get out";
  for (size_t i = 0; i < kSectorBytes; ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      sector[i] ^= static_cast<uint8_t>(1U << bit);
      EXPECT_EQ(look_at_sector(sector.data(), seen), SectorKind::damaged) << i << " bit " << bit;
      sector[i] ^= static_cast<uint8_t>(1U << bit);
    }
  }
}

TEST(LogFormat, ZeroAndNearlyZero) {
  std::vector<uint8_t> sector(kSectorBytes);
  SectorHeader seen;
  EXPECT_EQ(look_at_sector(sector.data(), seen), SectorKind::zero);
  for (size_t i = 0; i < kSectorBytes; ++i) {
    sector[i] = 1;
    EXPECT_EQ(look_at_sector(sector.data(), seen), SectorKind::damaged) << i;
    sector[i] = 0;
  }
}

TEST(LogFormat, ASealedSectorThatMakesNoSenseIsDamaged) {
  const auto kind = [](auto change) {
    std::vector<uint8_t> sector(kSectorBytes);
    SectorHeader header;
    header.store = 1;
    header.batch = 5;
    header.first_lsn = 9;
    header.follows = 1;
    header.count = 2;
    header.index = 1;
    header.sector = 1;
    change(header);
    // Not by seal_sector, which trusts its caller.
    header.checksum = 0;
    std::memcpy(sector.data(), &header, sizeof(header));
    header.checksum = hash64({sector.data() + 8, kSectorBytes - 8});
    std::memcpy(sector.data(), &header, sizeof(header));
    SectorHeader seen;
    return look_at_sector(sector.data(), seen);
  };
  EXPECT_EQ(kind([](SectorHeader&) {}), SectorKind::sealed);
  EXPECT_EQ(kind([](SectorHeader& h) { h.version = 2; }), SectorKind::version);
  EXPECT_EQ(kind([](SectorHeader& h) { h.batch = 0; }), SectorKind::damaged);
  EXPECT_EQ(kind([](SectorHeader& h) { h.follows = 0; }), SectorKind::damaged);
  EXPECT_EQ(kind([](SectorHeader& h) { h.follows = 6; }), SectorKind::damaged);
  EXPECT_EQ(kind([](SectorHeader& h) { h.first_lsn = 0; }), SectorKind::damaged);
  EXPECT_EQ(kind([](SectorHeader& h) { h.index = 2; }), SectorKind::damaged);
  EXPECT_EQ(kind([](SectorHeader& h) { h.sector = 0; }), SectorKind::damaged);
  EXPECT_EQ(kind([](SectorHeader& h) { h.payload = 457; }), SectorKind::damaged);
}

TEST(LogFormat, Names) {
  EXPECT_EQ(segment_name(0), "log-000000.tlog");
  EXPECT_EQ(segment_name(123456), "log-123456.tlog");
  EXPECT_EQ(segment_name(12345678), "log-12345678.tlog");
}

}  // namespace
}  // namespace tercet::store
