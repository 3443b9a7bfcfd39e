#pragma once
// Authenticated encryption of one datagram. A thin front for the library that does it: libsodium now; a
// second one (ipsec-mb) joins behind the same calls, since both give the same bytes. The cell's configuration
// names the algorithm. A switch per call, no virtual call; nothing here allocates.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/bytes.h"

namespace tercet::seal {

/// 256 secret bits.
struct Key {
  std::array<uint8_t, 32> bytes{};
  bool operator==(const Key&) const = default;  // not constant-time: for tests and configuration
};
/// A fresh random key.
Key random_key();
/// Fills with random bytes that are safe for keys.
void random_bytes(MutBytes out);
/// Overwrites a secret in a way that the compiler keeps.
void wipe(void* data, size_t size);

enum class Algorithm : uint8_t {
  aes_256_gcm = 0,        ///< needs AES and carry-less multiply instructions on every machine of the cell
  chacha20_poly1305 = 1,  ///< RFC 8439, for a cell with a machine that lacks them
};
/// "aes-256-gcm" or "chacha20-poly1305".
const char* name_of(Algorithm algorithm);
tl::expected<Algorithm, std::string> parse_algorithm(std::string_view name);
/// Whether this machine can run it. Ask before the first Aead is made: making one that is not available
/// aborts.
bool available(Algorithm algorithm);

/// A key made ready: with AES its round keys and hash powers, so that a datagram does not pay for them.
struct alignas(64) PreparedKey {
  std::array<uint8_t, 512> state;
};

class Aead {
 public:
  /// `algorithm` must be available(). Also initialises the library (thread-safe).
  explicit Aead(Algorithm algorithm);
  [[nodiscard]] Algorithm algorithm() const { return algorithm_; }

  void prepare(const Key& key, PreparedKey& out) const;
  /// Writes ciphertext and tag (plain.size() + 16 bytes) to `out`, which has room for them. `plain` may be
  /// where `out` begins (in place) or not touch it at all. (key, counter) must never come twice: see
  /// keyring.h.
  void seal(const PreparedKey& key, uint64_t counter, Bytes aad, Bytes plain, uint8_t* out) const;
  /// Opens ciphertext and tag in place; false if anything is not authentic, then the bytes are worthless.
  [[nodiscard]] bool open(const PreparedKey& key, uint64_t counter, Bytes aad, MutBytes sealed) const;

 private:
  Algorithm algorithm_;
};

}  // namespace tercet::seal
