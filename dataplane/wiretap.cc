#include "dataplane/wiretap.h"

#include <algorithm>
#include <ctime>

namespace tercet::dataplane {

Wiretap::Wiretap(std::vector<LaneOptions> lanes, size_t waiting_max, NowNs now)
    : lanes_(std::move(lanes)), waiting_max_(waiting_max), now_(now) {}

Wiretap::~Wiretap() = default;

Wiretap& Wiretap::nobody() {
  static Wiretap nobody({}, 1);
  return nobody;
}

int64_t Wiretap::wall_clock_ns() {
  timespec t{};
  clock_gettime(CLOCK_REALTIME, &t);  // through the vDSO: no system call
  return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

void Wiretap::received(const RxBurst& burst) {
  Link<Captured>* link = open_.load(std::memory_order_acquire);
  if (link == nullptr || burst.datagrams.empty()) {
    return;
  }
  next_.wall_ns = now_();
  for (const RxDatagram& datagram : burst.datagrams) {
    if (datagram.lane < lanes_.size()) {
      copy(*link, datagram.bytes, datagram.from, lanes_[datagram.lane].local);
    }
  }
}

void Wiretap::sent(const TxBurst& burst) {
  Link<Captured>* link = open_.load(std::memory_order_acquire);
  if (link == nullptr || burst.empty()) {
    return;
  }
  next_.wall_ns = now_();
  for (const TxDatagram& datagram : burst.datagrams()) {
    if (datagram.lane < lanes_.size()) {
      const LaneOptions& lane = lanes_[datagram.lane];
      copy(*link, {datagram.data, datagram.size}, lane.local, lane.connected() ? lane.remote : datagram.to);
    }
  }
}

void Wiretap::copy(Link<Captured>& link, Bytes datagram, const Endpoint& from, const Endpoint& to) {
  next_.from = from;
  next_.to = to;
  next_.size = static_cast<uint16_t>(std::min(datagram.size(), kDatagramMax));
  if (next_.size != 0) {
    std::memcpy(next_.bytes.data(), datagram.data(), next_.size);
  }
  if (link.push(next_)) {
    counters_.taken.add();
  } else {
    counters_.lost.add();
  }
}

void Wiretap::start() {
  if (!link_) {
    link_ = std::make_unique<Link<Captured>>(waiting_max_);
  }
  // What came in behind the last take() of the capture before.
  Captured old;
  while (link_->pop({&old, 1}) != 0) {
  }
  open_.store(link_.get(), std::memory_order_release);
}

void Wiretap::stop() { open_.store(nullptr, std::memory_order_release); }

size_t Wiretap::take(std::span<Captured> out) { return link_ ? link_->pop(out) : 0; }

}  // namespace tercet::dataplane
