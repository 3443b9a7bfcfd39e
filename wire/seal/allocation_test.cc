// Sealing and opening allocate nothing once the keyring is made: not for known senders, not for new ones, not
// for drops.

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "tests/allocations/allocations.h"
#include "wire/seal/test_keys.h"

namespace tercet::seal {
namespace {

class Allocation : public ::testing::TestWithParam<test::Suite> {};
INSTANTIATE_TEST_SUITE_P(Suites, Allocation, ::testing::ValuesIn(test::kSuites),
                         [](const auto& tested) { return test::name_of_suite(tested.param); });

TEST_P(Allocation, NoneAfterConstruction) {
  if (!GetParam().runs()) {
    GTEST_SKIP() << test::name_of_suite(GetParam()) << " does not run here";
  }
  const Algorithm aead = GetParam();
  const Provider provider = GetParam().provider;
  Keyring b1(test::server_keys(ServerId::b1, aead), {.provider = provider});
  std::vector<std::unique_ptr<Keyring>> lives;  // more than the caches hold
  std::vector<std::unique_ptr<ClientKeyring>> clients;
  for (unsigned i = 0; i < 2 * PeerSessions::kSessions; ++i) {
    lives.push_back(
        std::make_unique<Keyring>(test::server_keys(ServerId::lb1, aead),
                                  KeyringOptions{.client_cache_entries = 4, .provider = provider}));
    clients.push_back(std::make_unique<ClientKeyring>(test::client_keys(aead), std::nullopt, provider));
  }
  std::vector<uint8_t> datagram(kSealOverhead + 17);
  const Bytes plain = as_bytes("every seat counts");
  unsigned opened = 0;
  unsigned dropped = 0;

  const uint64_t before = allocations_so_far();
  for (int round = 0; round < 3; ++round) {
    for (auto& lb : lives) {
      lb->seal_to_server(ServerId::b1, plain, datagram);
      opened += b1.open_from_server(datagram) ? 1U : 0U;
      dropped += b1.open_from_server(datagram) ? 0U : 1U;
      lb->seal_resignation(ServerId::b1, Epoch{21}, Nonce{1}, datagram);
      opened += b1.open_resignation(MutBytes(datagram).first(kResignationSize)) ? 1U : 0U;
      for (auto& client : clients) {
        client->seal_query(plain, datagram);
        lb->prefetch_client(datagram);
        const uint32_t place = lb->prefetch_query_key(datagram);
        opened += lb->open_from_client(datagram, place) ? 1U : 0U;
        lb->prefetch_reply_key(place);
        lb->seal_reply({client->access(), client->session()}, plain, datagram, place);
        opened += client->open_reply(datagram) ? 1U : 0U;
        dropped += client->open_reply(datagram) ? 0U : 1U;
      }
      lb->reseed();
    }
  }
  EXPECT_EQ(allocations_so_far() - before, 0U);
  const auto n = static_cast<unsigned>(lives.size());
  EXPECT_EQ(opened, 3 * n * (2 + 2 * n));
  EXPECT_EQ(dropped, 3 * n * (1 + n));
}

}  // namespace
}  // namespace tercet::seal
