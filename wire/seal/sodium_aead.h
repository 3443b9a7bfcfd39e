#pragma once
// libsodium's two AEADs behind Aead (aead.h). Runs on every machine but AES-256-GCM, which libsodium offers
// only where the CPU has AES and carry-less multiplication.

#include "wire/seal/aead.h"

namespace tercet::seal::sodium {

inline constexpr size_t kNonceSize = 12;
inline constexpr size_t kAeadTagSize = 16;

/// Initialises the library; thread-safe, and cheap from the second time on.
void start();
[[nodiscard]] bool available(Algorithm algorithm);

void prepare(Algorithm algorithm, const Key& key, PreparedKey& out);
/// As Aead::seal and Aead::open; `nonce` has kNonceSize bytes, `sealed` at least kAeadTagSize.
void seal(Algorithm algorithm, const PreparedKey& key, const uint8_t* nonce, Bytes aad, Bytes plain,
          uint8_t* out);
[[nodiscard]] bool open(Algorithm algorithm, const PreparedKey& key, const uint8_t* nonce, Bytes aad,
                        MutBytes sealed);

}  // namespace tercet::seal::sodium
