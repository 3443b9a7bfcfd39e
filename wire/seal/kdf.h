#pragma once
// Key derivation: from a long-lived secret (pair key, access key, client master key) to the key of one
// direction of one pair of sessions (DESIGN §7). A process that starts draws a new session, so no key and
// nonce ever meet twice.
//
// The function belongs to the cell's algorithm:
//   aes-256-gcm        CBC-MAC with AES-256 over three blocks (sender's session, receiver's session,
//   context), taken twice
//                      with a different index in the last block: a PRF for inputs of this one length
//                      (Bellare, Kilian, Rogaway 2000). Such a cell has AES instructions everywhere, so there
//                      is no second implementation to agree with and no table lookup that leaks through the
//                      cache.
//   chacha20-poly1305  keyed BLAKE2b (RFC 7693) over the same three blocks.

#include <array>
#include <cstdint>

#include "wire/ids.h"
#include "wire/seal/aead.h"

namespace tercet::seal {

enum class Purpose : uint8_t {
  access_key = 1,   ///< client master -> access key; number: access id
  query = 2,        ///< access key -> client to LB
  reply = 3,        ///< access key -> LB to client
  server = 4,       ///< pair key -> server to server
  resignation = 5,  ///< pair key -> resignation; number: epoch
};

struct KdfInput {
  Purpose purpose{};
  uint8_t from = 0;  ///< the direction: ServerId or kSenderClient
  uint8_t to = 0;
  uint64_t number = 0;
  SessionId sender{};
  SessionId receiver{};  ///< zero where there is none
};

/// A secret made ready for derivations.
class KdfKey {
 public:
  KdfKey(Algorithm algorithm, const Key& secret);
  [[nodiscard]] Key derive(const KdfInput& input) const;

 private:
  Algorithm algorithm_;
  alignas(16) std::array<uint8_t, 240> schedule_{};  ///< AES-256 round keys, or the secret itself
};

/// One AES-256 block (for the known-answer test of FIPS 197). Needs available(aes_256_gcm).
std::array<uint8_t, 16> aes256_block(const Key& key, const std::array<uint8_t, 16>& plain);

}  // namespace tercet::seal
