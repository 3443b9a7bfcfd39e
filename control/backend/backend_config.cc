#include "control/backend/backend_config.h"

namespace tercet::control {
namespace {

tl::expected<BackendConfig, std::string> read(Toml& toml) {
  BackendConfig config;
  config.server = read_server_config(toml, false, 8221);
  config.store_dir = toml.file("store.dir");
  if (config.store_dir.empty()) {
    toml.refuse("store.dir", "is missing: name the folder of this backend's log and container");
  }
  if (toml.one_of("store.durability", "fsync", {"fsync", "memory"}) == "memory") {
    config.durability = store::Durability::memory;
  }
  if (auto good = toml.finish(); !good) {
    return tl::unexpected(good.error());
  }
  return config;
}

}  // namespace

tl::expected<BackendConfig, std::string> load_backend_config(const std::string& path) {
  auto toml = Toml::load(path);
  return toml ? read(*toml) : tl::unexpected(toml.error());
}

tl::expected<BackendConfig, std::string> parse_backend_config(std::string_view text, std::string name) {
  auto toml = Toml::parse(text, std::move(name));
  return toml ? read(*toml) : tl::unexpected(toml.error());
}

}  // namespace tercet::control
