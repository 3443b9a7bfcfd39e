#pragma once
// FarEnd: what stands at the other end of the LB's cable: two rings in memory that its DPDK device (net_ring)
// receives from and sends to. Frames are put in and taken out here, outside of what is timed. One thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "base/bytes.h"
#include "dataplane/port/dpdk/device.h"

struct rte_ring;

namespace tercet::bench {

class FarEnd {
 public:
  /// Starts EAL (once in a process) and makes the device. The error is one line.
  static tl::expected<std::unique_ptr<FarEnd>, std::string> open(const std::string& eal_arguments);
  ~FarEnd();
  FarEnd(const FarEnd&) = delete;
  FarEnd& operator=(const FarEnd&) = delete;

  [[nodiscard]] const std::shared_ptr<dataplane::Device>& device() const { return device_; }
  /// Puts a copy of `frame` into a buffer of the device's and that into the receive ring. `summed`: marked as
  /// a device does that has verified the checksums.
  void deliver(Bytes frame, bool summed);
  /// Hands over what the LB has sent; returns how many frames.
  size_t take(const std::function<void(MutBytes frame)>& frame);

 private:
  FarEnd() = default;
  rte_ring* to_lb_ = nullptr;
  rte_ring* from_lb_ = nullptr;
  std::shared_ptr<dataplane::Device> device_;
};

}  // namespace tercet::bench
