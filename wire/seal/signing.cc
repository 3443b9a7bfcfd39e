#include "wire/seal/signing.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "wire/seal/private_file.h"

namespace tercet::seal {
namespace {
// Signing and verifying need no library state; drawing keys does.
void start_library() { TERCET_CHECK(sodium_init() >= 0, "libsodium starts"); }
}  // namespace

KeyId key_id_of(const PublicKey& key) {
  std::array<uint8_t, crypto_hash_sha256_BYTES> hash;
  crypto_hash_sha256(hash.data(), key.bytes.data(), key.bytes.size());
  KeyId id;
  std::memcpy(id.bytes.data(), hash.data(), id.bytes.size());
  return id;
}

std::string text_of(const KeyId& id) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : id.bytes) {
    text += kHex[byte >> 4U];
    text += kHex[byte & 0xFU];
  }
  return text;
}

tl::expected<KeyId, std::string> parse_key_id(std::string_view text) {
  KeyId id;
  bool good = text.size() == 2 * id.bytes.size();
  for (size_t i = 0; good && i < text.size(); ++i) {
    const char c = text[i];
    const bool digit = c >= '0' && c <= '9';
    good = digit || (c >= 'a' && c <= 'f');
    id.bytes[i / 2] = static_cast<uint8_t>(id.bytes[i / 2] << 4U | ((digit ? c - '0' : c - 'a' + 10) & 0xF));
  }
  if (!good) {
    return tl::unexpected(std::string("a key's id is 16 lower-case hex digits"));
  }
  return id;
}

std::string text_of(const PublicKey& key) { return base64url(key.bytes); }

tl::expected<PublicKey, std::string> parse_public_key(std::string_view text) {
  PublicKey key;
  if (!from_base64url(text, key.bytes)) {
    std::string shown(text.substr(0, 64));
    std::replace_if(
        shown.begin(), shown.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return tl::unexpected("\"" + shown + "\" is no public key of 43 characters in base64url: copy it whole");
  }
  return key;
}

SigningKey SigningKey::generate() {
  start_library();
  std::array<uint8_t, 32> seed;
  randombytes_buf(seed.data(), seed.size());
  SigningKey key = from_seed(seed);
  sodium_memzero(seed.data(), seed.size());
  return key;
}

SigningKey SigningKey::from_seed(const std::array<uint8_t, 32>& seed) {
  SigningKey key;
  crypto_sign_seed_keypair(key.public_.bytes.data(), key.secret_.data(), seed.data());
  return key;
}

tl::expected<SigningKey, std::string> SigningKey::parse(std::string_view seed) {
  std::array<uint8_t, 32> bytes;
  if (!from_base64url(seed, bytes)) {
    return tl::unexpected(std::string("a signing key's seed is 43 characters of base64url"));
  }
  return from_seed(bytes);
}

std::string SigningKey::seed_text() const {
  std::array<uint8_t, 32> seed;
  crypto_sign_ed25519_sk_to_seed(seed.data(), secret_.data());
  return base64url(seed);
}

Signature SigningKey::sign(Bytes message) const {
  Signature signature;
  crypto_sign_detached(signature.bytes.data(), nullptr, message.data(), message.size(), secret_.data());
  return signature;
}

bool verify(const PublicKey& key, Bytes message, const Signature& signature) {
  return crypto_sign_verify_detached(signature.bytes.data(), message.data(), message.size(),
                                     key.bytes.data()) == 0;
}

}  // namespace tercet::seal
