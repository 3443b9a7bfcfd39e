#pragma once
// Fixed keys and sessions for the tests and benchmarks of this folder. Nothing else includes this.

#include <array>
#include <string>
#include <vector>

#include "wire/seal/client_keyring.h"
#include "wire/seal/keyring.h"

namespace tercet::seal::test {

template <class T>
T rising(uint8_t first) {
  T value;
  for (size_t i = 0; i < value.bytes.size(); ++i) {
    value.bytes[i] = static_cast<uint8_t>(first + i);
  }
  return value;
}

inline constexpr CellId kCell{0x1122334455667788};
inline const Key kMaster = rising<Key>(0x80);
inline const SessionId kLbSession = rising<SessionId>(0x10);
inline const SessionId kClientSession = rising<SessionId>(0xC0);
inline const SessionId kBackendSession = rising<SessionId>(0xD0);

/// The key between two servers: 0x40… for lb1 and b1.
inline Key pair_key(ServerId a, ServerId b) {
  const unsigned low = std::min(index(a), index(b));
  const unsigned high = std::max(index(a), index(b));
  return rising<Key>(static_cast<uint8_t>(0x40 + 0x20 * (low * 5 + high - 2)));
}

inline ServerKeys server_keys(ServerId self, Algorithm aead) {
  ServerKeys keys{kCell, self, aead, {}, {}};
  for (unsigned i = 0; i < kServers; ++i) {
    if (i != index(self)) {
      keys.pairs[i] = pair_key(self, static_cast<ServerId>(i));
    }
  }
  if (is_lb(self)) {
    keys.client_master = kMaster;
  }
  return keys;
}
inline ClientKeys client_keys(Algorithm aead, AccessId access = AccessId{7}) {
  return {kCell, access, aead, derive_access_key(aead, kMaster, access)};
}

/// An AEAD and a library that runs it: tests that take one as their parameter run for each of kSuites.
struct Suite {
  Algorithm algorithm{};
  Provider provider{};
  operator Algorithm() const {
    return algorithm;
  }  // NOLINT: so that it stands where an algorithm is asked for
  [[nodiscard]] bool runs() const { return can_run(provider, algorithm).has_value(); }
};
inline constexpr std::array<Suite, 3> kSuites{{{Algorithm::aes_256_gcm, Provider::libsodium},
                                               {Algorithm::aes_256_gcm, Provider::ipsec_mb},
                                               {Algorithm::chacha20_poly1305, Provider::libsodium}}};
inline std::string name_of_suite(const Suite& suite) {
  return suite.algorithm == Algorithm::chacha20_poly1305 ? "chacha"
         : suite.provider == Provider::libsodium         ? "aes"
                                                         : "aes_ipsec_mb";
}

/// The benchmarks' first argument. 0: AES-256-GCM by the fastest that runs here, 1: ChaCha20-Poly1305,
/// 2: AES-256-GCM by libsodium, to compare.
inline Suite measured_suite(int64_t number) {
  return number == 0   ? Suite{Algorithm::aes_256_gcm, fastest(Algorithm::aes_256_gcm)}
         : number == 1 ? kSuites[2]
                       : kSuites[0];
}
inline std::string label_of(const Suite& suite) {
  return std::string(name_of(suite.algorithm)) + " by " + name_of(suite.provider);
}

inline std::string hex(Bytes bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : bytes) {
    text += kHex[byte >> 4U];
    text += kHex[byte & 0xFU];
  }
  return text;
}

}  // namespace tercet::seal::test
