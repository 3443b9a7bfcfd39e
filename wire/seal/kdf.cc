#include "wire/seal/kdf.h"

#include <sodium.h>

#include <cstring>

#include "base/check.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace tercet::seal {
namespace {

// The last of the three blocks: what the key is for.
struct Context {
  uint8_t purpose = 0;
  uint8_t from = 0;
  uint8_t to = 0;
  uint8_t index = 0;  ///< which half of the key (AES), else 0
  uint8_t number[8] = {};
  uint8_t zero[4] = {};
};
static_assert(sizeof(Context) == 16);

Context context_of(const KdfInput& input) {
  Context c;
  c.purpose = static_cast<uint8_t>(input.purpose);
  c.from = input.from;
  c.to = input.to;
  std::memcpy(c.number, &input.number, sizeof input.number);
  return c;
}

#if defined(__x86_64__)
#define TERCET_AES __attribute__((target("aes,sse2")))

// AES-256 key expansion, FIPS 197 §5.2, in the form of Intel's AES-NI white paper: two round keys a step.
TERCET_AES __m128i shifted_sum(__m128i key) {
  key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
  key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
  return _mm_xor_si128(key, _mm_slli_si128(key, 4));
}
template <int kRcon>
TERCET_AES void expand_step(__m128i& even, __m128i& odd, __m128i* round_keys, int i) {
  even = _mm_xor_si128(shifted_sum(even), _mm_shuffle_epi32(_mm_aeskeygenassist_si128(odd, kRcon), 0xFF));
  _mm_store_si128(round_keys + i, even);
  if (i + 1 < 15) {
    odd = _mm_xor_si128(shifted_sum(odd), _mm_shuffle_epi32(_mm_aeskeygenassist_si128(even, 0), 0xAA));
    _mm_store_si128(round_keys + i + 1, odd);
  }
}
TERCET_AES void expand(const uint8_t* key, uint8_t* schedule) {
  auto* round_keys = reinterpret_cast<__m128i*>(schedule);
  __m128i even = _mm_loadu_si128(reinterpret_cast<const __m128i*>(key));
  __m128i odd = _mm_loadu_si128(reinterpret_cast<const __m128i*>(key) + 1);
  _mm_store_si128(round_keys, even);
  _mm_store_si128(round_keys + 1, odd);
  expand_step<0x01>(even, odd, round_keys, 2);
  expand_step<0x02>(even, odd, round_keys, 4);
  expand_step<0x04>(even, odd, round_keys, 6);
  expand_step<0x08>(even, odd, round_keys, 8);
  expand_step<0x10>(even, odd, round_keys, 10);
  expand_step<0x20>(even, odd, round_keys, 12);
  expand_step<0x40>(even, odd, round_keys, 14);
}
TERCET_AES __m128i encrypt(const __m128i* round_keys, __m128i block) {
  block = _mm_xor_si128(block, round_keys[0]);
  for (int i = 1; i < 14; ++i) {
    block = _mm_aesenc_si128(block, round_keys[i]);
  }
  return _mm_aesenclast_si128(block, round_keys[14]);
}
TERCET_AES __m128i load(const void* bytes) { return _mm_loadu_si128(static_cast<const __m128i*>(bytes)); }

TERCET_AES Key derive_aes(const uint8_t* schedule, const KdfInput& input) {
  const auto* round_keys = reinterpret_cast<const __m128i*>(schedule);
  const __m128i mac = encrypt(round_keys, _mm_xor_si128(encrypt(round_keys, load(input.sender.bytes.data())),
                                                        load(input.receiver.bytes.data())));
  Context context = context_of(input);
  context.index = 1;
  const __m128i first = encrypt(round_keys, _mm_xor_si128(mac, load(&context)));
  context.index = 2;
  const __m128i second = encrypt(round_keys, _mm_xor_si128(mac, load(&context)));
  Key key;
  _mm_storeu_si128(reinterpret_cast<__m128i*>(key.bytes.data()), first);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(key.bytes.data() + 16), second);
  return key;
}
#else
// A cell of aes-256-gcm cannot run here: available() says so, and KdfKey refuses.
void expand(const uint8_t*, uint8_t*) {}
Key derive_aes(const uint8_t*, const KdfInput&) { return {}; }
#endif

Key derive_blake2b(const uint8_t* secret, const KdfInput& input) {
  const Context context = context_of(input);
  std::array<uint8_t, 48> message;
  std::memcpy(message.data(), input.sender.bytes.data(), 16);
  std::memcpy(message.data() + 16, input.receiver.bytes.data(), 16);
  std::memcpy(message.data() + 32, &context, 16);
  Key key;
  crypto_generichash_blake2b(key.bytes.data(), key.bytes.size(), message.data(), message.size(), secret,
                             sizeof(Key));
  return key;
}

}  // namespace

KdfKey::KdfKey(Algorithm algorithm, const Key& secret) : algorithm_(algorithm) {
  TERCET_CHECK(available(algorithm), "the cell's AEAD was checked to run on this machine");
  if (algorithm_ == Algorithm::aes_256_gcm) {
    expand(secret.bytes.data(), schedule_.data());
  } else {
    std::memcpy(schedule_.data(), secret.bytes.data(), secret.bytes.size());
  }
}

Key KdfKey::derive(const KdfInput& input) const {
  return algorithm_ == Algorithm::aes_256_gcm ? derive_aes(schedule_.data(), input)
                                              : derive_blake2b(schedule_.data(), input);
}

#if defined(__x86_64__)
TERCET_AES static std::array<uint8_t, 16> block_of(const Key& key, const std::array<uint8_t, 16>& plain) {
  alignas(16) std::array<uint8_t, 240> schedule;
  expand(key.bytes.data(), schedule.data());
  std::array<uint8_t, 16> out;
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out.data()),
                   encrypt(reinterpret_cast<const __m128i*>(schedule.data()), load(plain.data())));
  return out;
}
#else
static std::array<uint8_t, 16> block_of(const Key&, const std::array<uint8_t, 16>&) { return {}; }
#endif

std::array<uint8_t, 16> aes256_block(const Key& key, const std::array<uint8_t, 16>& plain) {
  TERCET_CHECK(available(Algorithm::aes_256_gcm), "asked only where AES runs");
  return block_of(key, plain);
}

}  // namespace tercet::seal
