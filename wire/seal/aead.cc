#include "wire/seal/aead.h"

#include <sodium.h>

#include <cstring>

#include "base/check.h"

namespace tercet::seal {
namespace {

constexpr size_t kTag = 16;
static_assert(sizeof(crypto_aead_aes256gcm_state) <= sizeof(PreparedKey));
static_assert(alignof(PreparedKey) >= 16, "libsodium's prepared state wants 16");
static_assert(crypto_aead_aes256gcm_ABYTES == kTag && crypto_aead_chacha20poly1305_ietf_ABYTES == kTag);
static_assert(crypto_aead_aes256gcm_KEYBYTES == sizeof(Key) &&
              crypto_aead_chacha20poly1305_ietf_KEYBYTES == sizeof(Key));

void start_library() {
  static const bool started = sodium_init() >= 0;
  TERCET_CHECK(started, "libsodium starts");
}

/// 96 bits: the counter, then zeros. Unique because the counter is, per key.
struct AeadNonce {
  uint8_t bytes[12] = {};
  explicit AeadNonce(uint64_t counter) { std::memcpy(bytes, &counter, sizeof counter); }
};
static_assert(crypto_aead_aes256gcm_NPUBBYTES == 12 && crypto_aead_chacha20poly1305_ietf_NPUBBYTES == 12);

auto* gcm_state(PreparedKey& key) { return reinterpret_cast<crypto_aead_aes256gcm_state*>(key.state.data()); }
const auto* gcm_state(const PreparedKey& key) {
  return reinterpret_cast<const crypto_aead_aes256gcm_state*>(key.state.data());
}

}  // namespace

void random_bytes(MutBytes out) {
  start_library();
  randombytes_buf(out.data(), out.size());
}

Key random_key() {
  Key key;
  random_bytes(key.bytes);
  return key;
}

void wipe(void* data, size_t size) { sodium_memzero(data, size); }

const char* name_of(Algorithm algorithm) {
  return algorithm == Algorithm::aes_256_gcm ? "aes-256-gcm" : "chacha20-poly1305";
}

tl::expected<Algorithm, std::string> parse_algorithm(std::string_view name) {
  for (const Algorithm a : {Algorithm::aes_256_gcm, Algorithm::chacha20_poly1305}) {
    if (name == name_of(a)) {
      return a;
    }
  }
  return tl::unexpected("aead is \"" + std::string(name) +
                        "\": it must be \"aes-256-gcm\" or \"chacha20-poly1305\"");
}

bool available(Algorithm algorithm) {
  start_library();
  return algorithm == Algorithm::chacha20_poly1305 || crypto_aead_aes256gcm_is_available() != 0;
}

Aead::Aead(Algorithm algorithm) : algorithm_(algorithm) {
  TERCET_CHECK(available(algorithm), "the cell's AEAD was checked to run on this machine");
}

void Aead::prepare(const Key& key, PreparedKey& out) const {
  if (algorithm_ == Algorithm::aes_256_gcm) {
    crypto_aead_aes256gcm_beforenm(gcm_state(out), key.bytes.data());
  } else {
    std::memcpy(out.state.data(), key.bytes.data(), key.bytes.size());
  }
}

void Aead::seal(const PreparedKey& key, uint64_t counter, Bytes aad, Bytes plain, uint8_t* out) const {
  const AeadNonce nonce(counter);
  if (algorithm_ == Algorithm::aes_256_gcm) {
    crypto_aead_aes256gcm_encrypt_detached_afternm(out, out + plain.size(), nullptr, plain.data(),
                                                   plain.size(), aad.data(), aad.size(), nullptr, nonce.bytes,
                                                   gcm_state(key));
  } else {
    crypto_aead_chacha20poly1305_ietf_encrypt_detached(out, out + plain.size(), nullptr, plain.data(),
                                                       plain.size(), aad.data(), aad.size(), nullptr,
                                                       nonce.bytes, key.state.data());
  }
}

bool Aead::open(const PreparedKey& key, uint64_t counter, Bytes aad, MutBytes sealed) const {
  if (sealed.size() < kTag) {
    return false;
  }
  const AeadNonce nonce(counter);
  const size_t size = sealed.size() - kTag;
  uint8_t* text = sealed.data();
  if (algorithm_ == Algorithm::aes_256_gcm) {
    return crypto_aead_aes256gcm_decrypt_detached_afternm(text, nullptr, text, size, text + size, aad.data(),
                                                          aad.size(), nonce.bytes, gcm_state(key)) == 0;
  }
  return crypto_aead_chacha20poly1305_ietf_decrypt_detached(text, nullptr, text, size, text + size,
                                                            aad.data(), aad.size(), nonce.bytes,
                                                            key.state.data()) == 0;
}

}  // namespace tercet::seal
