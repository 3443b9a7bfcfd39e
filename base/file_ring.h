#pragma once
// FileRing: positioned writes that a polling thread's own ring carries out beside its datagrams, handed over
// in the same system call. The uring engine has one (Port::file_ring); a disk takes it where it is offered,
// and needs no thread and no bell for its commits then.
//
// All calls by the thread that polls. A write that was taken stays under way until take() has named it; its
// bytes stay unchanged until then. Nothing here allocates.

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace tercet {

class FileRing {
 public:
  struct Done {
    uint64_t id = 0;
    int result = 0;  ///< bytes written, or −errno
  };
  /// Most writes that can be under way, and buffers that can be fixed.
  static constexpr size_t kUnderWayMax = 8;
  static constexpr size_t kFixedMax = 4;

  FileRing() = default;
  FileRing(const FileRing&) = delete;
  FileRing& operator=(const FileRing&) = delete;
  virtual ~FileRing() = default;

  /// Writes will come out of these: the kernel looks their pages up once, not at each write, and keeps them
  /// until the ring is gone. Before the first call of the thread that polls, once. False where that is not
  /// allowed (memory that may be locked): writes work all the same.
  virtual bool fix(std::span<const MutBytes> buffers) = 0;
  /// `durable`: done means that it survives a power loss (RWF_DSYNC, pwritev2(2)). False: no place now,
  /// nothing was taken. It leaves with the next call that enters the ring.
  [[nodiscard]] virtual bool write(int fd, uint64_t offset, Bytes bytes, bool durable, uint64_t id) = 0;
  /// What is done since the last call; how many were put into `done`.
  virtual size_t take(std::span<Done> done) = 0;
};

}  // namespace tercet
