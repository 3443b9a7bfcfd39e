#pragma once
// FileDisk: a Disk on files of a directory, by a worker thread that does one request after the other.
//
//   owner ── requests_ (spsc) + wake eventfd ─► worker: pwritev2(RWF_DSYNC), O_DIRECT
//   owner ◄─ done_ (spsc) + bell eventfd ────── worker
//
// Where the filesystem refuses O_DIRECT (tmpfs, some overlays, 4096-byte sectors) it writes through the page
// cache with fdatasync, and manner() says so: then what is read back after a failed sync is only as good as
// that filesystem.
//
// New segments are zero-written in small pieces between the other requests, slowly while writes come in (one
// process that zero-fills 64 MiB at full speed takes the p99 of another's commits from 0.2 to 7-12 ms on the
// machine it was measured on), at full speed while none do.
//
// Only one process can have a directory open (flock on its file `lock`). That also keeps a successor from
// reading while a killed predecessor's last write is still on its way: the lock goes only when that thread is
// gone.

#include <array>
#include <atomic>
#include <boost/lockfree/spsc_queue.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <tl/expected.hpp>
#include <vector>

#include "backend/store/disk.h"
#include "base/bytes.h"

namespace tercet::store {

class FileDisk final : public Disk {
 public:
  struct Options {
    std::string directory;  ///< must exist
    bool direct = true;     ///< false: do not even try O_DIRECT
  };
  /// Start-up: takes the lock, tries what the filesystem can, starts the worker. The error is one line.
  static tl::expected<std::unique_ptr<FileDisk>, std::string> open(const Options& options);
  /// Waits for what is under way, except creations: those leave nothing behind.
  ~FileDisk() override;

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
  [[nodiscard]] int bell() const override { return bell_; }
  bool wait() override;
  [[nodiscard]] uint64_t size(FileId file) override;
  [[nodiscard]] FileRange files() override;
  [[nodiscard]] std::vector<FileId> images() override;

  /// Somebody else writes to these files (RingDisk): segments are zero-written slowly for a while. Wait-free.
  void note_write() {
    writes_elsewhere_.store(writes_elsewhere_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] bool direct() const { return direct_; }
  /// For the start-up line: "O_DIRECT, RWF_DSYNC" or "page cache, fdatasync (O_DIRECT refused: …)".
  [[nodiscard]] const std::string& manner() const { return manner_; }

 private:
  static constexpr size_t kQueue =
      64;  // the log has at most a write, a create, a remove and a sync; an image some more
  enum class Kind : uint8_t { write, read, create, sync, begin, publish, drop, remove, recycle, stop };
  struct Request {
    Kind kind = Kind::stop;
    Durability durability = Durability::fsync;
    FileId file = 0;
    FileId to = 0;  ///< recycle
    Offset offset = 0;
    uint8_t* bytes = nullptr;
    uint64_t size = 0;
    uint64_t leave = 0;  ///< begin
    IoId id = 0;
  };
  template <class T>
  using Queue = boost::lockfree::spsc_queue<T, boost::lockfree::capacity<kQueue>>;

  FileDisk() = default;
  void submit(const Request& request);
  void hush();
  void work();
  void say(const IoDone& done);

  std::string directory_;
  std::string manner_;
  bool direct_ = false;
  int lock_ = -1;
  int wake_ = -1;
  int bell_ = -1;
  uint64_t submitted_ = 0;
  uint64_t reaped_ = 0;
  uint64_t rung_ = 0;  ///< answers whose ringing was read from bell_
  // The queues pair their own indices (release by the pusher, acquire by the popper); the eventfds only wake.
  Queue<Request> requests_;
  Queue<IoDone> done_;
  std::atomic<uint64_t> writes_elsewhere_{0};  ///< a hint: nothing is published by it
  std::thread thread_;
};

}  // namespace tercet::store
