#include "bench/floor/load.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "dataplane/port/socket.h"

namespace tercet::bench {
namespace {

using dataplane::raw_now;

constexpr size_t kBatch = 64;
constexpr size_t kBuffer = 2'048;

/// What a request carries, in front of its padding. The echo brings it back.
struct Stamp {
  int64_t sent_ns = 0;
  uint32_t slot = 0;
  uint32_t round = 0;  ///< tells an answer that came after its request was given up
};

struct Slot {
  int64_t sent_ns = 0;
  uint32_t round = 0;
};

struct Socket {
  dataplane::OwnedFd fd;
  std::vector<Slot> slots;
};

class Load {
 public:
  explicit Load(const LoadOptions& options)
      : options_(options), rx_(kBatch * kBuffer), tx_(kBatch * kBuffer) {
    for (size_t i = 0; i < kBatch; ++i) {
      rx_vectors_[i] = {&rx_[i * kBuffer], kBuffer};
      tx_vectors_[i] = {&tx_[i * kBuffer], options.bytes};
      rx_messages_[i].msg_hdr.msg_iov = &rx_vectors_[i];
      rx_messages_[i].msg_hdr.msg_iovlen = 1;
      tx_messages_[i].msg_hdr.msg_iov = &tx_vectors_[i];
      tx_messages_[i].msg_hdr.msg_iovlen = 1;
    }
  }

  tl::expected<void, std::string> open();
  LoadResult run();

 private:
  void send(Socket& socket, const uint32_t* slots, size_t count);
  void answers(Socket& socket, LoadResult& result);
  void give_up_lost(LoadResult& result);

  LoadOptions options_;
  std::vector<Socket> sockets_;
  dataplane::OwnedFd epoll_;
  MonoTime counted_from_;
  MonoTime counted_to_;
  std::vector<uint8_t> rx_;
  std::vector<uint8_t> tx_;
  std::array<iovec, kBatch> rx_vectors_{};
  std::array<iovec, kBatch> tx_vectors_{};
  std::array<mmsghdr, kBatch> rx_messages_{};
  std::array<mmsghdr, kBatch> tx_messages_{};
};

tl::expected<void, std::string> Load::open() {
  epoll_ = dataplane::OwnedFd(epoll_create1(EPOLL_CLOEXEC));
  for (unsigned i = 0; i < options_.sockets; ++i) {
    dataplane::PortOptions lane;
    lane.lanes = {{{}, options_.target}};
    lane.gro = false;
    auto opened = dataplane::open_lanes(lane);
    if (!opened) {
      return tl::unexpected(std::move(opened.error()));
    }
    Socket socket;
    socket.fd = std::move((*opened)[0].fd);
    const unsigned share =
        options_.outstanding / options_.sockets + (i < options_.outstanding % options_.sockets);
    socket.slots.resize(std::max(1U, share));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = i;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket.fd.get(), &event) != 0) {
      return tl::unexpected(std::string("cannot watch a socket: ") + std::strerror(errno));
    }
    sockets_.push_back(std::move(socket));
  }
  return {};
}

void Load::send(Socket& socket, const uint32_t* slots, size_t count) {
  const int64_t now = raw_now().ns;
  for (size_t i = 0; i < count; ++i) {
    Slot& slot = socket.slots[slots[i]];
    slot.sent_ns = now;
    const Stamp stamp{now, slots[i], ++slot.round};
    std::memcpy(&tx_[i * kBuffer], &stamp, sizeof(stamp));
  }
  for (size_t done = 0; done < count;) {
    const int n = sendmmsg(socket.fd.get(), &tx_messages_[done], static_cast<unsigned>(count - done), 0);
    if (n <= 0 && errno != EINTR && errno != ECONNREFUSED) {
      return;  // what was not sent is given up as lost
    }
    done += n > 0 ? static_cast<size_t>(n) : 0;
  }
}

void Load::answers(Socket& socket, LoadResult& result) {
  const int n = recvmmsg(socket.fd.get(), rx_messages_.data(), kBatch, MSG_DONTWAIT, nullptr);
  if (n <= 0) {
    return;
  }
  const MonoTime now = raw_now();
  std::array<uint32_t, kBatch> again{};
  size_t count = 0;
  for (size_t i = 0; i < static_cast<size_t>(n); ++i) {
    Stamp stamp;
    std::memcpy(&stamp, &rx_[i * kBuffer], sizeof(stamp));
    if (rx_messages_[i].msg_len != options_.bytes || stamp.slot >= socket.slots.size()) {
      ++result.wrong;
      continue;
    }
    const Slot& slot = socket.slots[stamp.slot];
    if (slot.round != stamp.round || slot.sent_ns != stamp.sent_ns) {
      ++result.wrong;  // late: counted as lost before
      continue;
    }
    ++result.answered;
    if (now >= counted_from_ && now < counted_to_) {
      result.latencies_ns.push_back(
          static_cast<uint32_t>(std::min<int64_t>(now.ns - slot.sent_ns, UINT32_MAX)));
    }
    again[count++] = stamp.slot;
  }
  send(socket, again.data(), count);
}

void Load::give_up_lost(LoadResult& result) {
  const int64_t limit = raw_now().ns - options_.lost_after.ns;
  for (Socket& socket : sockets_) {
    for (uint32_t s = 0; s < socket.slots.size(); ++s) {
      if (socket.slots[s].sent_ns < limit) {
        ++result.lost;
        send(socket, &s, 1);
      }
    }
  }
}

LoadResult Load::run() {
  LoadResult result;
  result.latencies_ns.reserve(4'000'000);
  for (Socket& socket : sockets_) {
    for (uint32_t s = 0; s < socket.slots.size(); ++s) {
      send(socket, &s, 1);
    }
  }
  const MonoTime start = raw_now();
  counted_from_ = start + options_.warm_up;
  counted_to_ = counted_from_ + options_.run;
  MonoTime next_sweep = start + options_.lost_after;
  std::array<epoll_event, kBatch> events{};
  for (MonoTime now = start; now < counted_to_; now = raw_now()) {
    const int n = epoll_wait(epoll_.get(), events.data(), kBatch, 10);
    for (size_t i = 0; n > 0 && i < static_cast<size_t>(n); ++i) {
      answers(sockets_[events[i].data.u32], result);
    }
    if (now >= next_sweep) {
      give_up_lost(result);
      next_sweep = now + options_.lost_after;
    }
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  result.client_cpu_us = (int64_t{usage.ru_utime.tv_sec} + usage.ru_stime.tv_sec) * 1'000'000 +
                         usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
  result.ran = counted_to_ - counted_from_;
  result.requests = result.latencies_ns.size();
  std::ranges::sort(result.latencies_ns);
  return result;
}

}  // namespace

double LoadResult::percentile_us(double p) const {
  if (latencies_ns.empty()) {
    return 0;
  }
  // Nearest rank: the smallest sample that at least p percent of all samples do not exceed.
  const auto rank = static_cast<size_t>(std::ceil(p / 100.0 * static_cast<double>(latencies_ns.size())));
  return latencies_ns[std::clamp<size_t>(rank, 1, latencies_ns.size()) - 1] / 1'000.0;
}

tl::expected<LoadResult, std::string> run_load(const LoadOptions& options) {
  if (options.bytes < sizeof(Stamp) || options.bytes > 1'452 || options.sockets == 0 ||
      options.sockets > 10'000 || options.outstanding == 0 || options.outstanding > 1'000'000) {
    return tl::unexpected(
        std::string("16 to 1452 bytes, 1 to 10000 sockets and 1 to 1000000 outstanding are possible"));
  }
  Load load(options);
  if (auto opened = load.open(); !opened) {
    return tl::unexpected(std::move(opened.error()));
  }
  LoadResult result = load.run();
  if (result.requests == 0) {
    return tl::unexpected("no answer from " + to_string(options.target) +
                          ": is the echo server running there?");
  }
  return result;
}

}  // namespace tercet::bench
