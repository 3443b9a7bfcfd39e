#include "control/engines/dpdk.h"

#include <spdlog/spdlog.h>

#include "dataplane/port/dpdk/dpdk_engine.h"
#include "dataplane/port/dpdk/kernel_interface.h"
#include "wire/seal/key_file.h"

namespace tercet::control {
namespace {

dataplane::DpdkOptions options_of(const ServerConfig& config) {
  const DpdkConfig& dpdk = config.dpdk;
  dataplane::DpdkOptions options;
  // Of this server alone: several cells, and several servers of one, may share a host.
  options.eal = {dpdk.eal, "tercet-" + seal::text_of(config.cell).substr(0, 8) + "-" + name_of(config.self)};
  options.device = dpdk.device;
  options.offload = dpdk.offload;
  options.own = dpdk.address;
  options.vlan = dpdk.vlan;
  if (dpdk.gateway) {
    options.gateway = dataplane::ipv4_of(*dpdk.gateway);
  }
  for (const StaticRouteConfig& route : dpdk.routes) {
    options.routes.push_back({dataplane::ipv4_of(route.network.address), route.network.prefix_length,
                              dataplane::ipv4_of(route.via)});
  }
  options.answer_ping = dpdk.answer_ping;
  options.vrrp = is_lb(config.self);
  options.tap = dpdk.tap;
  options.virtual_macs = dpdk.virtual_macs;
  options.buffers_lost = [](size_t lost) {
    spdlog::error("{} packet buffers are lost: a defect of tercet's, or of the driver's: report it", lost);
  };
  return options;
}

/// "CPU 0-3, 7".
std::string cpus_text(const std::vector<int>& cpus) {
  std::string text;
  for (size_t i = 0; i < cpus.size();) {
    size_t last = i;
    while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) {
      ++last;
    }
    text += (text.empty() ? "CPU " : ", ") + std::to_string(cpus[i]);
    text += last == i ? "" : "-" + std::to_string(cpus[last]);
    i = last + 1;
  }
  return text;
}

/// What was found of the machine, for the log and --check.
std::string found_text(const dataplane::Device& device, size_t threads) {
  std::string text = dataplane::has_huge_pages() ? "memory in huge pages" : "memory without huge pages";
  if (device.numa_node() >= 0) {
    text += ", the device on NUMA node " + std::to_string(device.numa_node());
  }
  for (size_t thread = 0; thread < threads; ++thread) {
    text +=
        ", thread " + std::to_string(thread) + " on " + cpus_text(dataplane::cpus_of_polling_thread(thread));
  }
  return text;
}

/// The quorum thread comes after those that receive: its lcore is the next one.
void place_quorum(size_t threads, OpenedPorts& opened) {
  opened.rest_cpus = dataplane::cpus_of_polling_thread(threads);
  const size_t lcores = dataplane::polling_lcores();
  if (lcores == threads && dataplane::has_polling_lcores()) {
    opened.warnings.push_back("the quorum thread shares " + cpus_text(opened.rest_cpus) +
                              " with the control threads, as port.eal has no lcore left for it: give it one "
                              "more (-l)");
  }
}

void warn_of_link(const dataplane::Device& device, OpenedPorts& opened) {
  if (device.link_up()) {
    return;
  }
  const std::string& interface = device.interface();
  if (interface.empty()) {
    opened.warnings.push_back(device.name() + " has no link: is the cable in, and the other side up?");
  } else if (!dataplane::kernel_set_up(interface)) {
    opened.warnings.push_back(interface + ", on which " + device.name() +
                              " stands, is down: set it up (ip link set " + interface + " up)");
  } else {
    opened.warnings.push_back(interface + ", on which " + device.name() +
                              " stands, has no link: is the cable in, and the other side up?");
  }
}

/// With af_xdp the driver reads only as many of the interface's queues as there are threads. A NIC (a PCI
/// address) that cannot tell UDP flows apart gives all to one; virtio's host tells them apart itself.
void warn_of_queues(const dataplane::Device& device, size_t threads, OpenedPorts& opened) {
  const bool nic = device.name().find(':') != std::string::npos && device.driver() != "net_virtio";
  if (threads > 1 && nic && !device.spreads()) {
    opened.warnings.push_back(device.name() + " (" + device.driver() +
                              ") cannot spread datagrams by their UDP ports: all come to the first steering "
                              "thread: set port.steering_threads = 1");
  }
  const size_t queues =
      device.driver() == "net_af_xdp" ? dataplane::kernel_receive_queues(device.interface()) : threads;
  if (queues > threads) {
    opened.warnings.push_back(device.interface() + " spreads what comes over " + std::to_string(queues) +
                              " queues, of which " + std::to_string(threads) +
                              " are read here; the kernel gets the rest: ethtool -L " + device.interface() +
                              " combined " + std::to_string(threads));
  }
}

}  // namespace

tl::expected<OpenedPorts, std::string> open_dpdk_ports(const ServerConfig& config,
                                                       std::span<const dataplane::PortOptions> threads) {
  auto network = dataplane::open_dpdk(options_of(config), threads.front(), threads.size());
  if (!network) {
    return tl::unexpected(network.error());
  }
  OpenedPorts opened;
  opened.ports = std::move(network->ports);
  opened.path = network->control;
  opened.warnings = warnings_of(config.dpdk);
  const int device_node = network->device->numa_node();
  for (size_t thread = 0; thread < threads.size(); ++thread) {
    const int thread_node = dataplane::numa_node_of_polling_thread(thread);
    if (device_node >= 0 && thread_node >= 0 && device_node != thread_node) {
      opened.warnings.push_back(
          network->device->name() + " is on NUMA node " + std::to_string(device_node) +
          " and polling thread " + std::to_string(thread) + " on node " + std::to_string(thread_node) +
          ": every buffer crosses between them; give it lcores of its node (-l in port.eal)");
    }
  }
  if (config.steering_threads != 0) {
    place_quorum(threads.size(), opened);
  }
  warn_of_link(*network->device, opened);
  warn_of_queues(*network->device, threads.size(), opened);
  opened.why = "engine dpdk (as configured), " + network->device->describe() + ", " +
               found_text(*network->device, threads.size());
  return opened;
}

}  // namespace tercet::control
