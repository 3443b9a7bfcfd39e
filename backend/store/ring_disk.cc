#include "backend/store/ring_disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "backend/store/file_worker.h"
#include "backend/store/log_format.h"
#include "base/check.h"

namespace tercet::store {
namespace {

/// Our own write ahead of a sync: nobody else's id.
constexpr IoId kBeforeSync = ~IoId{0};

void close_both(int direct, int cached) {
  ::close(cached);
  if (direct != cached) {
    ::close(direct);
  }
}

}  // namespace

RingDisk::~RingDisk() {
  for (const Open& one : open_) {
    close_both(one.direct, one.cached);
  }
  if (directory_ >= 0) {
    ::close(directory_);
  }
}

void RingDisk::attach(FileRing& ring) {
  ring_ = &ring;
  if (directory_ < 0) {
    directory_ = ::open(files_.directory().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  if (const FileRange all = files_.files(); all.first != all.end) {
    open(all.end - 1);  // most likely the one that is written next: not a system call more while polling
  }
}

void RingDisk::detach() {
  if (ring_ == nullptr) {
    return;
  }
  gather();
  ring_ = nullptr;
}

/// nullptr: errno says why.
RingDisk::Open* RingDisk::open(FileId file) {
  if (const auto it = std::ranges::find(open_, file, &Open::file); it != open_.end()) {
    return &*it;
  }
  const std::string name = segment_name(file);  // short: it lies in the string itself
  Open one{.file = file};
  one.cached = ::openat(directory_, name.c_str(), O_RDWR | O_CLOEXEC);
  if (one.cached < 0) {
    return nullptr;
  }
  one.direct =
      files_.direct() ? ::openat(directory_, name.c_str(), O_RDWR | O_CLOEXEC | O_DIRECT) : one.cached;
  struct stat status {};
  if (one.direct < 0 || ::fstat(one.cached, &status) != 0) {
    const int error = errno;
    if (one.direct >= 0) {
      ::close(one.direct);
    }
    ::close(one.cached);
    errno = error;
    return nullptr;
  }
  one.size = static_cast<uint64_t>(status.st_size);
  if (open_.full()) {
    close_both(open_[0].direct, open_[0].cached);
    open_[0] = open_[1];
    open_.pop_back();
  }
  open_.push_back(one);
  return &open_[open_.size() - 1];
}

void RingDisk::forget(FileId file) {
  if (const auto it = std::ranges::find(open_, file, &Open::file); it != open_.end()) {
    close_both(it->direct, it->cached);
    std::copy(it + 1, open_.end(), it);
    open_.pop_back();
  }
}

void RingDisk::remove(FileId file, IoId id) {
  forget(file);
  files_.remove(file, id);
}

void RingDisk::recycle(FileId from, FileId to, IoId id) {
  forget(from);
  files_.recycle(from, to, id);
}

void RingDisk::write(FileId file, Offset offset, Bytes bytes, IoId id, Durability durability) {
  if (is_image(file)) {
    files_.write(file, offset, bytes, id, durability);  // in the background, and its errors are its own
    return;
  }
  TERCET_CHECK(offset % kSectorBytes == 0 && bytes.size() % kSectorBytes == 0, "whole sectors are written");
  if (refusal_ != 0) {
    done_.push_back(io_done(id, refusal_));
    return;
  }
  if (ring_ == nullptr) {
    handed_on_ = id;
    files_.write(file, offset, bytes, id, durability);
    return;
  }
  if (durability == Durability::fsync && dirty_) {
    // What was written with `memory` before is promised along with it. Rare: a promise.
    files_.write(file, offset, bytes, kBeforeSync, Durability::memory);
    handed_on_ = id;
    files_.sync(id);
    dirty_ = false;
    return;
  }
  const Open* one = open(file);
  if (one == nullptr || offset + bytes.size() > one->size) {
    refusal_ = one == nullptr ? errno : EINVAL;
    done_.push_back(io_done(id, refusal_));
    return;
  }
  dirty_ = dirty_ || durability == Durability::memory;
  const bool durable = durability == Durability::fsync;
  TERCET_CHECK(under_way_.empty(), "the log keeps one write in flight");
  if (ring_->write(durable ? one->direct : one->cached, offset, bytes, durable, id)) {
    under_way_.push_back({id, file, offset, bytes, durability});
    files_.note_write();
  } else {
    handed_on_ = id;
    files_.write(file, offset, bytes, id, durability);  // the ring is full of datagrams just now
  }
}

/// What ring and thread have done, into done_.
void RingDisk::gather() {
  FileRing::Done written;
  while (ring_ != nullptr && !done_.full() && ring_->take({&written, 1}) == 1) {
    take(written);
  }
  IoDone one;
  while (!done_.full() && files_.reap({&one, 1}) == 1) {
    const bool before_sync = one.id == kBeforeSync;  // the sync behind it fails too, and answers
    if ((before_sync || one.id == handed_on_) && one.error != IoError::none && refusal_ == 0) {
      refusal_ = one.os_error;
    }
    if (!before_sync) {
      done_.push_back(one);
    }
  }
}

void RingDisk::take(const FileRing::Done& written) {
  TERCET_CHECK(!under_way_.empty() && under_way_[0].id == written.id, "what is done was under way");
  const UnderWay write = under_way_[0];
  under_way_.pop_back();
  const size_t n = written.result < 0 ? 0 : static_cast<size_t>(written.result);
  if (n != 0 && n < write.bytes.size() && n % kSectorBytes == 0) {
    // A part of it. The rest goes the thread's way, which goes on until it is done or hears why not: no
    // space, mostly.
    handed_on_ = write.id;
    files_.write(write.file, write.offset + n, write.bytes.subspan(n), write.id, write.durability);
    return;
  }
  const int error = written.result < 0 ? -written.result : n != write.bytes.size() ? EIO : 0;
  refusal_ = refusal_ != 0 ? refusal_ : error;
  done_.push_back(io_done(written.id, error));
}

void RingDisk::sync(IoId id) {
  if (refusal_ != 0) {
    done_.push_back(io_done(id, refusal_));
    return;
  }
  dirty_ = false;
  handed_on_ = id;
  files_.sync(id);
}

size_t RingDisk::reap(std::span<IoDone> done) {
  gather();
  return hand_over(done_, done);
}

/// A write that is under way in the ring is the polling thread's to wait for (Port::wait, Port::finish).
bool RingDisk::wait() {
  for (gather(); done_.empty(); gather()) {
    if (!files_.wait()) {
      return false;
    }
  }
  return true;
}

}  // namespace tercet::store
