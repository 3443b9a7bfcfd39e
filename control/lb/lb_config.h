#pragma once
// tercet-lb's configuration file → the Options of each folder. `tercet cell init` writes such files;
// docs/configuration.md explains every key. A default stands here or in the Options that it sets.

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/server_config.h"
#include "dataplane/port/announcer.h"
#include "dataplane/steer/balancer.h"
#include "failover/promotion.h"
#include "quorum/checkpoints.h"
#include "quorum/rounds.h"
#include "wire/seal/keyring.h"

namespace tercet::control {

struct LbConfig {
  ServerConfig server;
  FixedVector<dataplane::Vip, dataplane::kVipsMax> vips;
  uint16_t client_port = 8200;
  std::vector<std::array<uint8_t, 32>> issuers;  ///< public keys that a new cell's Genesis names
  dataplane::OrderOptions order;
  size_t key_cache = seal::KeyringOptions{}.client_cache_entries;  ///< clients
  uint64_t checkpoint_every = quorum::Checkpoints::Options{}.every;  ///< entries
  bool rounds = quorum::Rounds::Options{}.on;
  std::string interface = "eth0";
  bool virtual_mac = false;  ///< 00-00-5E-00-01-{VRID} (RFC 9568 §7.3) instead of the device's address
  failover::VrrpOptions vrrp;  ///< `local` is filled in once the interface is known
  failover::PromotionOptions promotion;
  std::vector<dataplane::IpAddress> unicast_peers;
  Duration heartbeat = milliseconds(5);
  std::string on_active;  ///< a command, run by sh -c; empty: none
  std::string on_standby;
};

/// The error is one line: file, line, what is wrong, what to do.
tl::expected<LbConfig, std::string> load_lb_config(const std::string& path);
tl::expected<LbConfig, std::string> parse_lb_config(std::string_view text, std::string name);

}  // namespace tercet::control
