#include "dataplane/port/uring/uring_port.h"

#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "dataplane/port/segments.h"
#include "dataplane/port/uring/mark.h"
#include "dataplane/port/uring/ring.h"
#include "dataplane/port/uring/ring_files.h"
#include "dataplane/port/uring/sends.h"
#include "dataplane/port/uring/submissions.h"

namespace tercet::dataplane {
namespace {

constexpr uint16_t kPlainGroup = 0;
constexpr uint16_t kBigGroup = 1;
constexpr size_t kWatchedMax = 16;
constexpr int64_t kWaitMaxNs = seconds(3'600).ns;

/// A receive buffer that is lent to the caller, or being cut.
struct Lent {
  uint16_t group = kPlainGroup;
  uint16_t id = 0;
};

struct RxLane {
  msghdr header{};  ///< only its name and control lengths count: how each buffer is laid out
  bool armed = false;
  [[nodiscard]] size_t prefix() const {
    return sizeof(io_uring_recvmsg_out) + header.msg_namelen + header.msg_controllen;
  }
};

std::vector<SendLane> lanes_of(const std::vector<LaneSocket>& sockets, bool gso) {
  std::vector<SendLane> lanes;
  for (const LaneSocket& socket : sockets) {
    lanes.push_back({.connected = socket.connected(), .gso = gso});
  }
  return lanes;
}

class UringPort final : public Port {
 public:
  UringPort(std::vector<LaneSocket> sockets, Ring ring, BufferRing plain, BufferRing big,
            const PortOptions& options);
  size_t receive(RxBurst& burst, MonoTime now) override;
  TxBurst& transmit() override {
    start();
    return sends_.transmit();
  }
  void send(TxBurst& burst) override { sends_.send(burst); }
  void wait(MonoTime until) override;
  void watch(int fd) override;
  uint32_t take_unreachable() override { return std::exchange(unreachable_, 0U); }
  void finish() override;
  FileRing* file_ring() override { return &files_; }
  [[nodiscard]] Endpoint local(Lane lane) const override { return sockets_[lane].local; }
  [[nodiscard]] const PortCounters& counters() const override { return counters_; }
  [[nodiscard]] const char* engine() const override { return "uring"; }

 private:
  void start();
  bool arm_lane(Lane lane);
  bool arm_bell(uint16_t index);
  void arm_missing();

  void take_back();
  void reap(RxBurst& burst);
  void on_received(const io_uring_cqe& cqe, Lane lane, RxBurst& burst);
  void cut(RxBurst& burst);
  BufferRing& group(uint16_t id) { return id == kBigGroup ? big_ : plain_; }

  void note_unreachable(Lane lane);

  std::vector<LaneSocket> sockets_;
  BufferRing plain_;
  BufferRing big_;
  PortCounters counters_;
  Ring ring_;  // behind the buffers: gone before them
  Submissions submissions_;
  Sends sends_;
  RingFiles files_;
  bool busy_;
  Duration spin_;
  bool started_ = false;
  MonoTime last_traffic_;
  uint32_t unreachable_ = 0;

  std::vector<RxLane> rx_;
  bool all_armed_ = false;
  FixedVector<int, kWatchedMax> watched_;
  FixedVector<bool, kWatchedMax> bell_armed_;
  FixedVector<Lent, kBurstMax + 1> lent_;
  Received cutting_;  ///< the payload that did not fit the last burst whole
  Lent cutting_from_;
  bool is_cutting_ = false;
};

UringPort::UringPort(std::vector<LaneSocket> sockets, Ring ring, BufferRing plain, BufferRing big,
                     const PortOptions& options)
    : sockets_(std::move(sockets)),
      plain_(std::move(plain)),
      big_(std::move(big)),
      ring_(std::move(ring)),
      submissions_(ring_, counters_),
      sends_(submissions_, counters_, lanes_of(sockets_, options.gso)),
      files_(ring_),
      busy_(options.poll == PollMode::busy),
      spin_(options.spin.ns < 0 ? default_spin() : options.spin),
      rx_(sockets_.size()) {
  for (size_t l = 0; l < sockets_.size(); ++l) {
    const bool connected = sockets_[l].connected();
    rx_[l].header.msg_namelen = connected ? 0 : sizeof(sockaddr_in6);
    rx_[l].header.msg_controllen = sockets_[l].gro ? CMSG_SPACE(sizeof(int)) : 0;
    TERCET_CHECK(rx_[l].prefix() <= kPayloadPrefixMax, "a receive buffer has room for its prefix");
  }
}

// ---- the ring

void UringPort::start() {
  if (started_) {
    return;
  }
  started_ = true;
  const auto enabled = ring_.enable();
  TERCET_CHECK(enabled.has_value(), "a ring that could be made can be enabled");
  arm_missing();
}

bool UringPort::arm_lane(Lane lane) {
  io_uring_sqe* sqe = submissions_.next();
  if (sqe == nullptr) {
    return false;
  }
  sqe->opcode = IORING_OP_RECVMSG;
  sqe->flags = IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
  sqe->ioprio = IORING_RECV_MULTISHOT;
  sqe->fd = lane;  // its place among the registered files
  sqe->addr = reinterpret_cast<uintptr_t>(&rx_[lane].header);
  sqe->len = 1;
  sqe->buf_group = sockets_[lane].gro ? kBigGroup : kPlainGroup;
  sqe->user_data = Mark{.kind = Mark::Kind::receive, .lane = lane}.pack();
  return true;
}

bool UringPort::arm_bell(uint16_t index) {
  io_uring_sqe* sqe = submissions_.next();
  if (sqe == nullptr) {
    return false;
  }
  sqe->opcode = IORING_OP_POLL_ADD;
  sqe->fd = watched_[index];
  sqe->len = IORING_POLL_ADD_MULTI;
  sqe->poll32_events = POLLIN;
  sqe->user_data = Mark{.kind = Mark::Kind::bell, .index = index}.pack();
  return true;
}

void UringPort::arm_missing() {
  if (all_armed_) {
    return;
  }
  all_armed_ = true;
  for (size_t l = 0; l < rx_.size(); ++l) {
    rx_[l].armed = rx_[l].armed || arm_lane(static_cast<Lane>(l));
    all_armed_ = all_armed_ && rx_[l].armed;
  }
  for (size_t i = 0; i < watched_.size(); ++i) {
    bell_armed_[i] = bell_armed_[i] || arm_bell(static_cast<uint16_t>(i));
    all_armed_ = all_armed_ && bell_armed_[i];
  }
}

void UringPort::watch(int fd) {
  TERCET_CHECK(fd >= 0, "a watched descriptor is open");
  watched_.push_back(fd);
  bell_armed_.push_back(false);
  all_armed_ = false;  // armed by the polling thread's next receive() or wait()
}

// ---- receiving

void UringPort::take_back() {
  if (lent_.empty()) {
    return;
  }
  for (const Lent& lent : lent_) {
    group(lent.group).give(lent.id);
  }
  lent_.clear();
  plain_.publish();
  big_.publish();
}

void UringPort::cut(RxBurst& burst) {
  is_cutting_ = !cutting_.cut_into(burst, counters_);
  if (!is_cutting_) {
    lent_.push_back(cutting_from_);
  }
}

void UringPort::note_unreachable(Lane lane) {
  counters_.peer_unreachable.add();
  unreachable_ |= 1U << lane;
}

void UringPort::on_received(const io_uring_cqe& cqe, Lane lane, RxBurst& burst) {
  if ((cqe.flags & IORING_CQE_F_MORE) == 0) {
    rx_[lane].armed = false;  // an error or a full queue ended it
    all_armed_ = false;
  }
  if (cqe.res == -ENOBUFS) {
    counters_.receive_buffers_empty.add();
  } else if (cqe.res < 0 && classify(-cqe.res) == SocketFault::unreachable) {
    note_unreachable(lane);
  }
  if ((cqe.flags & IORING_CQE_F_BUFFER) == 0) {
    return;
  }
  const Lent from{sockets_[lane].gro ? kBigGroup : kPlainGroup,
                  static_cast<uint16_t>(cqe.flags >> IORING_CQE_BUFFER_SHIFT)};
  const RxLane& rx = rx_[lane];
  const MutBytes buffer = group(from.group).buffer(from.id);
  io_uring_recvmsg_out out{};
  const size_t used = cqe.res < 0 ? 0 : static_cast<size_t>(cqe.res);
  if (used >= rx.prefix()) {
    std::memcpy(&out, buffer.data(), sizeof(out));
  }
  if (used < rx.prefix() || (out.flags & MSG_TRUNC) != 0) {
    counters_.drop_truncated.add(used < rx.prefix() ? 0 : 1);
    group(from.group).give(from.id);
    group(from.group).publish();
    return;
  }
  uint8_t* name = buffer.data() + sizeof(out);
  uint8_t* control = name + rx.header.msg_namelen;
  cutting_ = Received{};
  cutting_.payload = buffer.subspan(rx.prefix(), used - rx.prefix());
  cutting_.lane = lane;
  cutting_.from = sockets_[lane].connected()
                      ? sockets_[lane].remote
                      : from_sockaddr(name, std::min<size_t>(out.namelen, rx.header.msg_namelen));
  if (sockets_[lane].gro && out.controllen >= CMSG_LEN(sizeof(int))) {
    cmsghdr c{};
    std::memcpy(&c, control, sizeof(c));
    if (c.cmsg_level == SOL_UDP && c.cmsg_type == UDP_GRO) {
      int segment = 0;
      std::memcpy(&segment, control + CMSG_LEN(0), sizeof(segment));
      cutting_.segment = segment > 0 ? static_cast<size_t>(segment) : 0;
    }
  }
  cutting_from_ = from;
  cut(burst);
}

void UringPort::reap(RxBurst& burst) {
  const io_uring_cqe* cqe = nullptr;
  while (!is_cutting_ && !burst.datagrams.full() && (cqe = ring_.peek()) != nullptr) {
    const io_uring_cqe done = *cqe;
    ring_.consume();
    const Mark mark = Mark::unpack(done.user_data);
    switch (mark.kind) {
      case Mark::Kind::receive:
        on_received(done, mark.lane, burst);
        break;
      case Mark::Kind::bell:
        if ((done.flags & IORING_CQE_F_MORE) == 0) {
          bell_armed_[mark.index] = false;
          all_armed_ = false;
        }
        break;
      case Mark::Kind::send:
      case Mark::Kind::send_again:
      case Mark::Kind::one:
        if (done.res < 0 && sends_.failed(mark, -done.res)) {
          note_unreachable(mark.lane);
        }
        break;
      case Mark::Kind::file:
        files_.completed(mark.index, done.res);
        break;
    }
  }
}

size_t UringPort::receive(RxBurst& burst, MonoTime now) {
  start();
  burst.datagrams.clear();
  take_back();
  if (is_cutting_) {
    cut(burst);
  }
  arm_missing();
  reap(burst);
  if (burst.datagrams.empty() && (ring_.pending() > 0 || ring_.kernel_has_more())) {
    submissions_.enter(0);
    reap(burst);
  }
  if (ring_.pending() == 0 && ring_.peek() == nullptr) {
    counters_.sent_datagrams.set(sends_.sent());  // every failure so far was seen
  }
  if (!burst.datagrams.empty() && spin_.ns > 0) {
    last_traffic_ = now;
  }
  return burst.datagrams.size();
}

// ---- waiting

void UringPort::wait(MonoTime until) {
  start();
  // A lane that is not armed (its buffers ran out and are still lent) waits for receive() to take them back.
  const bool have_work = is_cutting_ || ring_.peek() != nullptr || !all_armed_;
  MonoTime now = busy_ || have_work ? MonoTime{} : raw_now();
  slept_since_ = now < until ? now : MonoTime{};  // zero for zero
  if (busy_ || have_work || until <= now) {
    if (ring_.pending() > 0) {
      submissions_.enter(0);
    }
    return;
  }
  if (const MonoTime spin_until = earlier(until, last_traffic_ + spin_); now < spin_until) {
    if (ring_.pending() > 0) {
      submissions_.enter(0);
    }
    while (now < spin_until) {
      if (ring_.peek() != nullptr || ring_.kernel_has_more()) {
        return;  // the next receive() fetches it
      }
      __builtin_ia32_pause();
      now = raw_now();
    }
  }
  if (now < until) {
    submissions_.enter(std::min((until - now).ns, kWaitMaxNs));
  }
}

/// What comes in meanwhile is nobody's any more; only the writes count.
void UringPort::finish() {
  if (!started_) {
    return;
  }
  while (ring_.pending() > 0 || files_.under_way()) {
    submissions_.enter(files_.under_way() ? milliseconds(100).ns : 0);
    for (const io_uring_cqe* cqe = ring_.peek(); cqe != nullptr; cqe = ring_.peek()) {
      const Mark mark = Mark::unpack(cqe->user_data);
      const int result = cqe->res;
      ring_.consume();
      if (mark.kind == Mark::Kind::file) {
        files_.completed(mark.index, result);
      }
    }
  }
}

}  // namespace

namespace {

tl::expected<std::unique_ptr<Port>, std::string> make_port(std::vector<LaneSocket> sockets, Ring ring,
                                                           const PortOptions& options,
                                                           const UringSizes& sizes) {
  std::vector<int> fds;
  bool any_gro = false;
  for (const LaneSocket& socket : sockets) {
    fds.push_back(socket.fd.get());
    any_gro = any_gro || socket.gro;
  }
  if (!fds.empty()) {
    if (auto registered = ring.register_files(fds); !registered) {
      return tl::unexpected(std::move(registered.error()));
    }
  }
  auto plain = BufferRing::create(ring, kPlainGroup, fds.empty() ? 1 : sizes.plain_buffers, kPlainStride,
                                  kPlainStride);
  if (!plain) {
    return tl::unexpected(std::move(plain.error()));
  }
  auto big = BufferRing::create(ring, kBigGroup, any_gro ? sizes.big_buffers : 1,
                                kPayloadPrefixMax + kBigPayload, kBigStride);
  if (!big) {
    return tl::unexpected(std::move(big.error()));
  }
  return std::make_unique<UringPort>(std::move(sockets), std::move(ring), std::move(*plain), std::move(*big),
                                     options);
}

}  // namespace

tl::expected<std::unique_ptr<Port>, std::string> make_uring_port(const PortOptions& options,
                                                                 const UringSizes& sizes) {
  auto ports = make_uring_ports(std::span(&options, 1), sizes);
  if (!ports) {
    return tl::unexpected(std::move(ports.error()));
  }
  return std::move(ports->front());
}

tl::expected<std::vector<std::unique_ptr<Port>>, std::string> make_uring_ports(
    std::span<const PortOptions> threads, const UringSizes& sizes) {
  std::vector<Ring> rings;  // first: whether this machine allows any says more than a lane's trouble
  for (size_t i = 0; i < threads.size(); ++i) {
    auto ring = Ring::create(sizes.submissions, sizes.completions);
    if (!ring) {
      return tl::unexpected(std::move(ring.error()));
    }
    rings.push_back(std::move(*ring));
  }
  auto sockets = open_lanes(threads);
  if (!sockets) {
    return tl::unexpected(std::move(sockets.error()));
  }
  std::vector<std::unique_ptr<Port>> ports;
  for (size_t i = 0; i < threads.size(); ++i) {
    auto port = make_port(std::move((*sockets)[i]), std::move(rings[i]), threads[i], sizes);
    if (!port) {
      return tl::unexpected(std::move(port.error()));
    }
    ports.push_back(std::move(*port));
  }
  return ports;
}

tl::expected<void, std::string> uring_allowed() {
  auto ring = Ring::create(8, 16);
  if (!ring) {
    return tl::unexpected(std::move(ring.error()));
  }
  return {};
}

}  // namespace tercet::dataplane
