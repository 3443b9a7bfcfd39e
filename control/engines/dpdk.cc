#include "control/engines/dpdk.h"

#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "dataplane/port/dpdk/dpdk_engine.h"
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
  options.tap = dpdk.tap;
  options.virtual_macs = dpdk.virtual_macs;
  return options;
}

/// Free huge pages of all sizes.
size_t free_huge_pages() {
  size_t sum = 0;
  std::error_code error;
  for (const auto& size : std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", error)) {
    if (const auto text = read_file((size.path() / "free_hugepages").string(), 64)) {
      sum += std::strtoull(text->c_str(), nullptr, 10);
    }
  }
  return sum;
}

}  // namespace

tl::expected<OpenedPorts, std::string> open_dpdk_ports(const ServerConfig& config,
                                                       std::span<const dataplane::PortOptions> threads) {
  if (dataplane::wants_huge_pages(config.dpdk.eal) && free_huge_pages() == 0) {  // EAL's words say less
    return tl::unexpected(std::string(
        "no huge pages are free: reserve some (sysctl vm.nr_hugepages=256), or add --no-huge -m 64 to "
        "port.eal"));
  }
  auto network = dataplane::open_dpdk(options_of(config), threads.front(), threads.size());
  if (!network) {
    return tl::unexpected(network.error());
  }
  OpenedPorts opened;
  opened.ports = std::move(network->ports);
  opened.path = network->control;
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
  if (!network->device->link_up()) {
    opened.warnings.push_back(network->device->name() +
                              " has no link: is the cable in, and the other side up?");
  }
  opened.why = "engine dpdk (as configured), " + network->device->describe();
  return opened;
}

}  // namespace tercet::control
