#include "control/lb/lb_config.h"

#include "wire/entry.h"
#include "wire/seal/signing.h"

namespace tercet::control {
namespace {

void read_clients(Toml& toml, LbConfig& config) {
  for (const std::string& text : toml.texts("clients.virtual_ips")) {
    const auto vip = parse_network_address(text);
    if (!vip) {
      toml.refuse("clients.virtual_ips", vip.error());
    } else if (!config.vips.try_push(*vip)) {
      toml.refuse("clients.virtual_ips",
                  "more than " + std::to_string(dataplane::kVipsMax) + " addresses: remove some");
      break;
    }
  }
  if (config.vips.empty() && toml.texts("clients.virtual_ips").empty()) {
    toml.refuse("clients.virtual_ips",
                "names no address: write the cell's virtual IP, as in [\"198.18.0.100/24\"]");
  }
  config.server.dpdk.virtual_ips.assign(config.vips.begin(), config.vips.end());
  config.client_port = static_cast<uint16_t>(toml.integer("clients.port", config.client_port, 1, 65535));
  dataplane::OrderOptions& order = config.order;
  order.in_flight = static_cast<size_t>(
      toml.integer("clients.in_flight", static_cast<int64_t>(order.in_flight), 64, 1 << 20));
  config.key_cache = static_cast<size_t>(
      toml.integer("clients.key_cache", static_cast<int64_t>(config.key_cache), 64, 1 << 20));
  order.lease_min_ms = static_cast<uint32_t>(
      toml.duration("clients.lease_min", milliseconds(order.lease_min_ms), seconds(1), seconds(86'400)).ms());
  order.lease_max_ms = static_cast<uint32_t>(
      toml.duration("clients.lease_max", milliseconds(order.lease_max_ms), seconds(1), seconds(86'400)).ms());
  if (order.lease_min_ms > order.lease_max_ms) {
    toml.refuse("clients.lease_min", "is above clients.lease_max: lower it");
  }
}

void read_failover(Toml& toml, LbConfig& config) {
  toml.one_of("failover.driver", "tercet", {"tercet"});
  config.interface = toml.text("failover.interface", config.interface);
  if (config.interface.empty()) {
    toml.refuse("failover.interface", "is empty: name the network interface of the virtual IP");
  }
  failover::VrrpOptions& vrrp = config.vrrp;
  vrrp.vrid = static_cast<uint8_t>(toml.integer("failover.vrid", vrrp.vrid, 1, 255));
  vrrp.priority = static_cast<uint8_t>(toml.integer("failover.priority", vrrp.priority, 1, 254));
  vrrp.interval =
      toml.duration("failover.advert_interval", vrrp.interval, milliseconds(10), milliseconds(40'950));
  vrrp.preempt = toml.boolean("failover.preempt", vrrp.preempt);
  config.virtual_mac = toml.boolean("failover.virtual_mac", false);
  if (config.virtual_mac && config.server.engine != Engine::dpdk) {
    toml.refuse("failover.virtual_mac",
                "needs port.engine = \"dpdk\": a kernel's interface keeps its own address");
  } else if (config.virtual_mac) {
    config.server.dpdk.virtual_macs.push_back({0x00, 0x00, 0x5E, 0x00, 0x01, vrrp.vrid});
  }
  if (const char* problem = failover::problem_of(vrrp); problem != nullptr) {
    toml.refuse("failover.advert_interval", problem);
  }
  for (const std::string& text : toml.texts("failover.unicast_peers")) {
    if (const auto address = parse_address(text); address && address->is_v4()) {
      config.unicast_peers.push_back(address->address);
    } else {
      toml.refuse("failover.unicast_peers",
                  address ? text + " is an IPv6 address: write IPv4 ones" : address.error());
    }
  }
  failover::PromotionOptions& promotion = config.promotion;
  promotion.garp_repeat =
      static_cast<uint8_t>(toml.integer("failover.garp_repeat", promotion.garp_repeat, 1, 100));
  promotion.garp_refresh =
      toml.duration("failover.garp_refresh", promotion.garp_refresh, {}, seconds(86'400));
  config.heartbeat = toml.duration("failover.heartbeat", config.heartbeat, milliseconds(1), seconds(1));
  config.on_active = toml.text("failover.on_active");
  config.on_standby = toml.text("failover.on_standby");
}

tl::expected<LbConfig, std::string> read(Toml& toml) {
  LbConfig config;
  config.server = read_server_config(toml, true, 8220);
  config.checkpoint_every = static_cast<uint64_t>(toml.integer(
      "cell.checkpoint_every", static_cast<int64_t>(config.checkpoint_every), 1000, 100'000'000));
  config.rounds = toml.one_of("port.rounds", "adaptive", {"adaptive", "off"}) == "adaptive";
  for (const std::string& text : toml.texts("cell.issuers")) {
    if (const auto key = seal::parse_public_key(text)) {
      config.issuers.push_back(key->bytes);
    } else {
      toml.refuse("cell.issuers", key.error());
    }
  }
  if (config.issuers.size() > kGenesisIssuersMax) {
    toml.refuse("cell.issuers", "a cell trusts at most " + std::to_string(kGenesisIssuersMax) + " issuers");
  }
  read_clients(toml, config);
  read_failover(toml, config);
  for (const dataplane::Vip& vip : config.vips) {
    for (unsigned i = 0; i < kServers; ++i) {
      if (config.server.peers[i].address == vip.address) {
        toml.refuse("clients.virtual_ips", std::string("holds ") + name_of(static_cast<ServerId>(i)) +
                                               "'s own address: a virtual IP belongs to no host");
      }
    }
  }
  if (auto good = toml.finish(); !good) {
    return tl::unexpected(good.error());
  }
  return config;
}

}  // namespace

tl::expected<LbConfig, std::string> load_lb_config(const std::string& path) {
  auto toml = Toml::load(path);
  return toml ? read(*toml) : tl::unexpected(toml.error());
}

tl::expected<LbConfig, std::string> parse_lb_config(std::string_view text, std::string name) {
  auto toml = Toml::parse(text, std::move(name));
  return toml ? read(*toml) : tl::unexpected(toml.error());
}

}  // namespace tercet::control
