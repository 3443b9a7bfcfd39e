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
  /// Most writes that can be under way.
  static constexpr size_t kUnderWayMax = 8;

  FileRing() = default;
  FileRing(const FileRing&) = delete;
  FileRing& operator=(const FileRing&) = delete;
  virtual ~FileRing() = default;

  /// `durable`: done means that it survives a power loss (RWF_DSYNC, pwritev2(2)). False: no place now,
  /// nothing was taken. It leaves with the next call that enters the ring.
  [[nodiscard]] virtual bool write(int fd, uint64_t offset, Bytes bytes, bool durable, uint64_t id) = 0;
  /// What is done since the last call; how many were put into `done`.
  virtual size_t take(std::span<Done> done) = 0;
};

}  // namespace tercet
