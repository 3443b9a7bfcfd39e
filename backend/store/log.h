#pragma once
// Log: records in, durable Lsns out. Group commit: what is appended while a batch is on its way to the disk
// goes out as the next one; one batch is in flight, and n+1 is written only when n is done (that is what lets
// recovery tell a torn batch from damage, see recover.h).
//
// The log only appends. An entry appended again replaces that entry and all behind it: the reader's business
// at replay.
//
//   append ─► gathering buffer ─ flush ─► buffer in flight ─► Disk::write ─► reap ─► durable Lsn
//
// A vote or promise that waits for its record remembers the Lsn that append() gave and leaves once durable()
// reaches it.
//
// Threads: the one that owns it, which also owns the Disk. append, flush and reap neither allocate nor wait.
// Errors: after a write that failed or found the disk full the log stops for good (state()); durable() stays
// where it was, append() takes nothing more. What is on the disk then is known only after a restart has read
// it.

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backend/store/disk.h"
#include "backend/store/log_format.h"
#include "base/bytes.h"

namespace tercet::store {

/// Where the next batch goes; LogEnd{} for a store that has no segment yet, else what recover() found. Or
/// where a log begins (sector 0 then): what stood before.
struct LogEnd {
  FileId segment = 0;
  uint32_t sector = 0;
  BatchNumber batch = 0;       ///< the last good one; 0 = none yet
  BatchNumber batch_seen = 0;  ///< the highest number of which a sector was seen, ≥ batch; never used again
  Lsn lsn = 0;                 ///< of the last good batch's last record
};

enum class LogState : uint8_t {
  ok,
  full,    ///< the disk is
  failed,  ///< the disk refused a write
};

/// append()'s answer when it did not take the record.
inline constexpr Lsn kNotTaken = 0;

class Log {
 public:
  struct Options {
    StoreId store = 0;                          ///< random, drawn when the store was made
    uint32_t segment_bytes = 64U << 20U;        ///< of new segments; a multiple of 512
    uint32_t batch_bytes = 1U << 20U;           ///< bound of one write, headers and all; ≤ segment_bytes
    Durability durability = Durability::fsync;  ///< of batches without a `synced` record
  };
  /// Whether a record may wait in the page cache when `durability` is memory. Promises may not.
  enum class Sync : uint8_t { as_configured, always };

  /// `disk` must outlive the log. Creates the first segment if `end` stands in one that is not there: appends
  /// are taken at once, nothing is durable before ready(). `starts`: Recovered::starts.
  Log(Disk& disk, const Options& options, const LogEnd& end, std::vector<LogEnd> starts = {});
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  /// Waits for a write that is under way (the disk is reading our buffer), not for what was gathered. So it
  /// goes before its disk and before the next Log on that disk; a simulated death is told to the disk first
  /// (MemoryDisk::kill, power_loss).
  ~Log();

  /// Takes a copy of one record, given in up to two pieces, of type 1..255. Its Lsn, or kNotTaken: the buffer
  /// is full while a batch is in flight (back-pressure: come back after the next reap), or the log has
  /// stopped. At most record_bytes_max().
  [[nodiscard]] Lsn append(uint8_t type, Bytes head, Bytes body = {}, Sync sync = Sync::as_configured);
  /// Sends what was gathered, now or as soon as the batch in flight is done. Once a poll, after the appends.
  void flush();
  /// Takes in what the disk has done and starts the next batch if flush() asked for one. The Lsn up to which
  /// all records are durable (as far as `durability` goes).
  Lsn reap();
  /// For an owner that reaps the disk itself, for others too: true if `done` was the log's.
  bool take(const IoDone& done);

  /// Where a reader has to begin (RecoverOptions::start) to meet every record behind `lsn`, which is durable:
  /// a border of two segments. To be kept with a checkpoint.
  [[nodiscard]] LogEnd start_for(Lsn lsn) const;
  /// Readers begin at segment `first` or behind it from now on; a durable checkpoint says so. What lies
  /// before becomes the next segments, as it is (their zeros were written once and need not be again), or is
  /// removed.
  void release(FileId first);

  /// Free space that its next two segments will take: those that are there already take none.
  [[nodiscard]] uint64_t room_ahead() const;
  /// The next one was refused for want of space.
  [[nodiscard]] bool wants_room() const { return next_ == Next::refused && next_error_ == IoError::full; }

  [[nodiscard]] Lsn durable() const { return durable_; }
  /// The last Lsn that append() gave.
  [[nodiscard]] Lsn appended() const { return appended_; }
  [[nodiscard]] LogState state() const { return state_; }
  [[nodiscard]] bool failed() const { return state_ != LogState::ok; }
  /// A sync failed while durable() rested on the page cache (`memory`): what it said then may be gone.
  [[nodiscard]] bool unsure() const { return unsure_; }
  /// One line on what stopped the log, or on a next segment that could not be created; empty while all is
  /// well.
  [[nodiscard]] std::string_view state_text() const { return text_; }
  /// The segment to write to exists.
  [[nodiscard]] bool ready() const { return ready_; }
  /// A batch is in flight (its end is something to wait for at disk.bell()).
  [[nodiscard]] bool in_flight() const { return in_flight_; }
  [[nodiscard]] uint32_t record_bytes_max() const;
  /// Where batches are written from, for a disk that wants to know beforehand (FileRing::fix).
  [[nodiscard]] std::array<MutBytes, 2> buffers();
  /// Batches written by this object, and the sectors in them.
  [[nodiscard]] uint64_t batches() const { return batches_; }
  [[nodiscard]] uint64_t sectors() const { return sectors_; }

  /// The clean stop: sends what was gathered, then makes all of it durable also in memory mode. Reap until
  /// closed() or failed(). Nothing is taken after it.
  void close();
  [[nodiscard]] bool closed() const { return closing_ == Closing::closed; }

 private:
  struct Free {
    void operator()(uint8_t* p) const { std::free(p); }
  };
  /// What is being gathered. A record is copied to where it leaves from, headers of sectors are left out for
  /// later.
  struct Batch {
    std::unique_ptr<uint8_t[], Free> bytes;
    uint8_t* at = nullptr;  ///< where the next byte of the stream goes
    uint32_t room = 0;      ///< of the payload of the sector that is being filled
    uint32_t sector = 0;    ///< that is being filled
    bool must_sync = false;
    [[nodiscard]] bool empty() const { return sector == 0 && room == kPayloadBytes; }
  };
  enum class Next : uint8_t { none, creating, there, refused };
  enum class Closing : uint8_t { no, draining, syncing, closed };

  static void clear(Batch& batch);
  [[nodiscard]] size_t buffer_bytes() const;
  [[nodiscard]] size_t left(const Batch& batch) const;
  Lsn append_in_pieces(uint8_t type, Bytes head, Bytes body, Sync sync);
  void send_batch();
  [[nodiscard]] bool find_room(uint32_t sectors);
  void prepare_next_segment();
  void note_start();
  void remove_spares();
  [[nodiscard]] bool has_spare() const { return oldest_ < released_ && oldest_ >= recyclable_; }
  uint32_t sectors_of(FileId segment);
  void created(const IoDone& done);
  void written(const IoDone& done);
  void stop(IoError error, std::string text);
  void go_on_closing();

  Disk& disk_;
  const Options options_;
  uint32_t batch_sectors_ = 0;  ///< bound of one batch
  Batch batches_of_two_[2];
  Batch* gathering_ = &batches_of_two_[0];  ///< takes appends; the other is in flight, or free
  bool taking_ = true;                      ///< neither stopped nor closing

  FileId segment_;
  uint32_t sector_;               ///< of segment_, where the next batch goes
  uint32_t segment_sectors_ = 0;  ///< of segment_
  uint32_t next_sectors_ = 0;     ///< of the segment behind it
  FileId segments_end_ = 0;       ///< of those that were there at the start
  std::vector<LogEnd> starts_;    ///< of the segments that hold records, in order; of many some are left out
  FileId oldest_ = 0;             ///< segment that is there
  FileId released_ = 0;           ///< those before it hold nothing that a reader needs
  FileId recyclable_ = 0;         ///< those from here on have the size that new ones have
  bool removing_ = false;
  bool ready_ = false;
  Next next_ = Next::none;
  IoError next_error_ = IoError::none;  ///< why next_ is refused
  bool retried_ = false;                ///< and it was asked for again when it was needed

  BatchNumber previous_;  ///< the last batch that is done, or was recovered
  BatchNumber number_;    ///< the highest number used
  Lsn appended_;
  Lsn sent_;  ///< the last Lsn of the batch in flight, or of the last one that was
  Lsn durable_;
  bool in_flight_ = false;
  bool in_flight_syncs_ = false;
  bool flush_wanted_ = false;
  Closing closing_ = Closing::no;
  LogState state_ = LogState::ok;
  bool unsure_ = false;
  std::string text_;
  uint64_t batches_ = 0;
  uint64_t sectors_ = 0;
};

}  // namespace tercet::store
