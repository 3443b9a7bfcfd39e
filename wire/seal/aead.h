#pragma once
// Authenticated encryption of one datagram. A thin front for the libraries that do it: AES-256-GCM by Intel's
// ipsec-mb where the CPU has what that needs, everything else by libsodium (sodium_aead.h, ipsec_mb.h). Both
// give the same bytes, so that servers of a cell may differ in it. The cell's configuration names the
// algorithm, a host's own the library. A switch per call, no virtual call; nothing allocates once the first
// Aead was made.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/bytes.h"
#include "base/prefetch.h"

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

/// Which library does the work.
enum class Provider : uint8_t { libsodium, ipsec_mb };
/// "libsodium" or "ipsec-mb".
const char* name_of(Provider provider);
/// Whether `provider` runs `algorithm` on this machine; the error says what is missing.
tl::expected<void, std::string> can_run(Provider provider, Algorithm algorithm);
/// The fastest one that can.
Provider fastest(Algorithm algorithm);

/// A key made ready: with AES its round keys and hash powers, so that a datagram does not pay for them.
/// ipsec-mb fills 1,008 B of it, libsodium 512.
struct alignas(64) PreparedKey {
  static constexpr size_t kLine = 64;
  std::array<uint8_t, 1024> state;
};
static_assert(sizeof(PreparedKey) == 16 * PreparedKey::kLine);

class IpsecMb;

class Aead {
 public:
  /// `algorithm` must be available(); `provider`, if given, be able to run it: else the fastest one does.
  /// Also initialises the library (thread-safe; with ipsec-mb a few milliseconds, once in a process).
  explicit Aead(Algorithm algorithm, std::optional<Provider> provider = {});
  [[nodiscard]] Algorithm algorithm() const { return algorithm_; }
  [[nodiscard]] Provider provider() const {
    return mb_ != nullptr ? Provider::ipsec_mb : Provider::libsodium;
  }

  void prepare(const Key& key, PreparedKey& out) const;
  /// Writes ciphertext and tag (plain.size() + 16 bytes) to `out`, which has room for them. `plain` may be
  /// where `out` begins (in place) or not touch it at all. (key, counter) must never come twice: see
  /// keyring.h.
  void seal(const PreparedKey& key, uint64_t counter, Bytes aad, Bytes plain, uint8_t* out) const;
  /// Opens ciphertext and tag in place; false if anything is not authentic, then the bytes are worthless.
  [[nodiscard]] bool open(const PreparedKey& key, uint64_t counter, Bytes aad, MutBytes sealed) const;
  /// Starts loading those cache lines of `key` that a small datagram (≤ 128 B) needs: 5 to 8 of 16 with AES.
  void prefetch(const PreparedKey& key) const {
    for (uint32_t lines = lines_; lines != 0; lines &= lines - 1) {
      tercet::prefetch(key.state.data() + static_cast<size_t>(__builtin_ctz(lines)) * PreparedKey::kLine);
    }
  }
  /// A bit for each such line.
  [[nodiscard]] uint32_t lines_of_a_small_datagram() const { return lines_; }

 private:
  template <Algorithm kAlgorithm, Provider kProvider>
  [[nodiscard]] uint32_t lines_of() const;
  [[nodiscard]] uint32_t find_lines() const;

  Algorithm algorithm_;
  const IpsecMb* mb_ = nullptr;  ///< nullptr: libsodium
  uint32_t lines_ = 0;
};

}  // namespace tercet::seal
