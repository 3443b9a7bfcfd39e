#include "client/issuer/container_files.h"

#include <unistd.h>

#include "base/file.h"
#include "base/toml.h"
#include "wire/seal/key_file.h"

namespace tercet::issuer {

tl::expected<ContainerPlace, std::string> container_place(const std::string& config) {
  auto toml = Toml::load(config);
  if (!toml) {
    return tl::unexpected(toml.error());
  }
  ContainerPlace place;
  const std::string id = toml->required("cell.id");
  const std::string name = toml->required("cell.name");
  place.store = toml->file("store.dir");
  if (place.store.empty()) {
    toml->refuse("store.dir",
                 "is missing: a container lives in a backend's store; give a backend's configuration");
  }
  if (const auto cell = seal::parse_cell_id(id)) {
    place.cell = *cell;
  } else if (!id.empty()) {
    toml->refuse("cell.id", cell.error());
  }
  if (const auto server = seal::parse_server_id(name); server && is_backend(*server)) {
    place.slot = slot_of(*server);
  } else if (!name.empty()) {
    toml->refuse("cell.name", "\"" + name + "\" is no backend: containers are for b1, b2 and b3");
  }
  // Other keys are unknown only to us: take what was wrong with ours.
  for (const std::string& error : toml->errors()) {
    if (error.find("unknown key") == std::string::npos) {
      return tl::unexpected(error);
    }
  }
  return place;
}

tl::expected<seal::Container, std::string> init_container(const std::string& config) {
  const auto place = container_place(config);
  if (!place) {
    return tl::unexpected(place.error());
  }
  if (auto made = make_folder(place->store, 0700); !made) {
    return tl::unexpected(made.error());
  }
  if (::access(place->path().c_str(), F_OK) == 0) {
    return tl::unexpected(place->path() +
                          ": a container is there already: its licenses are bound to it, keep it");
  }
  seal::Container container = seal::make_container(place->cell, place->slot);
  if (auto done = seal::write_container(place->path(), container); !done) {
    return tl::unexpected(done.error());
  }
  return container;
}

tl::expected<std::string, std::string> request_of(const std::string& config) {
  const auto place = container_place(config);
  if (!place) {
    return tl::unexpected(place.error());
  }
  if (::access(place->path().c_str(), F_OK) != 0) {
    return tl::unexpected(place->path() + ": no container is there: make it with tercet container init");
  }
  const auto container = seal::read_container(place->path());
  if (!container) {
    return tl::unexpected(container.error());
  }
  if (container->cell != place->cell || container->slot != place->slot) {
    return tl::unexpected(place->path() + ": is of another cell or slot than " + config +
                          " says: give the configuration of its own backend");
  }
  return seal::make_request(*container);
}

}  // namespace tercet::issuer
