#pragma once
// Disk: asynchronous, positioned, durable writes, like Port an interface with engines behind it: file_disk (a thread;
// the first one), ring_disk (the loop's io_uring, later), memory_disk (the simulator's: tears, loses, flips).
// All calls by the thread that owns it.

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "wire/ids.h"

namespace tercet::store {

/// A file in the store's directory: log segments are numbered from 0, see log_format.h for how they are named.
using FileId = uint32_t;
using Offset = uint64_t;
/// The caller's name for one request, handed back when it is done.
using IoId = uint64_t;

enum class IoError : uint8_t { none, full, failed };

struct IoDone {
  IoId id = 0;
  IoError error = IoError::none;
  uint32_t bytes = 0;  ///< reads: how many were there before the end of the file
};

class Disk {
 public:
  Disk() = default;
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  virtual ~Disk() = default;

  /// Makes `bytes` durable at `offset` (O_DIRECT|O_DSYNC where the disk can): done means on the disk, not in a cache.
  /// offset, size and address are multiples of 512 (4096 for the address); `bytes` stays the caller's and unchanged until
  /// done. Requests may be done in any order: the log keeps one in flight.
  virtual void write(FileId file, Offset offset, Bytes bytes, IoId id) = 0;
  virtual void read(FileId file, Offset offset, MutBytes bytes, IoId id) = 0;
  /// Creates `file` with `size` zero-written bytes, durable, directory entry too. Slow: ahead of need.
  virtual void create(FileId file, uint64_t size, IoId id) = 0;
  /// What is done since the last call; how many were put into `done`.
  virtual size_t reap(std::span<IoDone> done) = 0;
  /// Readable when reap() has something; -1 if the disk needs no watching.
  [[nodiscard]] virtual int bell() const { return -1; }
  /// Size of `file`, 0 if it is not there. For recovery and start-up.
  [[nodiscard]] virtual uint64_t size(FileId file) = 0;
};

}  // namespace tercet::store
