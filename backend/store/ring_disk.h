#pragma once
// RingDisk: the disk of a server whose port has a ring (uring): commits leave with the loop's datagrams, in
// one system call, and no other thread has to wake up for them (DESIGN §6). Everything that is rare stays
// with FileDisk's thread: creations, reads, syncs, and writes while there is no ring (start-up, clean stop,
// other engines).
//
//   write ─┬─ ring attached ─► FileRing::write (O_DIRECT, RWF_DSYNC) ─┐
//          └─ else ──────────► FileDisk ──────────────────────────────┴─► reap
//
// `memory` writes go through the page cache; the next `fsync` write after some has FileDisk sync every
// segment with it.
//
// Threads: as Disk; attach() and detach() while no other thread polls.

#include <optional>

#include "backend/store/file_disk.h"
#include "base/file_ring.h"
#include "base/fixed.h"

namespace tercet::store {

class RingDisk final : public Disk {
 public:
  /// Both outlive it, the ring until detach(). Once a segment write() opens its file: two system calls each
  /// 64 MiB.
  explicit RingDisk(FileDisk& files) : files_(files) {}
  ~RingDisk() override;

  /// From now on writes go through `ring`.
  void attach(FileRing& ring);
  /// They no longer do. The ring has finished: what it has done is reaped from here.
  void detach();

  void write(FileId file, Offset offset, Bytes bytes, IoId id, Durability durability) override;
  void read(FileId file, Offset offset, MutBytes bytes, IoId id) override {
    files_.read(file, offset, bytes, id);
  }
  void create(FileId file, uint64_t size, IoId id) override { files_.create(file, size, id); }
  void begin(FileId image, uint64_t size, uint64_t leave, IoId id) override {
    files_.begin(image, size, leave, id);
  }
  void sync(IoId id) override;
  void publish(FileId image, IoId id) override { files_.publish(image, id); }
  void drop(FileId image, IoId id) override { files_.drop(image, id); }
  void remove(FileId file, IoId id) override;
  void recycle(FileId from, FileId to, IoId id) override;
  size_t reap(std::span<IoDone> done) override;
  [[nodiscard]] int bell() const override { return files_.bell(); }
  bool wait() override;
  [[nodiscard]] uint64_t size(FileId file) override { return files_.size(file); }
  [[nodiscard]] FileRange files() override { return files_.files(); }
  [[nodiscard]] std::vector<FileId> images() override { return files_.images(); }

 private:
  struct Open {
    FileId file = 0;
    int direct = -1;  ///< or cached, where the filesystem refuses O_DIRECT
    int cached = -1;
    uint64_t size = 0;  ///< segments do not grow
  };
  struct UnderWay {
    IoId id = 0;
    FileId file = 0;
    Offset offset = 0;
    Bytes bytes;
    Durability durability = Durability::fsync;
  };
  Open* open(FileId file);
  void forget(FileId file);
  void gather();
  void take(const FileRing::Done& written);

  FileDisk& files_;
  FileRing* ring_ = nullptr;
  int directory_ = -1;
  FixedVector<Open, 2> open_;  ///< the one that is written, and the one before
  FixedVector<UnderWay, 1> under_way_;
  bool dirty_ = false;             ///< written with `memory` and not yet synced
  std::optional<IoId> handed_on_;  ///< the last write or sync that went to the thread
  int refusal_ = 0;                ///< errno of the write after which nothing is written any more
  FixedVector<IoDone, 64> done_;
};

}  // namespace tercet::store
