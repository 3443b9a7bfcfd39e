#pragma once
// [port], what only engine = "dpdk" needs: EAL's arguments, and what the kernel would otherwise know: this
// host's address with its network, routes, VLAN.

#include <optional>
#include <string>
#include <vector>

#include "base/toml.h"
#include "dataplane/port/announcer.h"
#include "wire/endpoint.h"

namespace tercet::control {

struct StaticRouteConfig {
  dataplane::Vip network;
  dataplane::IpAddress via{};
};

struct DpdkConfig {
  std::string eal;     ///< as for any DPDK program
  std::string device;  ///< empty: the only one
  bool offload = true;
  dataplane::Vip address;  ///< our own, with its network's prefix length
  std::optional<dataplane::IpAddress> gateway;
  std::vector<StaticRouteConfig> routes;
  uint16_t vlan = 0;  ///< 0: untagged
  bool answer_ping = true;
  std::string tap;  ///< empty: frames that are not Tercet's are dropped
  /// Set by the server that has some: hardware addresses beyond the device's own.
  std::vector<std::array<uint8_t, 6>> virtual_macs;
  /// Likewise: addresses that it may come to hold.
  std::vector<dataplane::Vip> virtual_ips;
};

/// "198.18.0.100/24" → address and prefix length. The error is one line.
tl::expected<dataplane::Vip, std::string> parse_network_address(const std::string& text);

/// What works, but hardly as it is meant; a line each, with what to do.
std::vector<std::string> warnings_of(const DpdkConfig& config);

/// Reads the keys; what is wrong is kept in `toml`. `own`: the address that [peers] gives this server.
/// `used`: the engine is dpdk, else the keys are checked and say nothing.
DpdkConfig read_dpdk_config(Toml& toml, const Endpoint& own, bool used);

}  // namespace tercet::control
