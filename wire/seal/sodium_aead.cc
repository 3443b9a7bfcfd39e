#include "wire/seal/sodium_aead.h"

#include <sodium.h>

#include <cstring>

#include "base/check.h"

namespace tercet::seal::sodium {
namespace {

static_assert(sizeof(crypto_aead_aes256gcm_state) <= sizeof(PreparedKey));
static_assert(alignof(PreparedKey) >= 16, "libsodium's prepared state wants 16");
static_assert(crypto_aead_aes256gcm_ABYTES == kAeadTagSize &&
              crypto_aead_chacha20poly1305_ietf_ABYTES == kAeadTagSize);
static_assert(crypto_aead_aes256gcm_KEYBYTES == sizeof(Key) &&
              crypto_aead_chacha20poly1305_ietf_KEYBYTES == sizeof(Key));
static_assert(crypto_aead_aes256gcm_NPUBBYTES == kNonceSize &&
              crypto_aead_chacha20poly1305_ietf_NPUBBYTES == kNonceSize);

auto* gcm_state(PreparedKey& key) { return reinterpret_cast<crypto_aead_aes256gcm_state*>(key.state.data()); }
const auto* gcm_state(const PreparedKey& key) {
  return reinterpret_cast<const crypto_aead_aes256gcm_state*>(key.state.data());
}

}  // namespace

void start() {
  static const bool started = sodium_init() >= 0;
  TERCET_CHECK(started, "libsodium starts");
}

bool available(Algorithm algorithm) {
  start();
  return algorithm == Algorithm::chacha20_poly1305 || crypto_aead_aes256gcm_is_available() != 0;
}

void prepare(Algorithm algorithm, const Key& key, PreparedKey& out) {
  if (algorithm == Algorithm::aes_256_gcm) {
    crypto_aead_aes256gcm_beforenm(gcm_state(out), key.bytes.data());
  } else {
    std::memcpy(out.state.data(), key.bytes.data(), key.bytes.size());
  }
}

void seal(Algorithm algorithm, const PreparedKey& key, const uint8_t* nonce, Bytes aad, Bytes plain,
          uint8_t* out) {
  if (algorithm == Algorithm::aes_256_gcm) {
    crypto_aead_aes256gcm_encrypt_detached_afternm(out, out + plain.size(), nullptr, plain.data(),
                                                   plain.size(), aad.data(), aad.size(), nullptr, nonce,
                                                   gcm_state(key));
  } else {
    crypto_aead_chacha20poly1305_ietf_encrypt_detached(out, out + plain.size(), nullptr, plain.data(),
                                                       plain.size(), aad.data(), aad.size(), nullptr, nonce,
                                                       key.state.data());
  }
}

bool open(Algorithm algorithm, const PreparedKey& key, const uint8_t* nonce, Bytes aad, MutBytes sealed) {
  const size_t size = sealed.size() - kAeadTagSize;
  uint8_t* text = sealed.data();
  if (algorithm == Algorithm::aes_256_gcm) {
    return crypto_aead_aes256gcm_decrypt_detached_afternm(text, nullptr, text, size, text + size, aad.data(),
                                                          aad.size(), nonce, gcm_state(key)) == 0;
  }
  return crypto_aead_chacha20poly1305_ietf_decrypt_detached(
             text, nullptr, text, size, text + size, aad.data(), aad.size(), nonce, key.state.data()) == 0;
}

}  // namespace tercet::seal::sodium
