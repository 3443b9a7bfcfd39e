#pragma once
// Tests only: a log of entries, promises and commits on a disk in memory, and what an opening makes of it.

#include <gtest/gtest.h>

#include <vector>

#include "backend/opening.h"
#include "backend/store/memory_disk.h"
#include "quorum/testing.h"

namespace tercet::backend {

inline constexpr Epoch kFirstEpoch{6};
inline constexpr store::Log::Options kSmallLog{
    .store = 0x5354'4f52'4531, .segment_bytes = 32U << 10U, .batch_bytes = 8192};

inline OpeningOptions small_opening(bool log_made = true) {
  OpeningOptions options;
  options.acceptor.cell = CellId{7};
  options.acceptor.incarnation = quorum::testing::life_of(Slot::one);
  options.acceptor.held = {.results = 4, .reads = 4};
  options.acceptor.log = {4096, 1U << 20U};
  options.log = kSmallLog;
  options.log_made = log_made;
  return options;
}

/// One life of a backend's log: what is put in is durable, batch by batch.
class LogWriter {
 public:
  explicit LogWriter(store::MemoryDisk& disk, const store::LogEnd& end = {})
      : disk_(disk), log_(disk, kSmallLog, end) {
    settle();
  }
  void entry(const EntryView& entry) {
    uint8_t bytes[kRecordMax];
    put(RecordType::entry, {bytes, write_entry(entry, bytes)});
  }
  void promise(Epoch epoch) {
    PromiseRecord record;
    record.epoch = epoch.value;
    record.instance = 1;
    put(RecordType::promise, bytes_of(record));
  }
  void commit(Seq seq, const Hash128& s) {
    CommitRecord record;
    record.seq = seq.value;
    record.s = s;
    put(RecordType::commit, bytes_of(record));
  }
  /// What was put in since becomes one batch.
  void batch() {
    log_.flush();
    settle();
    ASSERT_FALSE(log_.failed()) << log_.state_text();
    ASSERT_EQ(log_.durable(), log_.appended());
  }
  /// The same, but a crash comes when some sectors of it may have been written.
  void torn_batch(uint64_t dice) {
    log_.flush();
    disk_.power_loss(dice);
  }

 private:
  void put(RecordType type, Bytes bytes) {
    ASSERT_NE(log_.append(static_cast<uint8_t>(type), bytes), store::kNotTaken);
  }
  void settle() {
    while (disk_.wait()) {
      log_.reap();
    }
  }
  store::MemoryDisk& disk_;
  store::Log log_;
};

}  // namespace tercet::backend
