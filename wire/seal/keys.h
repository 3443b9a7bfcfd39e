#pragma once
// The keys that a process is given. Read from files by key_file, never sent anywhere.

#include <array>
#include <cstdint>
#include <optional>

#include "wire/datagram.h"
#include "wire/ids.h"
#include "wire/seal/aead.h"

namespace tercet::seal {

/// What a server is given: keys for its own four pairs, so that a stolen server can speak only as itself. The
/// LBs also hold the client master key, from which every access key is derived.
struct ServerKeys {
  CellId cell;
  ServerId self = ServerId::lb1;
  Algorithm aead = Algorithm::aes_256_gcm;
  std::array<std::optional<Key>, kServers> pairs;  ///< [peer]; none for itself
  std::optional<Key> client_master;                ///< LBs only
};

/// What a client is given.
struct ClientKeys {
  CellId cell;
  AccessId access;
  Algorithm aead = Algorithm::aes_256_gcm;
  Key access_key;
};

}  // namespace tercet::seal
