#pragma once
// Tests only: a small log over a MemoryDisk, and what recovery makes of it.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "backend/store/log.h"
#include "backend/store/memory_disk.h"
#include "backend/store/recover.h"

namespace tercet::store {

inline constexpr StoreId kTestStore = 0x1122334455667788;
inline constexpr Log::Options kTestLog{.store = kTestStore, .segment_bytes = 16384, .batch_bytes = 4096};

struct Read {
  Recovered result;
  std::vector<std::string> records;
};

inline Read read_log(Disk& disk, const RecoverOptions& options = {.store = kTestStore}) {
  Read read;
  read.result = recover(disk, options, [&read, &options](Lsn lsn, uint8_t type, Bytes bytes) {
    EXPECT_EQ(lsn, options.start.lsn + read.records.size() + 1);
    EXPECT_NE(type, 0);
    read.records.emplace_back(as_text(bytes));
    return true;
  });
  return read;
}

inline void settle(MemoryDisk& disk, Log& log) {
  while (disk.wait()) {
    log.reap();
  }
}

/// Appends one record and makes it a batch of its own, durable.
inline void add_batch(MemoryDisk& disk, Log& log, const std::string& text) {
  ASSERT_NE(log.append(1, as_bytes(text)), kNotTaken);
  log.flush();
  settle(disk, log);
  ASSERT_FALSE(log.failed()) << log.state_text();
}

/// A text that makes a batch of exactly `sectors`.
inline std::string filling(uint32_t sectors, char c) {
  return std::string(sectors * kPayloadBytes - sizeof(RecordHeader), c);
}

inline std::vector<uint8_t> sector_at(const MemoryDisk& disk, FileId file, uint32_t sector) {
  std::vector<uint8_t> bytes(kSectorBytes);
  disk.peek(file, Offset{sector} * kSectorBytes, bytes);
  return bytes;
}

inline void put_sector(MemoryDisk& disk, FileId file, uint32_t sector, const std::vector<uint8_t>& bytes) {
  disk.poke(file, Offset{sector} * kSectorBytes, bytes);
}

}  // namespace tercet::store
