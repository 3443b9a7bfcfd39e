#pragma once
// RingFiles: the uring engine's FileRing: writes to files as submissions of the port's ring. Their
// completions come in among those of the datagrams; the port hands them in.

#include <array>

#include "base/file_ring.h"
#include "base/fixed.h"
#include "dataplane/port/uring/mark.h"
#include "dataplane/port/uring/ring.h"

namespace tercet::dataplane {

class RingFiles final : public FileRing {
 public:
  /// The ring outlives it. Submissions bear a Mark of kind `file` with the write's place as its index.
  explicit RingFiles(Ring& ring) : ring_(ring) {}

  bool fix(std::span<const MutBytes> buffers) override;
  bool write(int fd, uint64_t offset, Bytes bytes, bool durable, uint64_t id) override;
  size_t take(std::span<Done> done) override;

  /// A completion of ours: its place, from write(), and what the kernel said.
  void completed(uint16_t place, int result);
  [[nodiscard]] bool under_way() const { return under_way_ != 0; }

 private:
  struct Write {
    bool used = false;
    uint64_t id = 0;
  };
  [[nodiscard]] const MutBytes* fixed_around(Bytes bytes) const;

  Ring& ring_;
  FixedVector<MutBytes, kFixedMax> fixed_;
  std::array<Write, kUnderWayMax> writes_{};  ///< used until take() has named it
  FixedVector<Done, kUnderWayMax> done_;
  size_t under_way_ = 0;
};

}  // namespace tercet::dataplane
