#include "dataplane/port/dpdk/sleeper.h"

#include <poll.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "dataplane/port/socket.h"

namespace tercet::dataplane {
namespace {

constexpr Duration kYieldFor = microseconds(50);
constexpr Duration kSleepMax = microseconds(500);
constexpr Duration kControlWait = milliseconds(5);  // the control thread's orders ring no bell

}  // namespace

Sleeper::Sleeper(std::shared_ptr<Device> device, uint16_t queue, Duration spin)
    : device_(std::move(device)), queue_(queue), interrupt_(device_->interrupt(queue)) {
  const int fd = interrupt_ != nullptr ? interrupt_->descriptor() : device_->descriptor(queue_);
  has_descriptor_ = fd >= 0;
  if (has_descriptor_) {
    watched_.push_back(fd);
  }
  // With a descriptor it sleeps as cheaply as the kernel engines do.
  yield_ = spin.ns >= 0 ? spin : has_descriptor_ ? default_spin() : kYieldFor;
}

void Sleeper::watch(int fd) { TERCET_CHECK(watched_.try_push(fd), "a port watches a few descriptors"); }

bool Sleeper::gives_way(MonoTime turn) {
  if (turn >= traffic_at_ + yield_) {
    return false;
  }
  sleep_ = kSleepMin;
  sched_yield();
  return true;
}

bool Sleeper::wait(MonoTime now, MonoTime until) {
  bool rings = has_descriptor_;
  if (interrupt_ != nullptr && !interrupt_->armed()) {
    rings = interrupt_->arm();
    if (rings) {
      return false;  // to look once more: of what came before nothing rings
    }
  }
  std::array<pollfd, kWatchedMax> set;
  for (size_t i = 0; i < watched_.size(); ++i) {
    set[i] = {.fd = watched_[i], .events = POLLIN, .revents = 0};
  }
  int64_t ns = std::min((until - now).ns, kControlWait.ns);
  if (!rings) {
    ns = std::min(ns, sleep_.ns);
    sleep_ = std::min(sleep_ + sleep_, kSleepMax);
  }
  const timespec timeout{0, ns};
  if (ppoll(set.data(), watched_.size(), &timeout, nullptr) <= 0 || !has_descriptor_) {
    return true;
  }
  if (interrupt_ != nullptr && set[0].revents != 0) {
    interrupt_->disarm();
  } else if ((set[0].revents & POLLERR) != 0) {
    device_->take_error(queue_);
  }
  return true;
}

}  // namespace tercet::dataplane
