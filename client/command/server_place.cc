#include "client/command/server_place.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "base/toml.h"
#include "wire/seal/key_file.h"

namespace tercet::command {
namespace {

/// Where an admin interface listens unless its configuration says otherwise.
constexpr const char* kLbAdmin = "127.0.0.1:8220";
constexpr const char* kBackendAdmin = "127.0.0.1:8221";

std::vector<std::string> places_of(const std::string& name) {
  const std::string file = name + ".toml";
  std::vector<std::string> places{file, name + "/" + file};
  if (const char* client = std::getenv("TERCET_CONFIG"); client != nullptr && *client != '\0') {
    const std::filesystem::path folder = std::filesystem::path(client).parent_path();
    places.push_back((folder / file).string());
    places.push_back((folder / ".." / name / file).lexically_normal().string());
  }
  places.push_back("/etc/tercet/" + file);
  return places;
}

}  // namespace

tl::expected<ServerPlace, std::string> find_server(const std::string& name, const std::string& given) {
  const auto self = seal::parse_server_id(name);
  if (!self) {
    return tl::unexpected("there is no host " + name + " in a cell: name lb1, lb2, b1, b2 or b3");
  }
  std::string path = given;
  for (const std::string& place : places_of(name)) {
    if (path.empty() && ::access(place.c_str(), F_OK) == 0) {
      path = place;
    }
  }
  if (path.empty()) {
    return tl::unexpected(name + ".toml is not found here: run this on the host of " + name +
                          ", or name its configuration with --config");
  }
  auto toml = Toml::load(path);
  if (!toml) {
    return tl::unexpected(toml.error());
  }
  ServerPlace place;
  place.config = path;
  place.self = *self;
  const std::string id = toml->required("cell.id");
  if (const auto cell = seal::parse_cell_id(id)) {
    place.cell = *cell;
  } else if (!id.empty()) {
    toml->refuse("cell.id", cell.error());
  }
  const std::string written = toml->required("cell.name");
  if (!written.empty() && written != name) {
    toml->refuse("cell.name", "this is the configuration of " + written + ": name that host, or give " +
                                  name + "'s file with --config");
  }
  place.key_file = toml->file("cell.keys");
  const std::string listen = toml->text("admin.listen", is_lb(*self) ? kLbAdmin : kBackendAdmin);
  if (const auto endpoint = parse_endpoint(listen)) {
    place.admin = *endpoint;
  } else {
    toml->refuse("admin.listen", endpoint.error());
  }
  place.token_file = toml->file("admin.token_file");
  // Other keys are unknown only to us.
  for (const std::string& error : toml->errors()) {
    if (error.find("unknown key") == std::string::npos) {
      return tl::unexpected(error);
    }
  }
  return place;
}

}  // namespace tercet::command
