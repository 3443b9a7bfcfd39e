#pragma once
// Sends: bursts on their way out. Two banks of buffers, so that one burst can be written while the kernel
// still reads the one before; runs of equal datagrams go as one (UDP GSO), and what an interface refuses to
// segment goes one by one. Threads: the polling thread's. No allocation after construction.

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <vector>

#include "dataplane/port/segments.h"
#include "dataplane/port/uring/mark.h"
#include "dataplane/port/uring/submissions.h"

namespace tercet::dataplane {

class Sends {
 public:
  Sends(Submissions& submissions, PortCounters& counters, std::vector<SendLane> lanes)
      : submissions_(submissions), counters_(counters), lanes_(std::move(lanes)) {}

  /// An empty burst with buffers, which live until the call after the next.
  TxBurst& transmit();
  void send(TxBurst& burst);
  /// A send's completion said `error` (errno). True: its lane's peer is unreachable.
  bool failed(const Mark& mark, int error);
  /// Datagrams that the kernel took, as far as failures have been seen.
  [[nodiscard]] uint64_t sent() const { return handed_over_ - refused_; }

 private:
  struct alignas(cmsghdr) GsoControl {
    std::array<uint8_t, CMSG_SPACE(sizeof(uint16_t))> bytes{};
  };
  /// One burst's buffers and everything that the kernel reads while it sends them.
  struct Bank {
    std::vector<uint8_t> memory = std::vector<uint8_t>(kBurstMax * kTxStride);
    Runs runs;
    std::array<iovec, kBurstMax> vectors{};       ///< in the order of `runs`
    std::array<sockaddr_in6, kBurstMax> names{};  ///< likewise; unconnected lanes only
    std::array<socklen_t, kBurstMax> name_sizes{};
    std::array<msghdr, kBurstMax> headers{};  ///< per run
    std::array<GsoControl, kBurstMax> controls{};
    uint32_t generation = 0;
    uint64_t queued_at =
        0;  ///< Submissions::emptied() then: while it is the same, the kernel lacks some of it
  };

  [[nodiscard]] bool queued(const Bank& bank) const { return bank.queued_at == submissions_.emptied(); }
  void queue_run(Bank& bank, size_t run, Mark::Kind kind);
  void queue_one(Bank& bank, size_t place, const Mark& mark);
  void refuse(unsigned datagrams);

  Submissions& submissions_;
  PortCounters& counters_;
  std::vector<SendLane> lanes_;
  std::array<Bank, 2> banks_;
  unsigned bank_ = 0;
  TxBurst tx_;
  uint64_t handed_over_ = 0;
  uint64_t refused_ = 0;
};

}  // namespace tercet::dataplane
