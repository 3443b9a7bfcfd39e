#include "dataplane/port/bell.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tercet::dataplane {

tl::expected<std::unique_ptr<Bell>, std::string> Bell::make() {
  const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (fd < 0) {
    return tl::unexpected(std::string("no eventfd for a polling thread (") + std::strerror(errno) +
                          "): raise the limit of open files");
  }
  return std::unique_ptr<Bell>(new Bell(fd));
}

Bell::~Bell() { close(fd_); }

void Bell::disarm_armed() {
  armed_ = false;
  // Whoever cleared the flag before us has written to the descriptor, or is about to: then it cannot be read
  // yet, and the next disarm() tries again. Unread, it would end every sleep to come.
  if (!asleep_.exchange(false, std::memory_order_relaxed)) {  // nothing is published by it
    ++owed_;
  }
  if (owed_ != 0) {
    uint64_t rings = 0;
    if (read(fd_, &rings, sizeof rings) == ssize_t{sizeof rings}) {
      owed_ -= rings < owed_ ? rings : owed_;
    }
  }
}

void Bell::wake() {
  if (asleep_.exchange(false, std::memory_order_relaxed)) {  // one of several producers; see disarm_armed()
    rung_.fetch_add(1, std::memory_order_relaxed);
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(fd_, &one, sizeof one);  // never full: one ring a sleep
  }
}

}  // namespace tercet::dataplane
