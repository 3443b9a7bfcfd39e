#include "control/server_config.h"

#include "dataplane/service_loop.h"
#include "wire/seal/aead.h"
#include "wire/seal/key_file.h"

namespace tercet::control {
namespace {

constexpr std::array<const char*, kServers> kPeerKeys{"peers.lb1", "peers.lb2", "peers.b1", "peers.b2",
                                                      "peers.b3"};

bool is_loopback(const Endpoint& endpoint) {
  if (endpoint.is_v4()) {
    return endpoint.address[12] == 127;
  }
  std::array<uint8_t, 16> one{};
  one[15] = 1;
  return endpoint.address == one;
}

void read_cell(Toml& toml, bool lb, ServerConfig& config) {
  const std::string id = toml.required("cell.id");
  if (const auto cell = seal::parse_cell_id(id)) {
    config.cell = *cell;
  } else if (!id.empty()) {
    toml.refuse("cell.id", cell.error());
  }
  const std::string name = toml.required("cell.name");
  const auto self = seal::parse_server_id(name);
  if (self && is_lb(*self) == lb) {
    config.self = *self;
  } else if (!name.empty()) {
    toml.refuse("cell.name", "\"" + name + "\" is none of " + (lb ? "lb1, lb2" : "b1, b2, b3") +
                                 ": is this the other program's file?");
  }
  config.aead = toml.one_of("cell.aead", "", {"", "aes-256-gcm", "chacha20-poly1305"});
  config.key_file = toml.file("cell.keys");
  if (config.key_file.empty()) {
    toml.refuse("cell.keys", "is missing: name this host's key file, which tercet cell init wrote");
  }
}

void read_peers(Toml& toml, ServerConfig& config) {
  for (unsigned i = 0; i < kServers; ++i) {
    const std::string text = toml.required(kPeerKeys[i]);
    if (const auto endpoint = parse_endpoint(text); endpoint && endpoint->port != 0) {
      config.peers[i] = *endpoint;
    } else if (!text.empty()) {
      toml.refuse(kPeerKeys[i],
                  endpoint ? "the port is 0: write ADDRESS:PORT, as in 198.18.0.11:8210" : endpoint.error());
    }
    for (unsigned k = 0; k < i; ++k) {
      if (!text.empty() && config.peers[k] == config.peers[i]) {
        toml.refuse(kPeerKeys[i], text + " is " + name_of(static_cast<ServerId>(k)) +
                                      "'s too: each server has an address of its own");
      }
    }
  }
}

}  // namespace

ServerConfig read_server_config(Toml& toml, bool lb, uint16_t admin_port) {
  ServerConfig config;
  config.path = toml.path();
  read_cell(toml, lb, config);
  const std::string engine = toml.one_of("port.engine", "auto", {"auto", "uring", "mmsg", "dpdk"});
  config.engine = engine == "uring"  ? Engine::uring
                  : engine == "mmsg" ? Engine::mmsg
                  : engine == "dpdk" ? Engine::dpdk
                                     : Engine::automatic;
  config.poll = toml.one_of("port.poll", "adaptive", {"adaptive", "busy"}) == "busy"
                    ? dataplane::PollMode::busy
                    : dataplane::PollMode::adaptive;
  const std::string crypto = toml.one_of("port.crypto", "auto", {"auto", "ipsec-mb", "libsodium"});
  config.crypto = crypto == "ipsec-mb"    ? Crypto::ipsec_mb
                  : crypto == "libsodium" ? Crypto::libsodium
                                          : Crypto::automatic;
  config.steering_threads =
      static_cast<unsigned>(toml.integer("port.steering_threads", 0, 0, dataplane::kSteeringMax));
  read_peers(toml, config);
  config.dpdk = read_dpdk_config(toml, config.peers[index(config.self)], config.engine == Engine::dpdk);
  const std::string listen = toml.text("admin.listen", "127.0.0.1:" + std::to_string(admin_port));
  if (const auto endpoint = parse_endpoint(listen)) {
    config.admin.listen = *endpoint;
  } else {
    toml.refuse("admin.listen", endpoint.error());
  }
  config.admin.token_file = toml.file("admin.token_file");
  if (!is_loopback(config.admin.listen) && config.admin.token_file.empty()) {
    toml.refuse("admin.listen",
                listen +
                    " can be reached from outside: name a file with a token in admin.token_file, "
                    "or listen on 127.0.0.1");
  }
  return config;
}

tl::expected<seal::ServerKeys, std::string> read_keys(const ServerConfig& config) {
  auto keys = seal::read_server_keys(config.key_file, config.cell);
  if (!keys) {
    return keys;
  }
  if (keys->self != config.self) {
    return tl::unexpected(config.key_file + ": is " + name_of(keys->self) + "'s key file, but " +
                          config.path + " is " + name_of(config.self) + "'s: each server has its own");
  }
  if (!config.aead.empty() && config.aead != seal::name_of(keys->aead)) {
    return tl::unexpected(config.key_file + ": is for " + seal::name_of(keys->aead) + ", but " + config.path +
                          " says " + config.aead + ": all hosts of a cell use the same; correct cell.aead");
  }
  if (!seal::available(keys->aead)) {
    return tl::unexpected(config.key_file + ": " + seal::name_of(keys->aead) +
                          " needs AES instructions, which this CPU lacks: make the cell with "
                          "--aead chacha20-poly1305");
  }
  return keys;
}

}  // namespace tercet::control
