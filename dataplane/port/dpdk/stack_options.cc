// What a stack can be asked for, and what to change when it cannot.

#include <algorithm>
#include <string>

#include "dataplane/port/dpdk/stack.h"

namespace tercet::dataplane {
namespace {

constexpr size_t kNeighboursMax = 1U << 20U;
constexpr uint16_t kVlanMax = 4094;

std::string text(const Ipv4& address) { return address_text(endpoint_of(address, 0)); }

tl::unexpected<std::string> refuse(std::string why) { return tl::unexpected(std::move(why)); }

/// Why nobody could be reached through `via`; empty: it can.
std::string not_a_gateway(const Ipv4& via, const Ipv4& own, const RouteTable& network,
                          uint8_t prefix_length) {
  if (!is_host(via) || network.is_directed_broadcast(via)) {
    return text(via) + " is not the address of a host";
  }
  if (via == own) {
    return text(via) + " is our own address";
  }
  // A host with a /32, as some clouds give, has no network: its gateway is taken to be on the link.
  if (prefix_length < 32 && !network.in_own_network(via)) {
    return text(via) + " is not on our link (" + text(own) + "/" + std::to_string(prefix_length) +
           "): give a router of that network";
  }
  return {};
}

std::string refuse_lane(const LaneOptions& lane, const Ipv4& own, const RouteTable& routes) {
  if (!lane.local.is_v4() || (lane.connected() && !lane.remote.is_v4())) {
    return "IPv6 is not there yet on this engine: give IPv4 addresses, or use another engine";
  }
  const Ipv4 local = ipv4_of(lane.local.address);
  if (local != Ipv4{} && !is_host(local)) {
    return text(local) + " cannot be an address of ours";
  }
  if (lane.local.port == 0) {
    return "no kernel is there to choose a port: give one";
  }
  if (!lane.connected()) {
    return {};
  }
  const Ipv4 remote = ipv4_of(lane.remote.address);
  if (!is_host(remote) || routes.is_directed_broadcast(remote)) {
    return text(remote) + " is not the address of a host";
  }
  if (remote == own || remote == local) {
    return text(remote) + " is our own address, and there is no loopback on this engine";
  }
  if (routes.find(remote) == kNowhere) {
    return "no way leads to " + text(remote) +
           ": it is not in our network, and there is neither a route nor a gateway";
  }
  return {};
}

}  // namespace

tl::expected<void, std::string> check_options(const StackOptions& options) {
  if (!is_station(options.mac)) {
    return refuse("the interface's MAC is a group's or zero: give it one that a station can have");
  }
  if (options.vlan > kVlanMax) {
    return refuse("VLAN " + std::to_string(options.vlan) + ": give 1 to 4094, or 0 for untagged");
  }
  if (!Endpoint{options.own.address, 0}.is_v4()) {
    return refuse(address_text({options.own.address, 0}) + ": IPv6 is not there yet on this engine");
  }
  const Ipv4 own = ipv4_of(options.own.address);
  const uint8_t length = options.own.prefix_length;
  if (length < 1 || length > 32) {
    return refuse("our own address needs the length of its network, 1 to 32: " + text(own) + "/24");
  }
  RouteTable routes(own, length);
  if (!is_host(own) || routes.is_directed_broadcast(own)) {
    return refuse(text(own) + "/" + std::to_string(length) + " cannot be a host's own address");
  }
  for (const StaticRoute& route : options.routes) {
    const std::string name = "route to " + text(route.network) + "/" + std::to_string(route.prefix_length);
    if (route.prefix_length > 32) {
      return refuse(name + ": give a length of 0 to 32");
    }
    if (const std::string why = not_a_gateway(route.via, own, routes, length); !why.empty()) {
      return refuse(name + ": " + why);
    }
  }
  if (options.gateway) {
    if (const std::string why = not_a_gateway(*options.gateway, own, routes, length); !why.empty()) {
      return refuse("gateway: " + why);
    }
    routes.add({{}, 0, *options.gateway});
  }
  for (const StaticRoute& route : options.routes) {
    routes.add(route);
  }
  if (options.neighbours == 0 || options.neighbours > kNeighboursMax) {
    return refuse("neighbours: give 1 to " + std::to_string(kNeighboursMax));
  }
  if (options.lanes.size() > kLanesMax) {
    return refuse("more than " + std::to_string(kLanesMax) + " lanes");
  }
  for (size_t i = 0; i < options.lanes.size(); ++i) {
    const LaneOptions& lane = options.lanes[i];
    std::string name = "lane " + std::to_string(i) + " at " + to_string(lane.local) + ": ";
    if (const std::string why = refuse_lane(lane, own, routes); !why.empty()) {
      return refuse(name + why);
    }
    const auto same = [&](const LaneOptions& other) {
      return other.local == lane.local && other.connected() == lane.connected() &&
             (!lane.connected() || other.remote == lane.remote);
    };
    if (std::any_of(options.lanes.begin(), options.lanes.begin() + static_cast<ptrdiff_t>(i), same)) {
      return refuse(name + "another lane is there already");
    }
  }
  return {};
}

}  // namespace tercet::dataplane
