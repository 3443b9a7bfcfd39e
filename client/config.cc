#include "client/config.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/toml.h"
#include "wire/seal/key_file.h"

namespace tercet::client {
namespace {

void read_endpoints(Toml& toml, const char* key, std::vector<Endpoint>& out) {
  for (const std::string& text : toml.texts(key)) {
    const auto endpoint = parse_server(text, kClientPort);
    if (!endpoint) {
      toml.refuse(key, endpoint.error());
    } else {
      out.push_back(*endpoint);
    }
  }
}

}  // namespace

tl::expected<Endpoint, std::string> parse_server(std::string_view text, uint16_t default_port) {
  const bool has_port = text.starts_with('[') || std::count(text.begin(), text.end(), ':') == 1;
  return has_port ? parse_endpoint(text) : parse_address(text, default_port);
}

tl::expected<std::string, std::string> find_config(const std::string& given) {
  if (!given.empty()) {
    return given;
  }
  if (const char* named = std::getenv("TERCET_CONFIG"); named != nullptr && *named != '\0') {
    return std::string(named);
  }
  std::vector<std::string> places{"client.toml"};
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    places.push_back(std::string(home) + "/.config/tercet/client.toml");
  }
  places.emplace_back("/etc/tercet/client.toml");
  for (const std::string& place : places) {
    if (::access(place.c_str(), R_OK) == 0) {
      return place;
    }
  }
  std::string list;
  for (const std::string& place : places) {
    list += (list.empty() ? "" : ", ") + place;
  }
  return tl::unexpected("no configuration found (looked for " + list +
                        "): name one with --config or TERCET_CONFIG; tercet cell init writes it");
}

tl::expected<Config, std::string> load_config(const std::string& path) {
  auto toml = Toml::load(path);
  if (!toml) {
    return tl::unexpected(toml.error());
  }
  Config config;
  config.path = path;
  if (const auto cell = seal::parse_cell_id(toml->required("cell.id")); cell) {
    config.cell = *cell;
  } else if (toml->has("cell.id")) {
    toml->refuse("cell.id", cell.error());
  }
  toml->text("cell.name");
  if (const std::string aead = toml->text("cell.aead"); !aead.empty()) {
    if (const auto known = seal::parse_algorithm(aead); !known) {
      toml->refuse("cell.aead", known.error());
    }
  }
  config.key_file = toml->file("cell.keys");
  if (config.key_file.empty()) {
    toml->refuse("cell.keys", "is missing: name the client's key file");
  }
  for (const std::string& text : toml->texts("cell.issuers")) {
    const auto key = seal::parse_public_key(text);
    if (!key) {
      toml->refuse("cell.issuers", key.error());
    } else {
      config.issuers.push_back(*key);
    }
  }
  read_endpoints(*toml, "client.servers", config.servers);
  read_endpoints(*toml, "client.lbs", config.lbs);
  config.timeout = toml->duration("client.timeout", kTimeoutDefault, milliseconds(1), seconds(24 * 3'600));
  if (config.servers.empty()) {
    toml->refuse("client.servers",
                 "names no server: write the cell's virtual IP, as in [\"198.18.0.100:8200\"]");
  }
  if (auto good = toml->finish(); !good) {
    return tl::unexpected(good.error());
  }
  return config;
}

tl::expected<seal::ClientKeys, std::string> load_keys(const Config& config) {
  return seal::read_client_keys(config.key_file, config.cell);
}

}  // namespace tercet::client
