#pragma once
// tercet-backend's configuration file. `tercet cell init` writes such files.

#include <string>
#include <tl/expected.hpp>

#include "backend/store/disk.h"
#include "control/server_config.h"

namespace tercet::control {

struct BackendConfig {
  ServerConfig server;
  std::string store_dir;
  store::Durability durability = store::Durability::fsync;
};

/// The error is one line: file, line, what is wrong, what to do.
tl::expected<BackendConfig, std::string> load_backend_config(const std::string& path);
tl::expected<BackendConfig, std::string> parse_backend_config(std::string_view text, std::string name);

}  // namespace tercet::control
