// Damaged messages: every truncation and every single-bit flip of every golden message, in plain (as an
// authentic but broken peer would send it) and sealed (as the network would damage it).

#include <gtest/gtest.h>

#include "tests/golden/golden.h"
#include "tests/golden/touch.h"
#include "wire/seal/client_keyring.h"
#include "wire/seal/keyring.h"

namespace tercet::golden {
namespace {

bool is_page(const std::string& name) { return name.starts_with("page_"); }
bool is_client(const std::string& name) {
  return name.starts_with("hello") || name.starts_with("query_") || name.starts_with("reply");
}
bool taken(const std::string& name, Bytes bytes) {
  return is_page(name) ? touch_page(bytes) : is_client(name) ? touch_client(bytes) : touch_cell(bytes);
}

class Damaged : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Golden, Damaged, ::testing::ValuesIn(names()),
                         [](const auto& param) { return param.param; });

TEST_P(Damaged, WholeIsTaken) { EXPECT_TRUE(taken(GetParam(), Exact(load(GetParam())).bytes())); }

TEST_P(Damaged, EveryTruncationIsRefused) {
  const std::vector<uint8_t> whole = load(GetParam());
  for (size_t size = 0; size < whole.size(); ++size) {
    Exact cut(Bytes(whole).first(size));
    EXPECT_FALSE(taken(GetParam(), cut.bytes())) << "cut to " << size;
    touch_any(cut.bytes());
  }
}

TEST_P(Damaged, TrailingBytesAreRefused) {
  std::vector<uint8_t> longer = load(GetParam());
  for (const uint8_t more : {uint8_t{0}, uint8_t{1}, uint8_t{0xFF}}) {
    longer.push_back(more);
    EXPECT_FALSE(taken(GetParam(), Exact(longer).bytes())) << longer.size();
  }
}

// A flipped value bit may well be another value: refused or taken, but no view leaves its bytes.
TEST_P(Damaged, EveryBitFlipIsReadInBounds) {
  const std::vector<uint8_t> whole = load(GetParam());
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    Exact flipped(whole);
    flipped.bytes()[bit / 8] ^= static_cast<uint8_t>(1U << (bit % 8));
    touch_any(flipped.bytes());
  }
}

// Sealed: a pair of servers, and a client with its LB.
seal::Key key_of(uint8_t fill) {
  seal::Key key;
  key.bytes.fill(fill);
  return key;
}
seal::ServerKeys server_keys(ServerId self, ServerId peer, seal::Algorithm aead) {
  seal::ServerKeys keys;
  keys.cell = CellId{0xCE11};
  keys.self = self;
  keys.aead = aead;
  keys.pairs[index(peer)] = key_of(7);
  if (is_lb(self)) {
    keys.client_master = key_of(9);
  }
  return keys;
}

/// `open` refuses every truncation and every single-bit flip of `datagram`, then takes it as it is: so the
/// refusals were of the damage, and damaged copies did not use up its counter.
template <class Open>
void expect_only_whole(const std::vector<uint8_t>& datagram, Open open) {
  for (size_t size = 0; size < datagram.size(); ++size) {
    ASSERT_FALSE(open(Exact(Bytes(datagram).first(size)).bytes())) << "cut to " << size;
  }
  for (size_t bit = 0; bit < datagram.size() * 8; ++bit) {
    Exact flipped(datagram);
    flipped.bytes()[bit / 8] ^= static_cast<uint8_t>(1U << (bit % 8));
    ASSERT_FALSE(open(flipped.bytes())) << "bit " << bit;
  }
  EXPECT_TRUE(open(Exact(datagram).bytes()));
}

void sealed_between_servers(const std::string& name, seal::Algorithm aead, seal::Provider provider) {
  const std::vector<uint8_t> plain = load(name);
  seal::Keyring lb(server_keys(ServerId::lb1, ServerId::b2, aead), {.provider = provider});
  seal::Keyring backend(server_keys(ServerId::b2, ServerId::lb1, aead), {.provider = provider});
  std::vector<uint8_t> datagram(plain.size() + kSealOverhead);
  datagram.resize(lb.seal_to_server(ServerId::b2, plain, datagram));
  expect_only_whole(datagram, [&](MutBytes bytes) {
    const auto opened = backend.open_from_server(bytes);
    return opened && same(opened->plain, plain);
  });
}

void sealed_by_client(const std::string& name, seal::Algorithm aead, seal::Provider provider) {
  const std::vector<uint8_t> plain = load(name);
  seal::Keyring lb(server_keys(ServerId::lb1, ServerId::b2, aead), {.provider = provider});
  const AccessId access{5};
  seal::ClientKeyring client({CellId{0xCE11}, access, aead, seal::derive_access_key(aead, key_of(9), access)},
                             std::nullopt, provider);
  std::vector<uint8_t> datagram(plain.size() + kSealOverhead);
  datagram.resize(client.seal_query(plain, datagram));
  seal::ClientKeyRef who;
  expect_only_whole(datagram, [&](MutBytes bytes) {
    const auto opened = lb.open_from_client(bytes);
    if (opened) {
      who = opened->client;
    }
    return opened && same(opened->plain, plain);
  });
  datagram.resize(plain.size() + kSealOverhead);
  datagram.resize(lb.seal_reply(who, plain, datagram));
  expect_only_whole(datagram, [&](MutBytes bytes) {
    const auto opened = client.open_reply(bytes);
    return opened && same(opened->plain, plain);
  });
}

TEST_P(Damaged, SealedIsRefused) {
  for (const auto aead : {seal::Algorithm::aes_256_gcm, seal::Algorithm::chacha20_poly1305}) {
    for (const auto provider : {seal::Provider::libsodium, seal::Provider::ipsec_mb}) {
      if (!seal::can_run(provider, aead)) {
        continue;
      }
      if (is_client(GetParam())) {
        sealed_by_client(GetParam(), aead, provider);
      } else if (!is_page(GetParam())) {
        sealed_between_servers(GetParam(), aead, provider);
      }
    }
  }
}

}  // namespace
}  // namespace tercet::golden
