#pragma once
// Submissions: how a port's ring is entered. Whoever wants something of the kernel fills a place of the
// queue; all of them go with the next enter(). Threads: the polling thread's.

#include "base/check.h"
#include "dataplane/port/port.h"
#include "dataplane/port/uring/ring.h"

namespace tercet::dataplane {

class Submissions {
 public:
  Submissions(Ring& ring, PortCounters& counters) : ring_(ring), counters_(counters) {}

  /// A place in the queue, made free if need be; nullptr when the kernel takes nothing.
  io_uring_sqe* next() {
    io_uring_sqe* sqe = ring_.next_sqe();
    if (sqe == nullptr) {
      enter(0);
      sqe = ring_.next_sqe();
    }
    return sqe;
  }
  /// The same for a datagram.
  io_uring_sqe* next_send() {
    io_uring_sqe* sqe = next();
    sends_queued_ = sends_queued_ || sqe != nullptr;
    return sqe;
  }
  /// Hands over what is queued, and waits for completions so long at most.
  void enter(int64_t wait_ns) {
    counters_.receive_calls.add();
    if (sends_queued_) {
      counters_.send_calls.add();
    }
    const int error = ring_.enter(wait_ns);
    TERCET_CHECK(error != EEXIST && error != EBADF, "one thread polls a ring, and only while it lives");
    // EAGAIN, EBUSY (no memory, completions to be fetched first): what is pending goes with the next call.
    if (ring_.pending() == 0) {
      sends_queued_ = false;
      ++emptied_;
    }
  }
  [[nodiscard]] bool pending() const { return ring_.pending() > 0; }
  /// Rises each time that the kernel has taken all that was queued.
  [[nodiscard]] uint64_t emptied() const { return emptied_; }

 private:
  Ring& ring_;
  PortCounters& counters_;
  bool sends_queued_ = false;
  uint64_t emptied_ = 1;
};

}  // namespace tercet::dataplane
