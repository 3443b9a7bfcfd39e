#include "control/crypto.h"

#include <gtest/gtest.h>

namespace tercet::control {
namespace {

using seal::Algorithm;
using seal::Provider;

const tl::expected<void, std::string> kRuns;
const tl::expected<void, std::string> kOldCpu = tl::unexpected(std::string("ipsec-mb needs AES"));

TEST(Crypto, AutoTakesIpsecMbWhereItRuns) {
  const auto chosen = choose_crypto(Crypto::automatic, Algorithm::aes_256_gcm, kRuns);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->provider, Provider::ipsec_mb);
  EXPECT_EQ(chosen->why, "aes-256-gcm by ipsec-mb (port.crypto = \"auto\")");
}

TEST(Crypto, AutoSaysWhyItIsLibsodium) {
  const auto chosen = choose_crypto(Crypto::automatic, Algorithm::aes_256_gcm, kOldCpu);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->provider, Provider::libsodium);
  EXPECT_EQ(chosen->why, "aes-256-gcm by libsodium (port.crypto = \"auto\"; ipsec-mb needs AES)");
}

TEST(Crypto, LibsodiumIsTakenWhenAskedFor) {
  const auto chosen = choose_crypto(Crypto::libsodium, Algorithm::aes_256_gcm, kRuns);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->provider, Provider::libsodium);
  EXPECT_EQ(chosen->why, "aes-256-gcm by libsodium (as configured)");
  EXPECT_EQ(choose_crypto(Crypto::libsodium, Algorithm::chacha20_poly1305)->provider, Provider::libsodium);
}

TEST(Crypto, IpsecMbWhereItCannotRunIsRefused) {
  const auto refused = choose_crypto(Crypto::ipsec_mb, Algorithm::aes_256_gcm, kOldCpu);
  ASSERT_FALSE(refused);
  EXPECT_EQ(
      refused.error(),
      "port.crypto is \"ipsec-mb\", but ipsec-mb needs AES: set port.crypto = \"auto\" or \"libsodium\"");
  const auto chacha = choose_crypto(Crypto::ipsec_mb, Algorithm::chacha20_poly1305);
  ASSERT_FALSE(chacha);
  EXPECT_NE(chacha.error().find("serves aes-256-gcm here, not chacha20-poly1305"), std::string::npos);
  EXPECT_EQ(choose_crypto(Crypto::automatic, Algorithm::chacha20_poly1305)->provider, Provider::libsodium);
}

}  // namespace
}  // namespace tercet::control
