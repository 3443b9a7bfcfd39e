#pragma once
// FaultDisk: a disk that misbehaves on command, between a log and its real disk. For tests and
// demonstrations: programs put it there only where they were built with TERCET_TEST_FAULTS.
//
//     Log ─► FaultDisk ─► RingDisk or FileDisk
//
//     full   every write and creation finds no space
//     eio    every write, sync, creation and whatever else changes something fails
//     slow   every write and sync takes 50 ms more
//
// It keeps Disk's word: after a write (of the log) or sync that failed every later one fails, whatever is set
// then.
//
// Threads: set() and fault() by any (an atomic that a request looks at); everything else as Disk.

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

#include "backend/store/disk.h"
#include "base/fixed.h"
#include "base/time.h"

namespace tercet::store {

enum class DiskFault : uint8_t { ok, full, eio, slow };
const char* name_of(DiskFault fault);
/// Its name, white space around it allowed.
std::optional<DiskFault> parse_disk_fault(std::string_view text);

class FaultDisk final : public Disk {
 public:
  /// `inner` outlives it.
  explicit FaultDisk(Disk& inner, Duration slowness = milliseconds(50));
  ~FaultDisk() override;

  void set(DiskFault fault) { fault_.store(fault, std::memory_order_relaxed); }
  [[nodiscard]] DiskFault fault() const { return fault_.load(std::memory_order_relaxed); }

  void write(FileId file, Offset offset, Bytes bytes, IoId id, Durability durability) override;
  void read(FileId file, Offset offset, MutBytes bytes, IoId id) override {
    inner_.read(file, offset, bytes, id);
  }
  void create(FileId file, uint64_t size, IoId id) override;
  void begin(FileId image, uint64_t size, uint64_t leave, IoId id) override;
  void sync(IoId id) override;
  void publish(FileId image, IoId id) override;
  void drop(FileId image, IoId id) override;
  void remove(FileId file, IoId id) override;
  void recycle(FileId from, FileId to, IoId id) override;
  size_t reap(std::span<IoDone> done) override;
  /// The inner disk's, and a timer's for what is slow: one descriptor for both.
  [[nodiscard]] int bell() const override { return bell_; }
  bool wait() override;
  [[nodiscard]] uint64_t size(FileId file) override { return inner_.size(file); }
  [[nodiscard]] FileRange files() override { return inner_.files(); }
  [[nodiscard]] std::vector<FileId> images() override { return inner_.images(); }

 private:
  struct Late {
    IoDone done;
    bool here = false;  ///< the inner disk has done it
    MonoTime due;
  };
  [[nodiscard]] bool refused(IoId id);
  [[nodiscard]] bool fails(IoId id, bool wants_space);
  void note_slow(IoId id);
  void gather();
  void set_timer(MonoTime due) const;

  Disk& inner_;
  const Duration slowness_;
  std::atomic<DiskFault> fault_{DiskFault::ok};
  int refusal_ = 0;  ///< errno of the write or sync after which none is done any more
  FixedVector<Late, 64> late_;
  FixedVector<IoDone, 64> done_;
  int timer_ = -1;
  int bell_ = -1;
};

}  // namespace tercet::store
