#pragma once
// Ed25519 (RFC 8032) signatures: of license files by their issuer, of container requests by the container.

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/bytes.h"

namespace tercet::seal {

struct PublicKey {
  std::array<uint8_t, 32> bytes{};
  auto operator<=>(const PublicKey&) const = default;
};
struct Signature {
  std::array<uint8_t, 64> bytes{};
};
/// Names a public key: the first 8 bytes of its SHA-256. People and files write 16 hex digits.
struct KeyId {
  std::array<uint8_t, 8> bytes{};
  auto operator<=>(const KeyId&) const = default;
};
KeyId key_id_of(const PublicKey& key);
std::string text_of(const KeyId& id);
tl::expected<KeyId, std::string> parse_key_id(std::string_view text);
/// Base64url, 43 characters.
std::string text_of(const PublicKey& key);
tl::expected<PublicKey, std::string> parse_public_key(std::string_view text);

/// A key pair, kept as its 32-byte seed. Never leaves its file.
class SigningKey {
 public:
  static SigningKey generate();
  static SigningKey from_seed(const std::array<uint8_t, 32>& seed);
  /// The seed as files keep it: base64url, 43 characters.
  static tl::expected<SigningKey, std::string> parse(std::string_view seed);
  [[nodiscard]] std::string seed_text() const;

  [[nodiscard]] const PublicKey& public_key() const { return public_; }
  [[nodiscard]] Signature sign(Bytes message) const;

 private:
  SigningKey() = default;
  PublicKey public_;
  std::array<uint8_t, 64> secret_{};
};

/// Pure and deterministic: the license book calls it on ordered bytes.
[[nodiscard]] bool verify(const PublicKey& key, Bytes message, const Signature& signature);

}  // namespace tercet::seal
