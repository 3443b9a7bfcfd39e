#include "dataplane/port/uring/ring_files.h"

#include <sys/uio.h>

#include <algorithm>

#include "base/check.h"

namespace tercet::dataplane {

bool RingFiles::fix(std::span<const MutBytes> buffers) {
  if (!fixed_.empty() || buffers.size() > kFixedMax || !ring_.register_buffers(buffers)) {
    return false;
  }
  for (const MutBytes& buffer : buffers) {
    fixed_.push_back(buffer);
  }
  return true;
}

/// nullptr: none.
const MutBytes* RingFiles::fixed_around(Bytes bytes) const {
  const auto* around = std::ranges::find_if(fixed_, [&bytes](const MutBytes& buffer) {
    return bytes.data() >= buffer.data() && bytes.data() + bytes.size() <= buffer.data() + buffer.size();
  });
  return around == fixed_.end() ? nullptr : around;
}

bool RingFiles::write(int fd, uint64_t offset, Bytes bytes, bool durable, uint64_t id) {
  if (under_way_ + done_.size() >= writes_.size() || bytes.size() > UINT32_MAX) {
    return false;
  }
  io_uring_sqe* sqe = ring_.next_sqe();
  if (sqe == nullptr) {
    return false;  // full of datagrams: they leave with this turn's call
  }
  const auto place = std::ranges::find(writes_, false, &Write::used);
  *place = {.used = true, .id = id};
  ++under_way_;
  if (const MutBytes* buffer = fixed_around(bytes); buffer != nullptr) {
    sqe->opcode = IORING_OP_WRITE_FIXED;
    sqe->buf_index = static_cast<uint16_t>(buffer - fixed_.begin());
  } else {
    sqe->opcode = IORING_OP_WRITE;
  }
  sqe->fd = fd;
  sqe->addr = reinterpret_cast<uintptr_t>(bytes.data());
  sqe->len = static_cast<uint32_t>(bytes.size());
  sqe->off = offset;
  sqe->rw_flags = durable ? RWF_DSYNC : 0;
  const auto index = static_cast<uint16_t>(place - writes_.begin());
  sqe->user_data = Mark{.kind = Mark::Kind::file, .index = index}.pack();
  return true;
}

void RingFiles::completed(uint16_t place, int result) {
  TERCET_CHECK(place < writes_.size() && writes_[place].used && under_way_ > 0,
               "a completion belongs to a write that is under way");
  done_.push_back({writes_[place].id, result});
  writes_[place].used = false;
  --under_way_;
}

size_t RingFiles::take(std::span<Done> done) {
  const size_t n = std::min(done.size(), done_.size());
  std::copy_n(done_.begin(), n, done.begin());
  std::copy(done_.begin() + n, done_.end(), done_.begin());
  done_.resize(done_.size() - n);
  return n;
}

}  // namespace tercet::dataplane
