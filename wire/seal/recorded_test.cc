#include "wire/seal/recorded.h"

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "wire/seal/test_keys.h"

namespace tercet::seal {
namespace {

using test::kSuites;
using test::server_keys;

const Endpoint kAlice = parse_endpoint("198.18.0.21:40000").value();
const Endpoint kVirtual = parse_endpoint("198.18.0.100:8200").value();
const Endpoint kLb1 = parse_endpoint("198.18.0.1:8210").value();
const Endpoint kB1 = parse_endpoint("198.18.0.11:8210").value();

class Recorded : public ::testing::TestWithParam<test::Suite> {
 protected:
  void SetUp() override {
    if (!GetParam().runs()) {
      GTEST_SKIP() << "not on this machine";
    }
    const Algorithm aead = GetParam();
    lb.emplace(server_keys(ServerId::lb1, aead));
    b1.emplace(server_keys(ServerId::b1, aead));
    client.emplace(test::client_keys(aead));
    of_lb.emplace(server_keys(ServerId::lb1, aead));
    of_b1.emplace(server_keys(ServerId::b1, aead));
  }
  std::vector<uint8_t> query(std::string_view text) {
    std::vector<uint8_t> out(text.size() + kSealOverhead);
    client->seal_query(as_bytes(text), out);
    return out;
  }
  std::vector<uint8_t> reply(std::string_view text) {
    std::vector<uint8_t> out(text.size() + kSealOverhead);
    lb->seal_reply({AccessId{7}, client->session()}, as_bytes(text), out);
    return out;
  }
  static std::vector<uint8_t> message(Keyring& from, ServerId to, std::string_view text) {
    std::vector<uint8_t> out(text.size() + kSealOverhead);
    from.seal_to_server(to, as_bytes(text), out);
    return out;
  }

  std::optional<Keyring> lb, b1;
  std::optional<ClientKeyring> client;
  std::optional<RecordedOpener> of_lb, of_b1;
};

std::string text(const tl::expected<Bytes, Drop>& opened) {
  return opened ? std::string(as_text(*opened)) : std::string("drop ") + name_of(opened.error());
}

TEST_P(Recorded, BothDirectionsBetweenServersOpenAtBothEnds) {
  const auto accept = message(*lb, ServerId::b1, "accept");
  const auto vote = message(*b1, ServerId::lb1, "vote");
  EXPECT_EQ(text(of_lb->open(accept, kLb1, kB1)), "accept");
  EXPECT_EQ(text(of_lb->open(vote, kB1, kLb1)), "vote");
  EXPECT_EQ(text(of_b1->open(accept, kLb1, kB1)), "accept");
  EXPECT_EQ(text(of_b1->open(vote, kB1, kLb1)), "vote");
  EXPECT_EQ(text(of_b1->open(vote, kB1, kLb1)), "vote") << "a repeated datagram opens again";
}

TEST_P(Recorded, AThirdServersKeysOpenNothingOfThem) {
  RecordedOpener of_b2(server_keys(ServerId::b2, GetParam()));
  EXPECT_EQ(text(of_b2.open(message(*lb, ServerId::b1, "accept"), kLb1, kB1)), "drop forged");
  EXPECT_EQ(text(of_b2.open(message(*b1, ServerId::lb1, "vote"), kB1, kLb1)), "drop forged");
}

TEST_P(Recorded, AReplyOpensOnceTheClientWasSeen) {
  const auto asked = query("query");
  const auto answer = reply("reply");
  EXPECT_EQ(text(of_lb->open(answer, kVirtual, kAlice)), "drop unknown_key");
  EXPECT_EQ(text(of_lb->open(asked, kAlice, kVirtual)), "query");
  EXPECT_EQ(text(of_lb->open(answer, kVirtual, kAlice)), "reply");
  Endpoint elsewhere = kAlice;
  ++elsewhere.port;
  EXPECT_EQ(text(of_lb->open(answer, kVirtual, elsewhere)), "drop unknown_key");
}

TEST_P(Recorded, ClientsThatFollowEachOtherAtOneEndpointAreToldApart) {
  const auto first = query("first");
  const auto to_first = reply("to first");
  ASSERT_EQ(text(of_lb->open(first, kAlice, kVirtual)), "first");
  for (int life = 0; life < 3; ++life) {
    client->reseed();
    ASSERT_EQ(text(of_lb->open(query("next"), kAlice, kVirtual)), "next");
    ASSERT_EQ(text(of_lb->open(reply("to next"), kVirtual, kAlice)), "to next");
  }
  EXPECT_EQ(text(of_lb->open(to_first, kVirtual, kAlice)), "to first") << "a late one";
  client->reseed();
  ASSERT_EQ(text(of_lb->open(query("fifth"), kAlice, kVirtual)), "fifth");
  EXPECT_EQ(text(of_lb->open(to_first, kVirtual, kAlice)), "drop forged") << "four are remembered";
}

TEST_P(Recorded, ABackendHasNoKeyOfClients) {
  EXPECT_EQ(text(of_b1->open(query("query"), kAlice, kVirtual)), "drop unknown_key");
}

TEST_P(Recorded, AResignationOpens) {
  std::vector<uint8_t> word(kResignationSize);
  lb->seal_resignation(ServerId::b1, make_epoch(3, ServerId::lb1), Nonce{0x55}, word);
  for (RecordedOpener* opener : {&*of_lb, &*of_b1}) {
    const auto opened = opener->open(word, kLb1, kB1);
    ASSERT_TRUE(opened);
    ASSERT_EQ(opened->size(), 8U);
    EXPECT_EQ((*opened)[0], 0x55);
  }
}

TEST_P(Recorded, DamagedOnesAreNotOpenedAndStayAsTheyAre) {
  const auto good = message(*b1, ServerId::lb1, "vote");
  for (size_t byte = 0; byte < good.size(); ++byte) {
    auto bad = good;
    bad[byte] ^= 1U;
    const auto before = bad;
    EXPECT_FALSE(of_lb->open(bad, kB1, kLb1)) << byte;
    EXPECT_EQ(bad, before);
  }
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(of_lb->open(Bytes(good).first(size), kB1, kLb1)) << size;
  }
  EXPECT_EQ(text(of_lb->open(good, kB1, kLb1)), "vote");
}

INSTANTIATE_TEST_SUITE_P(Suites, Recorded, ::testing::ValuesIn(kSuites),
                         [](const auto& suite) { return test::name_of_suite(suite.param); });

}  // namespace
}  // namespace tercet::seal
