#pragma once
// Device: one DPDK port (ethdev), configured for a number of polling threads: a receive and a send queue
// each, and where the driver has one more, a send queue that only announcements and VRRP use, so that no
// query traffic can fill it. What the driver can take over (checksums, spreading by UDP 4-tuple) it takes
// over.
//
// Opened and closed by one thread; each queue belongs to its polling thread. Its buffers (mbufs) come from
// one pool a queue, sized so that it cannot run dry: rings, a burst received, a burst to be sent, what waits
// for a neighbour. Where the device's MTU is larger than they are, it may spread a frame over several.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "dataplane/net/ethernet.h"
#include "dataplane/port/device_counters.h"
#include "dataplane/port/dpdk/rx_interrupt.h"
#include "dataplane/port/socket.h"

struct rte_mempool;

namespace tercet::dataplane {

struct DeviceOptions {
  std::string name;             ///< as DPDK calls it ("0000:01:00.0", "net_af_packet0"); empty: the only one
  std::string arguments{};      ///< EAL's, which named the devices
  uint16_t queues = 1;          ///< polling threads
  bool offload = true;          ///< a switch: checksums by the device where it can
  bool vrrp = true;             ///< hears VRRP's group
  bool interrupts = false;      ///< its threads sleep: interrupts where the driver has them
  uint16_t receive_ring = 512;  ///< descriptors; small rings stay in the cache (DDIO)
  uint16_t send_ring = 512;
  std::vector<Mac> more_macs;  ///< virtual ones: added here, since that can take a second on some devices
  /// Called at the destructor's close() where buffers had not come home, with how many.
  std::function<void(size_t)> lost{};
};

class Device {
 public:
  /// After start_eal(). The error is one line with what to do.
  static tl::expected<std::shared_ptr<Device>, std::string> open(const DeviceOptions& options);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  [[nodiscard]] uint16_t id() const { return id_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& driver() const { return driver_; }
  [[nodiscard]] const Mac& mac() const { return mac_; }
  [[nodiscard]] uint16_t queues() const { return queues_; }
  [[nodiscard]] int numa_node() const { return numa_node_; }
  [[nodiscard]] rte_mempool* pool(uint16_t queue) const { return pools_[queue]; }
  /// The queue that announcements leave by; queue 0 where the driver has none to spare.
  [[nodiscard]] uint16_t control_queue() const { return control_queue_; }
  [[nodiscard]] bool has_control_queue() const { return control_queue_ != 0; }
  [[nodiscard]] bool ip_sum_out() const { return ip_sum_out_; }
  [[nodiscard]] bool udp_sum_out() const { return udp_sum_out_; }
  [[nodiscard]] bool sums_in() const { return sums_in_; }
  [[nodiscard]] bool spreads() const { return spreads_; }
  /// Most buffers that a frame of its MTU comes in.
  [[nodiscard]] size_t buffers_a_frame() const { return buffers_a_frame_; }
  /// A descriptor that is readable while queue `queue` has something, to sleep on; -1: the driver has none.
  /// Those that receive through one of this process (af_packet, af_xdp, tap) have that.
  [[nodiscard]] int descriptor(uint16_t queue) const {
    return queue < descriptors_.size() ? descriptors_[queue] : -1;
  }
  /// Else this, or null: then there is nothing to sleep on but the time. The polling thread's.
  [[nodiscard]] RxInterrupt* interrupt(uint16_t queue) const {
    return queue < interrupts_.size() ? interrupts_[queue].get() : nullptr;
  }
  /// That descriptor had an error: the interface under it went down. It is said until somebody takes it, and
  /// nobody could sleep on it.
  void take_error(uint16_t queue) const;
  /// The interface of the kernel that it stands on (af_packet, af_xdp); empty: none.
  [[nodiscard]] const std::string& interface() const { return interface_; }
  /// Any thread. As the driver knows it, or the kernel where the device stands on an interface of its.
  [[nodiscard]] bool link_up() const;
  /// By one thread, now and then: what the device lost, and how many buffers are left.
  void count(DeviceCounters& counters) const;
  /// Stops the device and gives it and its buffers back; no port uses it any more. Returns how many buffers
  /// had not come home: 0, or somebody lost them. The destructor does the same, and tells
  /// DeviceOptions::lost.
  size_t close();
  /// "net_af_packet0 (net_af_packet), 1 queue, checksums in software": for the log.
  [[nodiscard]] std::string describe() const;

  /// Names of all devices that EAL found.
  static std::vector<std::string> names();

 private:
  Device() = default;
  tl::expected<void, std::string> configure(const DeviceOptions& options);
  tl::expected<void, std::string> make_pools();
  tl::expected<void, std::string> set_up_queues();
  void accept_addresses(const DeviceOptions& options);
  [[nodiscard]] tl::unexpected<std::string> refuses(const std::string& what, int error) const;
  void find_descriptors();
  void open_interrupts();

  uint16_t id_ = 0;
  std::string name_;
  std::string driver_;
  std::string interface_;  ///< of the kernel, below drivers that use one …
  unsigned index_ = 0;     ///< … and its index
  size_t log_mark_ = 0;    ///< what DPDK said since is about this device
  Mac mac_{};
  uint16_t queues_ = 1;
  uint16_t receive_ring_ = 0;
  uint16_t send_ring_ = 0;
  int numa_node_ = -1;
  uint16_t control_queue_ = 0;
  bool ip_sum_out_ = false;
  bool udp_sum_out_ = false;
  bool sums_in_ = false;
  bool spreads_ = false;
  size_t buffers_a_frame_ = 1;
  bool interrupts_wanted_ = false;
  bool started_ = false;
  bool closed_ = false;
  std::function<void(size_t)> lost_;
  std::vector<rte_mempool*> pools_;
  std::vector<int> descriptors_;  ///< the driver's own, in the order of its queues
  std::vector<std::unique_ptr<RxInterrupt>> interrupts_;
  OwnedFd memberships_;
};

}  // namespace tercet::dataplane
