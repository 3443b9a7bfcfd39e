#pragma once
// MemoryDisk: a Disk for tests and the simulator. Deterministic, without threads or clocks: requests are done
// when advance() is told a time that is late enough, in the order of their due times. It does what disks do
// to logs: a crash tears what was in flight, sector by sector; writes fail, get lost or land elsewhere; bits
// flip; the space ends.
//
// What a crash may take:
//
//     write(fsync) in flight      each 512-byte sector old or new, independently
//     write(fsync) done           nothing
//     write(memory) done          with the machine (power_loss): each sector old or new; with the process
//     (kill): nothing what a killed process left  a power loss after it: each sector old or new, unless
//     sync() was done in between create in flight            the file is there as a whole, or not
//     publish, remove, recycle in flight   done as a whole, or not
//     the draft of an image                gone
//
// Cheap: pages of 16 KiB are allocated when first written, buffers of requests are reused.

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "backend/store/disk.h"
#include "base/time.h"

namespace tercet::store {

/// What is to happen to the next write that is submitted.
enum class WriteFault : uint8_t {
  none,
  fail,       ///< IoError::failed, each sector written or not; everything later fails too
  full,       ///< IoError::full, likewise
  lose,       ///< reported as done, nothing written
  misdirect,  ///< reported as done, written one sector further on
};

class MemoryDisk final : public Disk {
 public:
  struct Options {
    Duration latency_min = microseconds(60);
    Duration latency_max = microseconds(160);
    Duration create_latency = milliseconds(20);
    uint64_t space = UINT64_MAX;  ///< bytes that files may take
    uint64_t seed = 1;            ///< decides latencies and the sectors of failed writes
    /// If set, says how long a write, read or sync takes instead of latency_min…max; gets fresh random bits.
    std::function<Duration(uint64_t dice)> latency = {};
  };
  MemoryDisk() : MemoryDisk(Options{}) {}
  explicit MemoryDisk(Options options);
  ~MemoryDisk() override;

  void write(FileId file, Offset offset, Bytes bytes, IoId id, Durability durability) override;
  void read(FileId file, Offset offset, MutBytes bytes, IoId id) override;
  void create(FileId file, uint64_t size, IoId id) override;
  void begin(FileId image, uint64_t size, uint64_t leave, IoId id) override;
  void sync(IoId id) override;
  void publish(FileId image, IoId id) override;
  void drop(FileId image, IoId id) override;
  void remove(FileId file, IoId id) override;
  void recycle(FileId from, FileId to, IoId id) override;
  size_t reap(std::span<IoDone> done) override;
  /// Does whatever is due next at once, without moving the time (recovery in the simulator takes none).
  bool wait() override;
  [[nodiscard]] uint64_t size(FileId file) override;
  [[nodiscard]] FileRange files() override;
  [[nodiscard]] std::vector<FileId> images() override;

  /// Time passes; what is due is done. Requests made from now on count from `now`.
  void advance(MonoTime now);
  /// When the next request will be done; never if none is under way.
  [[nodiscard]] MonoTime next_due() const;

  /// The machine dies: see the table. Requests and their answers are forgotten; the disk can be opened again.
  void power_loss(uint64_t dice);
  /// The process dies, the machine lives: each write in flight was done as a whole or not at all.
  void kill(uint64_t dice);

  void fault_next_write(WriteFault fault) { fault_ = fault; }
  /// From now on every write and create finds the disk full (until the next crash or kill and
  /// set_full(false)).
  void set_full(bool full) { full_ = full; }
  /// What files may take from now on.
  void set_space(uint64_t bytes) { options_.space = bytes; }
  /// Every read of `file` at `offset`'s sector fails from now on.
  void fail_reads_at(FileId file, Offset offset) { unreadable_[file] = offset / 512; }
  /// XORs one byte of what the disk holds.
  void flip(FileId file, Offset offset, uint8_t mask);
  /// What the disk holds, and changing it, past all requests.
  void peek(FileId file, Offset offset, MutBytes bytes) const;
  void poke(FileId file, Offset offset, Bytes bytes);
  /// It is gone, at once.
  void lose(FileId file);
  /// Shortens it.
  void truncate(FileId file, uint64_t size);

  [[nodiscard]] uint64_t writes() const { return writes_; }
  [[nodiscard]] uint64_t bytes_written() const { return bytes_written_; }

 private:
  static constexpr size_t kPageBytes = 16384;
  using Page = std::array<uint8_t, kPageBytes>;
  using Sector = std::array<uint8_t, 512>;
  struct File {
    uint64_t size = 0;
    std::vector<std::unique_ptr<Page>> pages;
  };
  struct Draft {
    File file;
    IoError error = IoError::none;  ///< of a write to it
  };
  enum class Kind : uint8_t { write, read, create, sync, begin, publish, drop, remove, recycle };
  static bool is_change(Kind kind) {
    return kind == Kind::publish || kind == Kind::drop || kind == Kind::remove || kind == Kind::recycle;
  }
  struct Request {
    Kind kind = Kind::write;
    Durability durability = Durability::fsync;
    WriteFault fault = WriteFault::none;
    FileId file = 0;
    FileId to = 0;  ///< recycle
    Offset offset = 0;
    uint64_t size = 0;
    uint64_t leave = 0;  ///< begin
    IoId id = 0;
    MonoTime due;
    uint64_t order = 0;          ///< of submission, between equal due times
    MutBytes target;             ///< reads
    std::vector<uint8_t> bytes;  ///< writes: a copy, so that the writer may be gone when the crash comes
  };
  /// The former content of a sector that a power loss may bring back.
  struct Former {
    Sector bytes;
    bool in_page_cache =
        false;  ///< a write with fsync flushes it; if not: in the drive's cache, only sync() does
  };

  void submit(Request request, Duration latency);
  void finish(Request& request);
  void submit_change(Kind kind, FileId file, FileId to, IoId id);
  IoError do_write(Request& request);
  IoError write_draft(Request& request);
  /// errno or 0.
  int do_create(const Request& request);
  int do_begin(const Request& request);
  [[nodiscard]] bool has_room(uint64_t bytes) const;
  int do_change(const Request& request);
  void apply_some_sectors(const Request& request, uint64_t& dice);
  void remember_former(const Request& request, bool in_page_cache);
  void forget_former(const Request& request);
  void forget_page_cache();
  [[nodiscard]] size_t next_request() const;
  std::vector<uint8_t> spare();
  void forget_requests();
  static void write_to(File& file, Offset offset, const uint8_t* bytes, size_t size);
  void write_through(FileId file, Offset offset, const uint8_t* bytes, size_t size);
  [[nodiscard]] uint64_t space_used() const;
  Duration draw_latency();

  Options options_;
  MonoTime now_;
  uint64_t dice_;
  uint64_t order_ = 0;
  std::map<FileId, File> files_;
  std::map<FileId, Draft> drafts_;
  std::vector<Request> under_way_;
  std::vector<IoDone> done_;
  std::vector<std::vector<uint8_t>> spares_;
  std::unordered_map<uint64_t, Former> former_;  ///< by file << 32 | sector
  std::map<FileId, uint64_t> unreadable_;
  WriteFault fault_ = WriteFault::none;
  IoError poisoned_ = IoError::none;
  bool full_ = false;
  uint64_t writes_ = 0;
  uint64_t bytes_written_ = 0;
};

}  // namespace tercet::store
