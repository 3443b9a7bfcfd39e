#include "dataplane/port/uring/sends.h"

#include <netinet/udp.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "dataplane/port/socket.h"

namespace tercet::dataplane {

TxBurst& Sends::transmit() {
  tx_.reset();
  bank_ ^= 1U;
  Bank& bank = banks_[bank_];
  if (queued(bank)) {
    // Two bursts since the last call: the older one must be out before its buffers are written again.
    submissions_.enter(0);
  }
  ++bank.generation;
  for (size_t i = 0; i < kBurstMax && !queued(bank); ++i) {
    TERCET_CHECK(tx_.add_buffer(&bank.memory[i * kTxStride]), "a burst has room for its buffers");
  }
  return tx_;
}

void Sends::send(TxBurst& burst) {
  if (!burst.empty()) {
    Bank& bank = banks_[bank_];
    bank.runs.cut(burst, lanes_);
    for (size_t place = 0; place < burst.datagrams().size(); ++place) {
      const TxDatagram& d = burst.datagrams()[bank.runs.order(place)];
      bank.vectors[place] = {d.data, d.size};
      if (!lanes_[d.lane].connected) {
        bank.name_sizes[place] = to_sockaddr(d.to, bank.names[place]);
      }
    }
    handed_over_ += burst.datagrams().size();
    for (size_t run = 0; run < bank.runs.runs().size(); ++run) {
      queue_run(bank, run, Mark::Kind::send);
    }
  }
  burst.reset();
}

void Sends::queue_run(Bank& bank, size_t index, Mark::Kind kind) {
  const Run& run = bank.runs.runs()[index];
  const Mark mark{.kind = kind,
                  .lane = run.lane,
                  .bank = static_cast<uint8_t>(&bank - banks_.data()),
                  .count = run.count,
                  .index = static_cast<uint16_t>(index),
                  .generation = bank.generation};
  if (run.count == 1) {
    queue_one(bank, run.first, mark);
    return;
  }
  io_uring_sqe* sqe = submissions_.next_send();
  if (sqe == nullptr) {
    refuse(run.count);
    return;
  }
  msghdr& header = bank.headers[index];
  header = {};
  header.msg_iov = &bank.vectors[run.first];
  header.msg_iovlen = run.count;
  if (!lanes_[run.lane].connected) {
    header.msg_name = &bank.names[run.first];
    header.msg_namelen = bank.name_sizes[run.first];
  }
  header.msg_control = &bank.controls[index];
  header.msg_controllen = sizeof(GsoControl);
  cmsghdr* c = CMSG_FIRSTHDR(&header);
  c->cmsg_level = SOL_UDP;
  c->cmsg_type = UDP_SEGMENT;
  c->cmsg_len = CMSG_LEN(sizeof(uint16_t));
  std::memcpy(CMSG_DATA(c), &run.segment, sizeof(uint16_t));
  sqe->opcode = IORING_OP_SENDMSG;
  sqe->flags = IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
  sqe->fd = run.lane;
  sqe->addr = reinterpret_cast<uintptr_t>(&header);
  sqe->len = 1;
  sqe->msg_flags = MSG_DONTWAIT;
  sqe->user_data = mark.pack();
  bank.queued_at = submissions_.emptied();
}

void Sends::queue_one(Bank& bank, size_t place, const Mark& mark) {
  io_uring_sqe* sqe = submissions_.next_send();
  if (sqe == nullptr) {
    refuse(1);
    return;
  }
  sqe->opcode = IORING_OP_SEND;
  sqe->flags = IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
  sqe->fd = mark.lane;
  sqe->addr = reinterpret_cast<uintptr_t>(bank.vectors[place].iov_base);
  sqe->len = static_cast<uint32_t>(bank.vectors[place].iov_len);
  sqe->msg_flags = MSG_DONTWAIT;
  if (!lanes_[mark.lane].connected) {
    sqe->addr2 = reinterpret_cast<uintptr_t>(&bank.names[place]);
    sqe->addr_len = static_cast<uint16_t>(bank.name_sizes[place]);
  }
  sqe->user_data = mark.pack();
  bank.queued_at = submissions_.emptied();
}

bool Sends::failed(const Mark& mark, int error) {
  Bank& bank = banks_[mark.bank];
  const bool intact = (bank.generation & 0xFFFFU) == mark.generation;
  const SocketFault fault = classify(error);
  const bool unreachable = fault == SocketFault::unreachable && lanes_[mark.lane].connected;
  if (unreachable && intact && mark.kind == Mark::Kind::send) {
    // The error belongs to an earlier datagram and is gone with this report; this one was not sent.
    queue_run(bank, mark.index, Mark::Kind::send_again);
    return true;
  }
  if (fault == SocketFault::no_gso && mark.count > 1) {
    // EINVAL is also what an address that is not ours gives: no reason to give up segmentation.
    lanes_[mark.lane].gso = lanes_[mark.lane].gso && error == EINVAL;
    if (intact) {
      const Run& run = bank.runs.runs()[mark.index];
      for (uint16_t place = run.first; place < run.first + run.count; ++place) {
        queue_one(bank, place,
                  {.kind = Mark::Kind::one,
                   .lane = mark.lane,
                   .bank = mark.bank,
                   .count = 1,
                   .index = place,
                   .generation = bank.generation});
      }
      return false;
    }
  }
  refuse(mark.count);
  return unreachable;
}

void Sends::refuse(unsigned datagrams) {
  refused_ += datagrams;
  counters_.drop_send_refused.add(datagrams);
}

}  // namespace tercet::dataplane
