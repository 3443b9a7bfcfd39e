#include "control/dpdk_config.h"

#include <algorithm>
#include <charconv>

#include "dataplane/net/ip.h"

namespace tercet::control {
namespace {

/// "198.18.1.0/24 via 198.18.0.254".
tl::expected<StaticRouteConfig, std::string> parse_route(const std::string& text) {
  constexpr std::string_view kVia = " via ";
  const size_t via = text.find(kVia);
  if (via == std::string::npos) {
    return tl::unexpected(
        text + " is no route: write NETWORK/LENGTH via ADDRESS, as in 198.18.1.0/24 via 198.18.0.254");
  }
  const auto network = parse_network_address(text.substr(0, via));
  const auto next = parse_address(text.substr(via + kVia.size()));
  if (!network || !next) {
    return tl::unexpected(!network ? network.error() : next.error());
  }
  if (!next->is_v4()) {
    return tl::unexpected(text + ": the next hop is an IPv6 address: routes are IPv4 in this version");
  }
  return StaticRouteConfig{*network, next->address};
}

void read_address(Toml& toml, const Endpoint& own, bool used, DpdkConfig& config) {
  const std::string text = toml.text("port.address");
  if (text.empty()) {
    if (used) {
      toml.refuse(
          "port.address",
          "is missing: under DPDK no kernel knows this host's network: write its address with the prefix "
          "length, as in 198.18.0.1/24");
    }
    return;
  }
  const auto address = parse_network_address(text);
  if (!address) {
    toml.refuse("port.address", address.error());
  } else if (used && address->address != own.address) {
    toml.refuse("port.address", text + " is not the address that [peers] gives this server, " +
                                    address_text(own) + ": write that one, with its prefix length");
  } else {
    config.address = *address;
  }
}

bool is_in(const dataplane::IpAddress& address, const dataplane::Vip& network) {
  const uint32_t apart =
      dataplane::number(dataplane::ipv4_of(address)) ^ dataplane::number(dataplane::ipv4_of(network.address));
  return apart >> (32U - network.prefix_length) == 0;  // the prefix has one bit at least
}

}  // namespace

std::vector<std::string> warnings_of(const DpdkConfig& config) {
  std::vector<std::string> warnings;
  for (const dataplane::Vip& vip : config.virtual_ips) {
    const bool routed = std::ranges::any_of(
        config.routes, [&vip](const StaticRouteConfig& route) { return is_in(vip.address, route.network); });
    if (!routed && !config.gateway && !is_in(vip.address, config.address)) {
      warnings.push_back(address_text({vip.address, 0}) +
                         " is in no network that port.address, port.routes or port.gateway lead to: clients "
                         "there get no answer: add a route, or correct clients.virtual_ips");
    }
  }
  return warnings;
}

tl::expected<dataplane::Vip, std::string> parse_network_address(const std::string& text) {
  const size_t slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) {
    return tl::unexpected(address.error());
  }
  if (!address->is_v4()) {
    return tl::unexpected(text + " is an IPv6 address: here addresses are IPv4 in this version");
  }
  unsigned length = 0;
  const std::string digits = slash == std::string::npos ? "" : text.substr(slash + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (error != std::errc{} || end != digits.data() + digits.size() || length < 1 || length > 32) {
    return tl::unexpected(text + " has no prefix length that fits: write it as in 198.18.0.100/24");
  }
  return dataplane::Vip{address->address, static_cast<uint8_t>(length)};
}

DpdkConfig read_dpdk_config(Toml& toml, const Endpoint& own, bool used) {
  DpdkConfig config;
  config.eal = toml.text("port.eal");
  config.device = toml.text("port.device");
  config.offload = toml.boolean("port.offload", config.offload);
  config.answer_ping = toml.boolean("port.answer_ping", config.answer_ping);
  if (toml.one_of("port.exception", "none", {"none", "tap"}) == "tap") {
    config.tap = toml.text("port.tap", "tercet0");
    if (config.tap.empty() || config.tap.size() > 15) {
      toml.refuse("port.tap", "is no name of a device: write 1 to 15 characters, as in tercet0");
    }
  } else {
    toml.text("port.tap");
  }
  config.vlan = static_cast<uint16_t>(toml.integer("port.vlan", 0, 0, 4094));
  read_address(toml, own, used, config);
  if (const std::string text = toml.text("port.gateway"); !text.empty()) {
    const auto gateway = parse_address(text);
    if (!gateway || !gateway->is_v4()) {
      toml.refuse("port.gateway",
                  gateway ? text + " is an IPv6 address: write an IPv4 one" : gateway.error());
    } else {
      config.gateway = gateway->address;
    }
  }
  for (const std::string& text : toml.texts("port.routes")) {
    if (auto route = parse_route(text)) {
      config.routes.push_back(*route);
    } else {
      toml.refuse("port.routes", route.error());
    }
  }
  return config;
}

}  // namespace tercet::control
