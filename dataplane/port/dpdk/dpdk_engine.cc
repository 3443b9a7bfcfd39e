#include "dataplane/port/dpdk/dpdk_engine.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "dataplane/port/dpdk/dpdk_port.h"
#include "dataplane/port/dpdk/kernel_interface.h"

namespace tercet::dataplane {
namespace {

StackOptions stack_of(const DpdkOptions& options, const PortOptions& lanes, const Device& device) {
  StackOptions stack;
  stack.mac = device.mac();
  stack.vlan = options.vlan;
  stack.own = options.own;
  stack.gateway = options.gateway;
  stack.routes = options.routes;
  stack.lanes = lanes.lanes;
  stack.neighbours = options.neighbours;
  stack.answer_ping = options.answer_ping;
  stack.vrrp = options.vrrp;
  stack.ip_sum_out = device.ip_sum_out();
  stack.udp_sum_out = device.udp_sum_out();
  // Their frames may come from a kernel of this very host, or from a virtual machine on it, which leaves the
  // sum to a device that never comes.
  constexpr auto kNoWire = std::to_array<std::string_view>(
      {"net_af_packet", "net_af_xdp", "net_tap", "net_virtio", "net_virtio_user", "net_vhost"});
  stack.unfinished_sums_in = std::ranges::find(kNoWire, device.driver()) != kNoWire.end();
  return stack;
}

}  // namespace

tl::expected<DpdkNetwork, std::string> open_dpdk(const DpdkOptions& options, const PortOptions& lanes,
                                                 size_t threads) {
  for (const KernelDevice& kernel : kernel_devices(options.eal.arguments)) {
    if (auto usable = may_use(kernel); !usable) {
      return tl::unexpected(usable.error());
    }
  }
  if (auto started = start_eal(options.eal); !started) {
    return tl::unexpected(started.error());
  }
  if (threads > polling_lcores() && has_polling_lcores()) {
    return tl::unexpected("port.eal leaves " + std::to_string(polling_lcores()) + " lcores for " +
                          std::to_string(threads) +
                          " polling threads (the first one is for the control thread): give it more (-l)");
  }
  auto device = Device::open({.name = options.device,
                              .arguments = options.eal.arguments,
                              .queues = static_cast<uint16_t>(threads),
                              .offload = options.offload,
                              .vrrp = options.vrrp,
                              .interrupts = lanes.poll == PollMode::adaptive,
                              .more_macs = options.virtual_macs,
                              .lost = options.buffers_lost});
  if (!device) {
    return tl::unexpected(device.error());
  }
  const DeviceLook look{
      .link_up = [device = *device] { return device->link_up(); },
      .count = [device = *device](DeviceCounters& counters) { device->count(counters); },
      .kernel_tells = !(*device)->interface().empty(),
  };
  DpdkNetwork network{*device, std::make_shared<ControlPath>(threads, look), {}};
  const StackOptions stack = stack_of(options, lanes, *network.device);
  if (auto sound = check_options(stack); !sound) {
    return tl::unexpected(sound.error());
  }
  std::shared_ptr<Tap> tap;
  if (!options.tap.empty()) {
    auto opened = Tap::open({.name = options.tap,
                             .mac = network.device->mac(),
                             .own = options.own,
                             .gateway = options.gateway,
                             .routes = options.routes,
                             .vlan = options.vlan,
                             .threads = threads,
                             .unfinished_sums = stack.unfinished_sums_in});
    if (!opened) {
      return tl::unexpected(opened.error());
    }
    tap = std::move(*opened);
  }
  for (size_t i = 0; i < threads; ++i) {
    network.ports.push_back(make_dpdk_port({.device = network.device,
                                            .control = network.control,
                                            .queue = static_cast<uint16_t>(i),
                                            .poll = lanes.poll,
                                            .spin = lanes.spin,
                                            .tap = tap,
                                            .stack = stack}));
  }
  return network;
}

}  // namespace tercet::dataplane
