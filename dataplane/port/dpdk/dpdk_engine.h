#pragma once
// Opens the DPDK engine: EAL, the device, and a Port for each polling thread.

#include <functional>
#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "dataplane/port/control_path.h"
#include "dataplane/port/dpdk/device.h"
#include "dataplane/port/dpdk/eal.h"
#include "dataplane/port/dpdk/stack.h"
#include "dataplane/port/port.h"

namespace tercet::dataplane {

struct DpdkOptions {
  EalOptions eal;
  std::string device;  ///< DeviceOptions::name
  bool offload = true;
  Vip own;  ///< our own address and its network: there is no kernel that knows
  uint16_t vlan = 0;
  std::optional<Ipv4> gateway;
  std::vector<StaticRoute> routes;
  size_t neighbours = 4096;
  bool answer_ping = true;
  bool vrrp = true;  ///< hears adverts (load balancers); else they are what any group's packets are
  std::vector<Mac> virtual_macs;
  std::string tap;  ///< name of the tap that exceptions go to; empty: they are dropped
  std::function<void(size_t)> buffers_lost{};  ///< DeviceOptions::lost
};

struct DpdkNetwork {
  std::shared_ptr<Device> device;
  std::shared_ptr<ControlPath> control;
  std::vector<std::unique_ptr<Port>> ports;  ///< [polling thread]
};

/// `lanes` of all ports are the same; which queue a datagram comes to, the device decides. The error is one
/// line with what to do.
tl::expected<DpdkNetwork, std::string> open_dpdk(const DpdkOptions& options, const PortOptions& lanes,
                                                 size_t threads);

}  // namespace tercet::dataplane
