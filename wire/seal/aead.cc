#include "wire/seal/aead.h"

#include <sodium.h>

#include "base/check.h"
#include "wire/seal/ipsec_mb.h"
#include "wire/seal/sodium_aead.h"

namespace tercet::seal {
namespace {

constexpr size_t kTag = sodium::kAeadTagSize;

/// 96 bits: the counter, then zeros. Unique because the counter is, per key. Written in one store of 16
/// bytes, since ipsec-mb loads all of it at once, and a load that wants two stores under way waits until both
/// have left (3 % of a voted query).
class AeadNonce {
 public:
  explicit AeadNonce(uint64_t counter) : words_{counter, 0} {}
  [[nodiscard]] const uint8_t* bytes() const { return reinterpret_cast<const uint8_t*>(&words_); }

 private:
  using Words [[gnu::vector_size(16)]] = uint64_t;
  Words words_;
  static_assert(sizeof(Words) >= sodium::kNonceSize);
};

}  // namespace

void random_bytes(MutBytes out) {
  sodium::start();
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

bool available(Algorithm algorithm) { return sodium::available(algorithm); }

const char* name_of(Provider provider) { return provider == Provider::ipsec_mb ? "ipsec-mb" : "libsodium"; }

tl::expected<void, std::string> can_run(Provider provider, Algorithm algorithm) {
  if (!available(algorithm)) {
    return tl::unexpected(std::string(name_of(algorithm)) + " needs AES instructions, which this CPU lacks");
  }
  if (provider == Provider::libsodium) {
    return {};
  }
  if (algorithm != Algorithm::aes_256_gcm) {
    return tl::unexpected(std::string("ipsec-mb serves aes-256-gcm here, not ") + name_of(algorithm));
  }
  const auto& mb = IpsecMb::here();
  return mb ? tl::expected<void, std::string>() : tl::unexpected(mb.error());
}

Provider fastest(Algorithm algorithm) {
  return can_run(Provider::ipsec_mb, algorithm) ? Provider::ipsec_mb : Provider::libsodium;
}

Aead::Aead(Algorithm algorithm, std::optional<Provider> provider) : algorithm_(algorithm) {
  TERCET_CHECK(available(algorithm), "the cell's AEAD was checked to run on this machine");
  const Provider chosen = provider ? *provider : fastest(algorithm);
  if (chosen == Provider::ipsec_mb) {
    TERCET_CHECK(can_run(chosen, algorithm), "the provider was checked to run on this machine");
    mb_ = &*IpsecMb::here();
  }
  lines_ = algorithm_ == Algorithm::chacha20_poly1305
               ? lines_of<Algorithm::chacha20_poly1305, Provider::libsodium>()
           : mb_ == nullptr ? lines_of<Algorithm::aes_256_gcm, Provider::libsodium>()
                            : lines_of<Algorithm::aes_256_gcm, Provider::ipsec_mb>();
}

/// Once in a process.
template <Algorithm kAlgorithm, Provider kProvider>
uint32_t Aead::lines_of() const {
  static const uint32_t lines = find_lines();
  return lines;
}

/// By trial, because a prepared key's layout is its library's own and differs from CPU to CPU: a line matters
/// if something else in it gives something else.
uint32_t Aead::find_lines() const {
  constexpr std::array<uint8_t, 40> kAad{};
  constexpr std::array<uint8_t, 128> kPlain{};
  PreparedKey key{};
  prepare(Key{}, key);
  uint32_t lines = 0;
  for (const size_t size : {size_t{16}, kPlain.size()}) {
    std::array<uint8_t, kPlain.size() + kTag> sealed{};
    seal(key, 1, kAad, Bytes(kPlain).first(size), sealed.data());
    for (size_t line = 0; line < sizeof(PreparedKey) / PreparedKey::kLine; ++line) {
      PreparedKey other = key;
      for (size_t i = 0; i < PreparedKey::kLine; ++i) {
        other.state[line * PreparedKey::kLine + i] ^= 0x5AU;
      }
      std::array<uint8_t, kPlain.size() + kTag> otherwise{};
      seal(other, 1, kAad, Bytes(kPlain).first(size), otherwise.data());
      lines |= otherwise != sealed ? 1U << line : 0U;
    }
  }
  return lines;
}

void Aead::prepare(const Key& key, PreparedKey& out) const {
  if (mb_ != nullptr) {
    mb_->prepare(key, out);
  } else {
    sodium::prepare(algorithm_, key, out);
  }
}

void Aead::seal(const PreparedKey& key, uint64_t counter, Bytes aad, Bytes plain, uint8_t* out) const {
  const AeadNonce nonce(counter);
  if (mb_ != nullptr) {
    mb_->seal(key, nonce.bytes(), aad, plain, out);
  } else {
    sodium::seal(algorithm_, key, nonce.bytes(), aad, plain, out);
  }
}

bool Aead::open(const PreparedKey& key, uint64_t counter, Bytes aad, MutBytes sealed) const {
  if (sealed.size() < kTag) {
    return false;
  }
  const AeadNonce nonce(counter);
  return mb_ != nullptr ? mb_->open(key, nonce.bytes(), aad, sealed)
                        : sodium::open(algorithm_, key, nonce.bytes(), aad, sealed);
}

}  // namespace tercet::seal
