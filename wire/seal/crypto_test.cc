// The primitives against published vectors and an independent implementation.

#include <gtest/gtest.h>

#include <set>

#include "wire/seal/aead.h"
#include "wire/seal/kdf.h"
#include "wire/seal/test_keys.h"

namespace tercet::seal {
namespace {

using test::hex;
using test::rising;

#define NEEDS(algorithm)                                        \
  if (!available(algorithm)) {                                  \
    GTEST_SKIP() << name_of(algorithm) << " does not run here"; \
  }

TEST(Aes256, Fips197AppendixC3) {
  NEEDS(Algorithm::aes_256_gcm);
  std::array<uint8_t, 16> plain;
  for (unsigned i = 0; i < 16; ++i) {
    plain[i] = static_cast<uint8_t>(i * 0x11);
  }
  EXPECT_EQ(hex(aes256_block(rising<Key>(0), plain)), "8ea2b7ca516745bfeafc49904b496089");
}

TEST(Aes256, Sp80038aF15) {
  NEEDS(Algorithm::aes_256_gcm);
  const Key key{{0x60, 0x3d, 0xeb, 0x10, 0x15, 0xca, 0x71, 0xbe, 0x2b, 0x73, 0xae,
                 0xf0, 0x85, 0x7d, 0x77, 0x81, 0x1f, 0x35, 0x2c, 0x07, 0x3b, 0x61,
                 0x08, 0xd7, 0x2d, 0x98, 0x10, 0xa3, 0x09, 0x14, 0xdf, 0xf4}};
  const std::array<uint8_t, 16> plain{0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96,
                                      0xe9, 0x3d, 0x7e, 0x11, 0x73, 0x93, 0x17, 0x2a};
  EXPECT_EQ(hex(aes256_block(key, plain)), "f3eed1bdb5d2a03c064b5a7e3db181f8");
}

// Computed with Python: cryptography's AES in ECB mode, and hashlib.blake2b.
TEST(Kdf, GoldenBytes) {
  EXPECT_EQ(hex(derive_access_key(Algorithm::chacha20_poly1305, test::kMaster, AccessId{7}).bytes),
            "70699a02c31ffdb1167aed0b0ed7d035e3c75fd3ee98890158f383b50cd72e2c");
  NEEDS(Algorithm::aes_256_gcm);
  EXPECT_EQ(hex(derive_access_key(Algorithm::aes_256_gcm, test::kMaster, AccessId{7}).bytes),
            "0ed7986debb44c503e2e0636e9bcd4ede645ca27900673406a9c0c4110c23a55");
}

TEST(Kdf, EveryInputMatters) {
  for (const Algorithm algorithm : {Algorithm::aes_256_gcm, Algorithm::chacha20_poly1305}) {
    if (!available(algorithm)) {
      continue;
    }
    const KdfKey key(algorithm, rising<Key>(1));
    const KdfInput base{Purpose::server, 0, 2, 5, test::kLbSession, test::kClientSession};
    std::set<std::string> keys{hex(key.derive(base).bytes)};
    const auto add = [&](auto change) {
      KdfInput other = base;
      change(other);
      EXPECT_TRUE(keys.insert(hex(key.derive(other).bytes)).second);
    };
    add([](KdfInput& i) { i.purpose = Purpose::resignation; });
    add([](KdfInput& i) { i.from = 1; });
    add([](KdfInput& i) { i.to = 1; });
    add([](KdfInput& i) { std::swap(i.from, i.to); });
    add([](KdfInput& i) { i.number = 6; });
    add([](KdfInput& i) { i.number = uint64_t{5} << 56U; });
    add([](KdfInput& i) { i.sender.bytes[15] ^= 1U; });
    add([](KdfInput& i) { i.receiver.bytes[0] ^= 1U; });
    add([](KdfInput& i) { std::swap(i.sender, i.receiver); });
    add([](KdfInput& i) { i.receiver = {}; });
    EXPECT_TRUE(keys.insert(hex(KdfKey(algorithm, rising<Key>(2)).derive(base).bytes)).second);
  }
}

TEST(Aead, NamesAreThoseOfTheConfiguration) {
  EXPECT_EQ(parse_algorithm("aes-256-gcm"), Algorithm::aes_256_gcm);
  EXPECT_EQ(parse_algorithm("chacha20-poly1305"), Algorithm::chacha20_poly1305);
  for (const char* wrong : {"", "aes", "AES-256-GCM", "none", "aes-256-gcm "}) {
    ASSERT_FALSE(parse_algorithm(wrong)) << wrong;
    EXPECT_NE(parse_algorithm(wrong).error().find("it must be"), std::string::npos);
  }
}

TEST(Aead, EveryLengthInPlaceAndApart) {
  for (const test::Suite& suite : test::kSuites) {
    if (!suite.runs()) {
      continue;
    }
    const Aead aead(suite.algorithm, suite.provider);
    ASSERT_EQ(aead.provider(), suite.provider);
    PreparedKey key;
    aead.prepare(rising<Key>(9), key);
    const std::vector<uint8_t> aad(40, 0xAA);
    for (size_t size = 0; size <= 300; ++size) {
      std::vector<uint8_t> plain(size);
      for (size_t i = 0; i < size; ++i) {
        plain[i] = static_cast<uint8_t>(i * 7 + size);
      }
      std::vector<uint8_t> apart(size + 16);
      aead.seal(key, size + 1, aad, plain, apart.data());
      std::vector<uint8_t> in_place = plain;
      in_place.resize(size + 16);
      aead.seal(key, size + 1, aad, Bytes(in_place).first(size), in_place.data());
      ASSERT_EQ(in_place, apart) << size;
      std::vector<uint8_t> wrong_counter = apart;
      ASSERT_FALSE(aead.open(key, size + 2, aad, wrong_counter)) << size;
      ASSERT_TRUE(aead.open(key, size + 1, aad, in_place)) << size;
      in_place.resize(size);
      ASSERT_EQ(in_place, plain) << size;
    }
    std::vector<uint8_t> shorter_than_a_tag(15);
    EXPECT_FALSE(aead.open(key, 1, aad, shorter_than_a_tag));
    EXPECT_FALSE(aead.open(key, 1, aad, {}));
  }
}

}  // namespace
}  // namespace tercet::seal
