#pragma once
// The client's configuration file:
//
//   [cell]    id = "…"  name = "client"  aead = "aes-256-gcm"  keys = "client.key"  issuers = ["<base64url>"]
//   [client]  servers = ["198.18.0.100:8200"]  lbs = ["198.18.0.1:8200", "198.18.0.2:8200"]  timeout = "5s"

#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "base/time.h"
#include "client/limits.h"
#include "wire/endpoint.h"
#include "wire/seal/keys.h"
#include "wire/seal/signing.h"

namespace tercet::client {

struct Config {
  std::string path;
  CellId cell;
  std::string key_file;
  std::vector<Endpoint> servers;  ///< the virtual IP (in each family)
  std::vector<Endpoint> lbs;  ///< the LBs' own addresses: `status` asks them when the virtual IP is silent
  Duration timeout = kTimeoutDefault;
  std::vector<seal::PublicKey> issuers;  ///< empty: unknown here, only the cell checks signatures
};
/// UDP port of clients where an address comes without one.
inline constexpr uint16_t kClientPort = 8200;

/// `given`, else TERCET_CONFIG, ./client.toml, ~/.config/tercet/client.toml, /etc/tercet/client.toml: the
/// first that is there (the first two must be, if they are named).
tl::expected<std::string, std::string> find_config(const std::string& given);
tl::expected<Config, std::string> load_config(const std::string& path);
/// The keys that `config` names, of its cell.
tl::expected<seal::ClientKeys, std::string> load_keys(const Config& config);
/// "198.18.0.100", "198.18.0.100:8200", "2001:db8::1", "[2001:db8::1]:8200".
tl::expected<Endpoint, std::string> parse_server(std::string_view text, uint16_t default_port);

}  // namespace tercet::client
