#include "dataplane/port/mmsg/mmsg_port.h"

#include <netinet/udp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "dataplane/port/segments.h"
#include "dataplane/port/socket.h"

namespace tercet::dataplane {
namespace {

// Chosen by us: a poll's share of each lane. What stays behind in a socket is taken by the next poll.
constexpr size_t kPlainPerPoll = 128;  // unconnected lane: single datagrams
constexpr size_t kBigPerPoll = 8;      // connected lane: up to 64 KiB each
constexpr int kErrorsPerPoll = 4;      // pending ICMP errors taken off one lane in one poll
constexpr uint64_t kWatchMark = UINT64_MAX;

struct alignas(cmsghdr) GroControl {
  std::array<uint8_t, CMSG_SPACE(sizeof(int))> bytes{};
};
struct alignas(cmsghdr) GsoControl {
  std::array<uint8_t, CMSG_SPACE(sizeof(uint16_t))> bytes{};
};

size_t gro_segment(msghdr& header) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
      int segment = 0;
      std::memcpy(&segment, CMSG_DATA(c), sizeof(segment));
      return segment > 0 ? static_cast<size_t>(segment) : 0;
    }
  }
  return 0;
}

/// The receive side of one lane: fixed arrays that the kernel fills, and how much of them was handed up.
struct RxLane {
  std::vector<mmsghdr> messages;
  std::vector<iovec> vectors;
  std::vector<sockaddr_in6> names;
  std::vector<GroControl> controls;
  std::vector<uint8_t> memory;
  std::vector<Received> got;
  size_t filled = 0;  ///< messages of the last recvmmsg
  size_t next = 0;    ///< first that is not handed up whole
};

class MmsgPort final : public Port {
 public:
  MmsgPort(std::vector<LaneSocket> sockets, OwnedFd epoll, const PortOptions& options);
  size_t receive(RxBurst& burst, MonoTime now) override;
  TxBurst& transmit() override;
  void send(TxBurst& burst) override;
  void wait(MonoTime until) override;
  void watch(int fd) override;
  uint32_t take_unreachable() override { return std::exchange(unreachable_, 0U); }
  [[nodiscard]] Endpoint local(Lane lane) const override { return sockets_[lane].local; }
  [[nodiscard]] const PortCounters& counters() const override { return counters_; }
  [[nodiscard]] const char* engine() const override { return "mmsg"; }

 private:
  void hand_up(RxBurst& burst);
  void fill(Lane lane);
  void reset_message(Lane lane, size_t i);
  void note_unreachable(Lane lane);
  void prepare(const Run& run, const TxBurst& burst, size_t message);
  void send_messages(Lane lane, size_t first, size_t last, const TxBurst& burst);
  void send_singly(const Run& run, const TxBurst& burst);
  [[nodiscard]] bool has_leftovers() const;
  /// Asks epoll; true if a lane or a watched descriptor is ready. `timeout_ns` 0: without waiting.
  bool look(int64_t timeout_ns);

  std::vector<LaneSocket> sockets_;
  std::vector<RxLane> rx_;
  OwnedFd epoll_;
  bool busy_;
  Duration spin_;
  bool has_pwait2_ = true;
  bool looked_ = false;  ///< wait() has just filled ready_: receive() need not ask again
  uint32_t ready_ = 0;   ///< lanes that have something, as far as we know
  uint32_t unreachable_ = 0;
  MonoTime last_traffic_;

  std::vector<uint8_t> tx_memory_;
  TxBurst tx_;
  std::vector<SendLane> send_lanes_;
  Runs runs_;
  std::array<mmsghdr, kBurstMax> tx_messages_{};
  std::array<iovec, kBurstMax> tx_vectors_{};
  std::array<sockaddr_in6, kBurstMax> tx_names_{};
  std::array<GsoControl, kBurstMax> tx_controls_{};
  PortCounters counters_;
};

MmsgPort::MmsgPort(std::vector<LaneSocket> sockets, OwnedFd epoll, const PortOptions& options)
    : sockets_(std::move(sockets)),
      rx_(sockets_.size()),
      epoll_(std::move(epoll)),
      busy_(options.poll == PollMode::busy),
      spin_(options.spin.ns < 0 ? default_spin() : options.spin),
      tx_memory_(kBurstMax * kTxStride),
      send_lanes_(sockets_.size()) {
  for (size_t l = 0; l < sockets_.size(); ++l) {
    const bool connected = sockets_[l].connected();
    const size_t count = connected ? kBigPerPoll : kPlainPerPoll;
    const size_t stride = sockets_[l].gro ? kBigStride : kPlainStride;
    send_lanes_[l] = {.connected = connected, .gso = options.gso};
    RxLane& lane = rx_[l];
    lane.messages.resize(count);
    lane.vectors.resize(count);
    lane.names.resize(count);
    lane.controls.resize(count);
    lane.memory.resize(count * stride);
    lane.got.resize(count);
    for (size_t i = 0; i < count; ++i) {
      lane.vectors[i] = {&lane.memory[i * stride], sockets_[l].gro ? kBigPayload : kPlainStride};
      lane.messages[i].msg_hdr.msg_iov = &lane.vectors[i];
      lane.messages[i].msg_hdr.msg_iovlen = 1;
      reset_message(static_cast<Lane>(l), i);
    }
  }
}

bool MmsgPort::has_leftovers() const {
  return std::ranges::any_of(rx_, [](const RxLane& lane) { return lane.next < lane.filled; });
}

void MmsgPort::hand_up(RxBurst& burst) {
  for (RxLane& lane : rx_) {
    while (lane.next < lane.filled) {
      if (!lane.got[lane.next].cut_into(burst, counters_)) {
        return;
      }
      ++lane.next;
    }
  }
}

void MmsgPort::note_unreachable(Lane lane) {
  counters_.peer_unreachable.add();
  unreachable_ |= 1U << lane;
}

void MmsgPort::reset_message(Lane l, size_t i) {
  RxLane& lane = rx_[l];
  msghdr& header = lane.messages[i].msg_hdr;
  if (!sockets_[l].connected()) {
    header.msg_name = &lane.names[i];
    header.msg_namelen = sizeof(sockaddr_in6);
  } else if (sockets_[l].gro) {
    header.msg_control = &lane.controls[i];
    header.msg_controllen = sizeof(GroControl);
  }
}

void MmsgPort::fill(Lane l) {
  RxLane& lane = rx_[l];
  const LaneSocket& socket = sockets_[l];
  for (size_t i = 0; i < lane.filled; ++i) {
    reset_message(l, i);  // the kernel overwrote its lengths
  }
  lane.filled = lane.next = 0;
  int n = -1;
  for (int errors = 0; n < 0; ++errors) {
    counters_.receive_calls.add();
    n = recvmmsg(socket.fd.get(), lane.messages.data(), static_cast<unsigned>(lane.messages.size()),
                 MSG_DONTWAIT, nullptr);
    if (n >= 0) {
      break;
    }
    const int error = errno;
    if (error != EINTR && classify(error) == SocketFault::nothing) {
      ready_ &= ~(1U << l);
      return;
    }
    if (classify(error) == SocketFault::unreachable) {
      note_unreachable(l);
    }
    if (errors == kErrorsPerPoll) {
      return;  // stays ready: the next poll goes on
    }
  }
  const auto count = static_cast<size_t>(n);
  if (count < lane.messages.size()) {
    ready_ &= ~(1U << l);
  }
  for (size_t i = 0; i < count; ++i) {
    msghdr& header = lane.messages[i].msg_hdr;
    if ((header.msg_flags & MSG_TRUNC) != 0) {
      counters_.drop_truncated.add();
      lane.got[i] = Received{};
      lane.got[i].started = true;  // nothing to hand up
      continue;
    }
    lane.got[i] = Received{
        .payload = {static_cast<uint8_t*>(lane.vectors[i].iov_base), lane.messages[i].msg_len},
        .segment = socket.gro ? gro_segment(header) : 0,
        .lane = l,
        .from = socket.connected() ? socket.remote : from_sockaddr(&lane.names[i], header.msg_namelen),
    };
  }
  lane.filled = count;
}

size_t MmsgPort::receive(RxBurst& burst, MonoTime now) {
  burst.datagrams.clear();
  if (has_leftovers()) {
    hand_up(burst);  // their buffers may not be filled anew yet
  }
  if (burst.datagrams.empty()) {
    if (sockets_.size() == 1 && !looked_) {
      ready_ = 1;  // asking the socket itself costs no more than asking epoll
    } else if (!looked_) {
      look(0);
    }
    looked_ = false;
    for (uint32_t lanes = ready_; lanes != 0; lanes &= lanes - 1) {
      fill(static_cast<Lane>(std::countr_zero(lanes)));
    }
    hand_up(burst);
  }
  if (!burst.datagrams.empty() && spin_.ns > 0) {
    last_traffic_ = now;
  }
  return burst.datagrams.size();
}

TxBurst& MmsgPort::transmit() {
  tx_.reset();
  for (size_t i = 0; i < kBurstMax; ++i) {
    TERCET_CHECK(tx_.add_buffer(&tx_memory_[i * kTxStride]), "a burst has room for its buffers");
  }
  return tx_;
}

void MmsgPort::prepare(const Run& run, const TxBurst& burst, size_t message) {
  msghdr& header = tx_messages_[message].msg_hdr;
  header = {};
  for (size_t i = run.first; i < size_t{run.first} + run.count; ++i) {
    const TxDatagram& d = burst.datagrams()[runs_.order(i)];
    tx_vectors_[i] = {d.data, d.size};
  }
  header.msg_iov = &tx_vectors_[run.first];
  header.msg_iovlen = run.count;
  if (!send_lanes_[run.lane].connected) {
    header.msg_namelen = to_sockaddr(burst.datagrams()[runs_.order(run.first)].to, tx_names_[message]);
    header.msg_name = &tx_names_[message];
  }
  if (run.count > 1) {
    header.msg_control = &tx_controls_[message];
    header.msg_controllen = sizeof(GsoControl);
    cmsghdr* c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_UDP;
    c->cmsg_type = UDP_SEGMENT;
    c->cmsg_len = CMSG_LEN(sizeof(uint16_t));
    std::memcpy(CMSG_DATA(c), &run.segment, sizeof(uint16_t));
  }
}

void MmsgPort::send(TxBurst& burst) {
  if (!burst.empty()) {
    runs_.cut(burst, send_lanes_);
    const auto runs = runs_.runs();
    for (size_t first = 0; first < runs.size();) {
      size_t last = first;
      while (last < runs.size() && runs[last].lane == runs[first].lane) {
        prepare(runs[last], burst, last);
        ++last;
      }
      send_messages(runs[first].lane, first, last, burst);
      first = last;
    }
  }
  burst.reset();
}

void MmsgPort::send_messages(Lane lane, size_t first, size_t last, const TxBurst& burst) {
  const int fd = sockets_[lane].fd.get();
  bool repeated = false;  // the message at `first` was tried again after an ICMP error
  while (first < last) {
    counters_.send_calls.add();
    const int n = sendmmsg(fd, &tx_messages_[first], static_cast<unsigned>(last - first), MSG_DONTWAIT);
    const int error = errno;
    if (n > 0) {
      for (size_t i = first; i < first + static_cast<size_t>(n); ++i) {
        counters_.sent_datagrams.add(runs_.runs()[i].count);
      }
      first += static_cast<size_t>(n);
      repeated = false;
      continue;
    }
    if (error == EINTR) {
      continue;
    }
    const Run& run = runs_.runs()[first];
    const SocketFault fault = classify(error);
    if (fault == SocketFault::unreachable && sockets_[lane].connected() && !repeated) {
      // The error belongs to an earlier datagram and is gone with this report; this one was not sent.
      note_unreachable(lane);
      repeated = true;
      continue;
    }
    if (fault == SocketFault::no_gso && run.count > 1) {
      // EINVAL is also what an address that is not ours gives: no reason to give up segmentation.
      send_lanes_[lane].gso = send_lanes_[lane].gso && error == EINVAL;
      send_singly(run, burst);
    } else {
      counters_.drop_send_refused.add(run.count);
    }
    ++first;
    repeated = false;
  }
}

void MmsgPort::send_singly(const Run& run, const TxBurst& burst) {
  for (size_t i = run.first; i < size_t{run.first} + run.count; ++i) {
    const TxDatagram& d = burst.datagrams()[runs_.order(i)];
    sockaddr_in6 name{};
    const bool connected = send_lanes_[run.lane].connected;
    const socklen_t length = connected ? 0 : to_sockaddr(d.to, name);
    counters_.send_calls.add();
    if (sendto(sockets_[run.lane].fd.get(), d.data, d.size, MSG_DONTWAIT,
               connected ? nullptr : reinterpret_cast<const sockaddr*>(&name), length) >= 0) {
      counters_.sent_datagrams.add();
    } else {
      counters_.drop_send_refused.add();
    }
  }
}

bool MmsgPort::look(int64_t timeout_ns) {
  std::array<epoll_event, kLanesMax> events;
  const timespec timeout{timeout_ns / 1'000'000'000, timeout_ns % 1'000'000'000};
  int n = -1;
  if (has_pwait2_ && timeout_ns > 0) {
    n = epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()), &timeout, nullptr);
    if (n < 0 && (errno == ENOSYS || errno == EPERM)) {
      has_pwait2_ = false;  // before Linux 5.11, or hidden by a seccomp filter
    }
  }
  if (n < 0) {
    if (!has_pwait2_ && timeout_ns > 0) {
      pollfd set{.fd = epoll_.get(), .events = POLLIN, .revents = 0};
      ppoll(&set, 1, &timeout, nullptr);
    }
    n = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  }
  for (int i = 0; i < n; ++i) {
    const uint64_t mark = events[static_cast<size_t>(i)].data.u64;
    if (mark != kWatchMark) {
      ready_ |= 1U << mark;
    }
  }
  return n > 0;
}

void MmsgPort::wait(MonoTime until) {
  slept_since_ = {};
  if (busy_ || ready_ != 0 || has_leftovers()) {
    return;
  }
  MonoTime now = raw_now();
  if (now < until) {
    slept_since_ = now;
  }
  while (now < earlier(until, last_traffic_ + spin_)) {
    if (look(0)) {
      looked_ = true;
      return;
    }
    now = raw_now();
  }
  if (now < until) {
    looked_ = true;
    look(std::min((until - now).ns, seconds(3'600).ns));
  }
}

void MmsgPort::watch(int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWatchMark;
  TERCET_CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0,
               "a watched descriptor is open and pollable");
}

}  // namespace

namespace {

tl::expected<std::unique_ptr<Port>, std::string> make_port(std::vector<LaneSocket> sockets,
                                                           const PortOptions& options) {
  OwnedFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) {
    return tl::unexpected(std::string("cannot make an epoll set: ") + std::strerror(errno));
  }
  for (size_t l = 0; l < sockets.size(); ++l) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = l;
    if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, sockets[l].fd.get(), &event) != 0) {
      return tl::unexpected(std::string("cannot watch a socket: ") + std::strerror(errno));
    }
  }
  return std::make_unique<MmsgPort>(std::move(sockets), std::move(epoll), options);
}

}  // namespace

tl::expected<std::unique_ptr<Port>, std::string> make_mmsg_port(const PortOptions& options) {
  auto ports = make_mmsg_ports(std::span(&options, 1));
  if (!ports) {
    return tl::unexpected(std::move(ports.error()));
  }
  return std::move(ports->front());
}

tl::expected<std::vector<std::unique_ptr<Port>>, std::string> make_mmsg_ports(
    std::span<const PortOptions> threads) {
  auto sockets = open_lanes(threads);
  if (!sockets) {
    return tl::unexpected(std::move(sockets.error()));
  }
  std::vector<std::unique_ptr<Port>> ports;
  for (size_t i = 0; i < threads.size(); ++i) {
    auto port = make_port(std::move((*sockets)[i]), threads[i]);
    if (!port) {
      return tl::unexpected(std::move(port.error()));
    }
    ports.push_back(std::move(*port));
  }
  return ports;
}

}  // namespace tercet::dataplane
