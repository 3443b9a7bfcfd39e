#pragma once
// Containers: what holds one backend's constituents. A container is a key pair with a serial number; the
// three of a cell share an activation id, which is derived from the cell's id, so that each machine can make
// its own.
//
// Container file, mode 0600:
//   {"tercet_container": 1, "serial": "3-1234567", "slot": 1, "activation_id": "…", "cell_id": "…", "secret":
//   "<seed>"}
// Request file, for the issuer, no secret; signed by the container over its canonical text (request_text
// below):
//   {"tercet_container_request": 1, "serial": …, "slot": …, "activation_id": …, "cell_id": …, "public_key":
//   …,
//    "signature": …}

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "wire/ids.h"
#include "wire/seal/signing.h"

namespace tercet::seal {

/// The activation id of a cell's three containers: "xxxx-xxxx-xxxx-xxxx", hex.
std::string activation_id_of(CellId cell);
/// The serial number that the client sees: "131-…".
std::string virtual_serial_of(std::string_view activation_id);

struct Container {
  std::string serial;  ///< "3-" and seven digits
  Slot slot = Slot::one;
  std::string activation_id;
  CellId cell;
  SigningKey key;
};
/// A new one: random key pair and serial number.
Container make_container(CellId cell, Slot slot);

tl::expected<void, std::string> write_container(const std::string& path, const Container& container);
tl::expected<Container, std::string> read_container(const std::string& path);

/// What a container tells an issuer (and its cell) about itself.
struct ContainerRequest {
  std::string serial;
  Slot slot = Slot::one;
  std::string activation_id;
  CellId cell;
  PublicKey public_key;
  bool operator==(const ContainerRequest&) const = default;
};
/// The request file's text, signed.
std::string make_request(const Container& container);
/// Only with the container's own signature, and an activation id that is its cell's.
tl::expected<ContainerRequest, std::string> parse_request(std::string_view text);
tl::expected<ContainerRequest, std::string> read_request(const std::string& path);

}  // namespace tercet::seal
