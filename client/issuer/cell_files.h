#pragma once
// A new cell's files: for each host a folder with its configuration and its key file.
//
//   DIR/lb1/lb1.toml, lb1.key   DIR/lb2/…   DIR/b1/b1.toml, b1.key   DIR/b2/…   DIR/b3/…
//   DIR/client/client.toml, client.key
//
// One key a line, each with what it does and its default, so that the files explain themselves and scripts
// can change a line. `keys` and `store.dir` are relative to the file's own folder.

#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "wire/ids.h"
#include "wire/seal/aead.h"
#include "wire/seal/signing.h"

namespace tercet::issuer {

struct CellPlan {
  std::vector<std::string> virtual_ips;  ///< with or without prefix length
  std::vector<std::string> lbs;          ///< two addresses
  std::vector<std::string> backends;     ///< three
  std::vector<seal::PublicKey> issuers;
  std::string interface = "eth0";
  seal::Algorithm aead = seal::Algorithm::aes_256_gcm;
};
/// What an empty plan stands for: a cell on this machine's loopback addresses.
CellPlan loopback_plan();

/// Writes all files; the error is one line, and names the file that was there already before anything was
/// written.
tl::expected<CellId, std::string> write_cell_files(const std::string& folder, CellPlan plan);

}  // namespace tercet::issuer
