// libsodium and ipsec-mb: the same bytes, the same refusals. So a cell's servers may differ in the library.

#include <gtest/gtest.h>

#include <bit>

#include "wire/seal/ipsec_mb.h"
#include "wire/seal/test_keys.h"

namespace tercet::seal {
namespace {

using test::rising;
using Buffer = std::vector<uint8_t>;

constexpr Algorithm kAes = Algorithm::aes_256_gcm;
constexpr size_t kTag = 16;

Buffer pattern(size_t size, size_t salt) {
  Buffer bytes(size);
  for (size_t i = 0; i < size; ++i) {
    bytes[i] = static_cast<uint8_t>(i * 31 + salt * 7 + (i >> 8U));
  }
  return bytes;
}

class BothProviders : public ::testing::Test {
 protected:
  struct One {
    explicit One(Provider provider) : aead(kAes, provider) { aead.prepare(rising<Key>(0x31), key); }
    [[nodiscard]] Buffer seal(uint64_t counter, Bytes aad, Bytes plain) const {
      Buffer out(plain.size() + kTag);  // exactly, so that the sanitizer sees a byte behind it
      aead.seal(key, counter, aad, plain, out.data());
      return out;
    }
    [[nodiscard]] bool open(uint64_t counter, Bytes aad, Buffer& sealed) const {
      return aead.open(key, counter, aad, sealed);
    }
    Aead aead;
    PreparedKey key;
  };
  void SetUp() override {
    if (const auto runs = can_run(Provider::ipsec_mb, kAes); !runs) {
      GTEST_SKIP() << runs.error();
    }
    providers.emplace_back(Provider::libsodium);
    providers.emplace_back(Provider::ipsec_mb);
  }
  std::vector<One> providers;
};

TEST_F(BothProviders, SealTheSameBytesAtEverySizeAndEachOpensTheOthers) {
  // 40: the datagram's header, which is all that is ever authenticated beside the text; the others: around an
  // AES block, and none.
  for (const size_t aad_size : {kHeaderSize, size_t{0}, size_t{12}, size_t{15}, size_t{16}, size_t{17}}) {
    const Buffer aad = pattern(aad_size, 3);
    for (size_t size = 0; size <= kCellDatagramMax; ++size) {
      const Buffer plain = pattern(size, size);
      const Buffer sealed = providers[0].seal(size + 1, aad, plain);
      ASSERT_EQ(providers[1].seal(size + 1, aad, plain), sealed) << size << " bytes, aad " << aad_size;
      for (const One& one : providers) {
        Buffer opened = sealed;
        ASSERT_TRUE(one.open(size + 1, aad, opened)) << name_of(one.aead.provider()) << " " << size;
        opened.resize(size);
        ASSERT_EQ(opened, plain);
        Buffer in_place = plain;
        in_place.resize(size + kTag);
        one.aead.seal(one.key, size + 1, aad, Bytes(in_place).first(size), in_place.data());
        ASSERT_EQ(in_place, sealed);
      }
    }
  }
}

TEST_F(BothProviders, DoNotMindWhereTheBytesLie) {
  const Buffer aad = pattern(kHeaderSize, 1);
  for (size_t offset = 0; offset < 64; ++offset) {
    const Buffer plain = pattern(129, offset);
    const Buffer wanted = providers[0].seal(offset, aad, plain);
    Buffer moved_aad(offset + aad.size());
    std::copy(aad.begin(), aad.end(), moved_aad.begin() + static_cast<ptrdiff_t>(offset));
    Buffer moved(offset + plain.size() + kTag);
    std::copy(plain.begin(), plain.end(), moved.begin() + static_cast<ptrdiff_t>(offset));
    const Bytes from = Bytes(moved).subspan(offset, plain.size());
    providers[1].aead.seal(providers[1].key, offset, Bytes(moved_aad).subspan(offset), from,
                           moved.data() + offset);
    ASSERT_EQ(Buffer(moved.begin() + static_cast<ptrdiff_t>(offset), moved.end()), wanted);
    ASSERT_TRUE(providers[1].aead.open(providers[1].key, offset, Bytes(moved_aad).subspan(offset),
                                       MutBytes(moved).subspan(offset)));
  }
}

TEST_F(BothProviders, RefuseWhatIsWrongAnywhereAndLeaveNoPlaintext) {
  const Buffer aad = pattern(kHeaderSize, 1);
  for (const size_t size : {size_t{0}, size_t{1}, size_t{16}, size_t{128}, size_t{1000}}) {
    const Buffer plain = pattern(size, 5);
    const Buffer sealed = providers[0].seal(9, aad, plain);
    for (const One& one : providers) {
      const auto refused = [&](uint64_t counter, const Buffer& with, Buffer bytes) {
        const bool opened = one.open(counter, with, bytes);
        bytes.resize(bytes.size() - kTag);
        const bool shown = size >= 16 && bytes == plain;
        return !opened && !shown;
      };
      for (size_t bit = 0; bit<sealed.size() * 8; bit += size> 200 ? 61 : 1) {  // text and tag
        Buffer bytes = sealed;
        bytes[bit / 8] ^= static_cast<uint8_t>(1U << (bit % 8));
        ASSERT_TRUE(refused(9, aad, bytes)) << name_of(one.aead.provider()) << " bit " << bit;
      }
      for (size_t bit = 0; bit < aad.size() * 8; ++bit) {
        Buffer other = aad;
        other[bit / 8] ^= static_cast<uint8_t>(1U << (bit % 8));
        ASSERT_TRUE(refused(9, other, sealed)) << "aad bit " << bit;
      }
      for (unsigned bit = 0; bit < 64; ++bit) {
        ASSERT_TRUE(refused(9 ^ (uint64_t{1} << bit), aad, sealed)) << "counter bit " << bit;
      }
      ASSERT_TRUE(refused(9, Buffer(aad.begin(), aad.end() - 1), sealed)) << "shorter aad";
      for (unsigned bit = 0; bit < 256; ++bit) {
        Key other = rising<Key>(0x31);
        other.bytes[bit / 8] ^= static_cast<uint8_t>(1U << (bit % 8));
        PreparedKey key;
        one.aead.prepare(other, key);
        Buffer bytes = sealed;
        ASSERT_FALSE(one.aead.open(key, 9, aad, bytes)) << "key bit " << bit;
      }
      Buffer bytes = sealed;
      ASSERT_TRUE(one.open(9, aad, bytes)) << "and takes it as it is";
      Buffer no_tag(kTag - 1);
      ASSERT_FALSE(one.open(9, aad, no_tag));
    }
  }
}

TEST_F(BothProviders, AServerWithOneUnderstandsServersAndClientsWithTheOther) {
  const auto options = [](Provider provider) { return KeyringOptions{.provider = provider}; };
  for (const auto& [here, there] : {std::pair{Provider::ipsec_mb, Provider::libsodium},
                                    std::pair{Provider::libsodium, Provider::ipsec_mb}}) {
    Keyring lb(test::server_keys(ServerId::lb1, kAes), options(here));
    Keyring b1(test::server_keys(ServerId::b1, kAes), options(there));
    ClientKeyring client(test::client_keys(kAes), std::nullopt, there);
    ASSERT_EQ(lb.provider(), here);
    ASSERT_EQ(b1.provider(), there);
    const Bytes plain = as_bytes("every seat counts");
    Buffer datagram(plain.size() + kSealOverhead);
    lb.seal_to_server(ServerId::b1, plain, datagram);
    EXPECT_TRUE(b1.open_from_server(datagram));
    b1.seal_to_server(ServerId::lb1, plain, datagram);
    EXPECT_TRUE(lb.open_from_server(datagram));
    client.seal_query(plain, datagram);
    const auto asked = lb.open_from_client(datagram);
    ASSERT_TRUE(asked);
    lb.seal_reply(asked->client, plain, datagram);
    EXPECT_TRUE(client.open_reply(datagram));
  }
}

TEST_F(BothProviders, PrefetchTheLinesOfAKeyThatASmallDatagramNeeds) {
  for (const One& one : providers) {
    const uint32_t lines = one.aead.lines_of_a_small_datagram();
    EXPECT_EQ(lines >> 16U, 0U);
    EXPECT_EQ(lines & 0b111U, 0b111U) << "240 B of round keys are the first";
    EXPECT_GE(std::popcount(lines), 4);
    EXPECT_LE(std::popcount(lines), 8) << "or a burst's keys would push each other out";
    // Anything in another line may be wrong, and the datagram still is the same.
    PreparedKey key = one.key;
    for (size_t i = 0; i < sizeof(PreparedKey); ++i) {
      if ((lines >> (i / PreparedKey::kLine) & 1U) == 0) {
        key.state[i] ^= 0xFFU;
      }
    }
    const Buffer aad = pattern(kHeaderSize, 1);
    for (size_t size = 0; size <= 128; ++size) {
      const Buffer plain = pattern(size, 5);
      Buffer sealed(size + kTag);
      one.aead.seal(key, 1, aad, plain, sealed.data());
      ASSERT_EQ(sealed, one.seal(1, aad, plain)) << name_of(one.aead.provider()) << " " << size;
    }
  }
  EXPECT_EQ(Aead(Algorithm::chacha20_poly1305).lines_of_a_small_datagram(), 1U) << "the key itself";
}

TEST(Providers, SayWhatIsMissing) {
  EXPECT_TRUE(can_run(Provider::libsodium, Algorithm::chacha20_poly1305));
  const auto chacha = can_run(Provider::ipsec_mb, Algorithm::chacha20_poly1305);
  ASSERT_FALSE(chacha);
  EXPECT_EQ(chacha.error(), "ipsec-mb serves aes-256-gcm here, not chacha20-poly1305");
  EXPECT_EQ(fastest(Algorithm::chacha20_poly1305), Provider::libsodium);
  const auto old_cpu = IpsecMb::load(/*hide_aes=*/true);
  ASSERT_FALSE(old_cpu);
  EXPECT_NE(old_cpu.error().find("ipsec-mb"), std::string::npos);
  if (can_run(Provider::ipsec_mb, kAes)) {
    EXPECT_EQ(fastest(kAes), Provider::ipsec_mb);
    EXPECT_EQ(Aead(kAes).provider(), Provider::ipsec_mb);
  }
}

}  // namespace
}  // namespace tercet::seal
