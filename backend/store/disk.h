#pragma once
// Disk: asynchronous, positioned, durable writes; like Port an interface with engines behind it: file_disk (a
// thread; the first one), ring_disk (the loop's io_uring, later), memory_disk (tests and the simulator:
// tears, loses, flips).
//
// All calls by the one thread that owns it. No call waits, except wait(), size(), files() and images(), which
// belong to start-up and shutdown. write, sync, reap and bell do not allocate.

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/fixed.h"
#include "wire/ids.h"

namespace tercet::store {

/// A file in the store's directory. Two kinds: log segments, numbered from 0 (log_format.h says how they are
/// named), and images (checkpoints), told apart by their id.
using FileId = uint32_t;
inline constexpr FileId kImages = 0x8000'0000;
constexpr FileId image_file(uint32_t number) { return kImages | number; }
constexpr bool is_image(FileId file) { return (file & kImages) != 0; }
using Offset = uint64_t;
/// The caller's name for one request, handed back when it is done.
using IoId = uint64_t;

/// What "done" means for a write, in the words of the configuration (`durability = …`).
enum class Durability : uint8_t {
  fsync,   ///< it survives a power loss; and so does all that was written with `memory` before it
  memory,  ///< it survives the process, not the machine
};

enum class IoError : uint8_t {
  none,
  full,    ///< no space left, quota or file size limit
  failed,  ///< anything else; what is on the disk now is known only after reading it again
};

struct IoDone {
  IoId id = 0;
  IoError error = IoError::none;
  int os_error = 0;    ///< errno, for people; 0 if there is none to name
  uint32_t bytes = 0;  ///< reads: how many there were before the end of the file
};

/// The numbers of the segments that are there: first … end - 1. Equal when there is none.
struct FileRange {
  FileId first = 0;
  FileId end = 0;
};

class Disk {
 public:
  Disk() = default;
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  virtual ~Disk() = default;

  /// Offset and size are multiples of 512, the address one of 4096. `bytes` stays the caller's and unchanged
  /// until done. Requests may be done in any order: the log keeps one write in flight. After one write or
  /// sync that failed (or found the disk full) every later one fails too: nothing is retried, since a failed
  /// sync may have dropped what it did not write and forgotten so (the disk is opened anew to begin again).
  /// Of an image its draft is written, in any order, durable only by publish(); an error spoils that draft
  /// alone.
  virtual void write(FileId file, Offset offset, Bytes bytes, IoId id, Durability durability) = 0;
  /// Reads what the disk has, not what a cache believes (O_DIRECT where the filesystem can). Same alignment
  /// as write.
  virtual void read(FileId file, Offset offset, MutBytes bytes, IoId id) = 0;
  /// Creates the segment `file` with `size` zero-written bytes, durable, directory entry too: it is there as
  /// a whole or not at all. Slow: ahead of need. An error leaves nothing behind and other files usable. It
  /// fails if the file is there already.
  virtual void create(FileId file, uint64_t size, IoId id) = 0;
  /// Begins a draft of `size` bytes (a multiple of 512): space is taken, nothing written; nobody sees it, and
  /// a crash leaves nothing of it. IoError::full unless `leave` bytes are free beside it. A draft of the same
  /// number that was begun before is dropped; it fails if the image is there already.
  virtual void begin(FileId image, uint64_t size, uint64_t leave, IoId id) = 0;
  /// Makes the draft of `image` a file, durable, once all its writes are done: it is there as a whole or not
  /// at all. It fails if one of its writes did; the draft is gone then.
  virtual void publish(FileId image, IoId id) = 0;
  /// Gives the draft of `image` up, for which nothing is under way: its space is free again. No error if
  /// there is none.
  virtual void drop(FileId image, IoId id) = 0;
  /// Removes a file that nothing is under way for, durable: there as a whole or not at all. No error if it is
  /// not there.
  virtual void remove(FileId file, IoId id) = 0;
  /// Segment `from` becomes segment `to`, which is not there, with its bytes as they are, durable. Nothing is
  /// under way for it.
  virtual void recycle(FileId from, FileId to, IoId id) = 0;
  /// Makes everything durable that a read would show now, whoever wrote it, in this life or an earlier one.
  virtual void sync(IoId id) = 0;
  /// What is done since the last call; how many were put into `done`.
  virtual size_t reap(std::span<IoDone> done) = 0;
  /// Readable when reap() has something; -1 if the disk needs no watching.
  [[nodiscard]] virtual int bell() const { return -1; }
  /// Blocks until reap() has something. False, at once, if nothing is under way and there is nothing to reap.
  virtual bool wait() = 0;
  /// Size of `file`, 0 if it is not there.
  [[nodiscard]] virtual uint64_t size(FileId file) = 0;
  [[nodiscard]] virtual FileRange files() = 0;
  /// The images that are there, in the order of their numbers.
  [[nodiscard]] virtual std::vector<FileId> images() = 0;
};

/// For engines that gather their answers: the oldest of `gathered`, as many as `done` has room for, go there.
template <size_t kMax>
size_t hand_over(FixedVector<IoDone, kMax>& gathered, std::span<IoDone> done) {
  const size_t n = std::min(done.size(), gathered.size());
  std::copy_n(gathered.begin(), n, done.begin());
  std::copy(gathered.begin() + n, gathered.end(), gathered.begin());
  gathered.resize(gathered.size() - n);
  return n;
}

}  // namespace tercet::store
