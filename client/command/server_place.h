#pragma once
// A server of the cell as somebody on its own machine finds it: through its configuration file, which names
// its keys and its admin interface.

#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "wire/endpoint.h"
#include "wire/ids.h"

namespace tercet::command {

struct ServerPlace {
  std::string config;  ///< the file
  CellId cell;
  ServerId self = ServerId::lb1;
  std::string key_file;
  Endpoint admin;
  std::string token_file;  ///< empty: none
};

/// The one named `name` (lb1 … b3): `given` if it is not empty, else NAME.toml in this folder, in NAME/ here,
/// in NAME/ beside the client configuration's folder (as `tercet cell init` lays them out), or in
/// /etc/tercet. The error is one line with what to do.
tl::expected<ServerPlace, std::string> find_server(const std::string& name, const std::string& given);

}  // namespace tercet::command
