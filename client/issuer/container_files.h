#pragma once
// A backend's container, by the backend's own configuration: container.json (mode 0600) in its store's
// folder.

#include <string>
#include <tl/expected.hpp>

#include "wire/seal/container.h"

namespace tercet::issuer {

struct ContainerPlace {
  CellId cell;
  Slot slot = Slot::one;
  std::string store;  ///< the store's folder
  [[nodiscard]] std::string path() const { return store + "/container.json"; }
};
/// Reads [cell] id and name and [store] dir of a backend's configuration; its other keys are left to the
/// backend.
tl::expected<ContainerPlace, std::string> container_place(const std::string& config);

/// Makes it (and the store's folder, mode 0700). One that is there is never replaced: its licenses are bound
/// to it.
tl::expected<seal::Container, std::string> init_container(const std::string& config);
/// Its request file's text, for the issuer.
tl::expected<std::string, std::string> request_of(const std::string& config);

}  // namespace tercet::issuer
