#pragma once
// What the configuration files of an LB and of a backend have in common: [cell] [port] [peers] [admin]. Each
// program's own sections are read by lb_config and backend_config, from the same Toml.

#include <array>
#include <string>
#include <vector>

#include "base/toml.h"
#include "control/dpdk_config.h"
#include "dataplane/port/port.h"
#include "wire/endpoint.h"
#include "wire/ids.h"
#include "wire/seal/keys.h"

namespace tercet::control {

enum class Engine : uint8_t { automatic, uring, mmsg, dpdk };
enum class Crypto : uint8_t { automatic, ipsec_mb, libsodium };

struct AdminConfig {
  Endpoint listen;
  std::string token_file;  ///< empty: none
};

struct ServerConfig {
  std::string path;
  CellId cell;
  ServerId self = ServerId::lb1;
  std::string aead;  ///< as written; checked against the key file
  std::string key_file;
  Engine engine = Engine::automatic;
  dataplane::PollMode poll = dataplane::PollMode::adaptive;
  Crypto crypto = Crypto::automatic;
  unsigned steering_threads = 0;  ///< 0: one polling thread does everything
  DpdkConfig dpdk;
  std::array<Endpoint, kServers> peers;  ///< itself too: where it binds
  AdminConfig admin;
};

/// Reads the common sections; what is wrong is kept in `toml` for its finish(). `lb`: whether an LB's file is
/// expected.
ServerConfig read_server_config(Toml& toml, bool lb, uint16_t admin_port);

/// The key file that `config` names: of its cell, its server and its AEAD. The error is one line with what to
/// do.
tl::expected<seal::ServerKeys, std::string> read_keys(const ServerConfig& config);

}  // namespace tercet::control
