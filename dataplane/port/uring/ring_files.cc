#include "dataplane/port/uring/ring_files.h"

#include <sys/uio.h>

#include <algorithm>

#include "base/check.h"

namespace tercet::dataplane {

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
  sqe->opcode = IORING_OP_WRITE;
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
