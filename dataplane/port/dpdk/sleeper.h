#pragma once
// Sleeper: how the thread of one queue waits when there is nothing to do. After traffic it first gives way
// and looks again. Then it sleeps: on the device's descriptor or its interrupt where the driver has one, else
// by time, ever longer, up to what a datagram that comes out of the blue may wait.

#include <memory>

#include "base/fixed.h"
#include "base/time.h"
#include "dataplane/port/dpdk/device.h"

namespace tercet::dataplane {

class Sleeper {
 public:
  /// `spin`: how long after traffic it only gives way; < 0: what suits the device.
  Sleeper(std::shared_ptr<Device> device, uint16_t queue, Duration spin);

  /// `fd` ends a sleep, too.
  void watch(int fd);
  /// Frames came: until the queue is empty again nobody needs to be told of more.
  void came() {
    if (interrupt_ != nullptr && interrupt_->armed()) {
      interrupt_->disarm();
    }
  }
  /// Some of them were datagrams.
  void traffic(MonoTime now) { traffic_at_ = now; }
  /// So soon after traffic nobody sleeps: the core was offered to others instead. `turn`: when that began.
  bool gives_way(MonoTime turn);
  /// Until something may have come, a watched descriptor is readable, or `until`. Returns whether it slept.
  bool wait(MonoTime now, MonoTime until);

 private:
  static constexpr Duration kSleepMin = microseconds(20);
  static constexpr size_t kWatchedMax = 4;

  std::shared_ptr<Device> device_;
  uint16_t queue_;
  RxInterrupt* interrupt_;       ///< the device's, or null
  bool has_descriptor_ = false;  ///< it, or the device's own, is the first of those that are watched
  Duration yield_;
  MonoTime traffic_at_;
  Duration sleep_ = kSleepMin;
  FixedVector<int, kWatchedMax> watched_;
};

}  // namespace tercet::dataplane
