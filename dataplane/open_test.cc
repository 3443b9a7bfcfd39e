#include "dataplane/open.h"

#include <gtest/gtest.h>

#include "dataplane/loop_rig.h"

namespace tercet::dataplane {
namespace {

/// What a client, or a peer of lb1, would send: bytes to be damaged.
std::vector<uint8_t> query(LoopRig& rig) {
  std::vector<uint8_t> bytes(kSealOverhead + 5);
  rig.client_key->seal_query(as_bytes("query"), bytes);
  return bytes;
}
std::vector<uint8_t> vote(LoopRig& rig) {
  std::vector<uint8_t> bytes(kSealOverhead + 4);
  rig.peer_keys[index(ServerId::b1)]->seal_to_server(ServerId::lb1, as_bytes("vote"), bytes);
  return bytes;
}

TEST(Open, MessagesSayWhoSentThem) {
  LoopRig rig;
  Opener opener(*rig.keyring);
  Opener::Messages messages;
  Opener::Resignations resignations;
  rig.client_says("query");
  rig.peer_says(ServerId::b3, "vote");
  RxBurst burst;
  ASSERT_EQ(rig.port->receive(burst), 2U);
  opener.open(burst, messages, resignations);
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_FALSE(messages[0].from_server);
  EXPECT_EQ(as_text(messages[0].plain), "query");
  EXPECT_EQ(messages[0].client.endpoint, rig.kAlice);
  EXPECT_EQ(messages[0].client.lane, 0);
  EXPECT_EQ(messages[0].client.access_id, rig.keys.client.access.value);
  EXPECT_EQ(messages[0].client.session, rig.client_key->session());
  EXPECT_EQ(messages[0].client.key_place, rig.keyring->prefetch_query_key(query(rig)));
  EXPECT_TRUE(messages[1].from_server);
  EXPECT_EQ(messages[1].server, ServerId::b3);
  EXPECT_EQ(as_text(messages[1].plain), "vote");
  EXPECT_EQ(opener.counters().messages.get(), 2U);
  EXPECT_EQ(opener.counters().dropped(), 0U);
}

struct Damage {
  const char* what;
  Drop reason;
  std::vector<uint8_t> (*make)(LoopRig&);
};

const Damage kDamages[] = {
    {"empty", Drop::too_short, [](LoopRig&) { return std::vector<uint8_t>{}; }},
    {"a byte short of the shortest", Drop::too_short,
     [](LoopRig&) { return std::vector<uint8_t>(kSealOverhead - 1, 1); }},
    {"version 2", Drop::version,
     [](LoopRig& rig) {
       auto bytes = query(rig);
       bytes[0] = 2;
       return bytes;
     }},
    {"a kind that is none", Drop::kind,
     [](LoopRig& rig) {
       auto bytes = vote(rig);
       bytes[1] = 9;
       return bytes;
     }},
    {"a reserved byte", Drop::reserved,
     [](LoopRig& rig) {
       auto bytes = query(rig);
       bytes[3] = 1;
       return bytes;
     }},
    {"another cell", Drop::cell,
     [](LoopRig& rig) {
       auto bytes = query(rig);
       bytes[8] = static_cast<uint8_t>(bytes[8] ^ 1U);
       return bytes;
     }},
    {"our own, reflected", Drop::sender,
     [](LoopRig& rig) {
       std::vector<uint8_t> bytes(kSealOverhead + 1);
       rig.keyring->seal_to_server(ServerId::b1, as_bytes("x"), bytes);
       return bytes;
     }},
    {"a reply, which LBs do not take", Drop::not_for_us,
     [](LoopRig& rig) {
       std::vector<uint8_t> bytes(kSealOverhead + 1);
       rig.keyring->seal_reply({rig.keys.client.access, rig.client_key->session()}, as_bytes("x"), bytes);
       return bytes;
     }},
    {"a flipped bit of a query", Drop::forged,
     [](LoopRig& rig) {
       auto bytes = query(rig);
       bytes.back() = static_cast<uint8_t>(bytes.back() ^ 1U);
       return bytes;
     }},
    {"a flipped bit of a vote", Drop::forged,
     [](LoopRig& rig) {
       auto bytes = vote(rig);
       bytes.back() = static_cast<uint8_t>(bytes.back() ^ 1U);
       return bytes;
     }},
    {"a query of access id 0", Drop::malformed,
     [](LoopRig& rig) {
       auto bytes = query(rig);
       std::fill(bytes.begin() + 4, bytes.begin() + 8, uint8_t{0});
       return bytes;
     }},
    {"a resignation of an epoch that names no LB", Drop::malformed,
     [](LoopRig& rig) {
       std::vector<uint8_t> bytes(seal::kResignationSize);
       rig.peer_keys[index(ServerId::lb2)]->seal_resignation(ServerId::lb1, make_epoch(5, ServerId::lb2),
                                                             Nonce{1}, bytes);
       bytes[16] = static_cast<uint8_t>(bytes[16] | 3U);
       return bytes;
     }},
};

TEST(Open, EachDropIsCountedUnderItsReasonAndNothingIsHandedOn) {
  for (const Damage& damage : kDamages) {
    LoopRig rig;
    rig.anybody_says(damage.make(rig));
    rig.poll();
    EXPECT_EQ(rig.drops(damage.reason), 1U) << damage.what;
    EXPECT_EQ(rig.loop->opened().dropped(), 1U) << damage.what;
    EXPECT_EQ(rig.service.messages, 0U) << damage.what;
    EXPECT_TRUE(rig.service.resignations.empty()) << damage.what;
    EXPECT_EQ(rig.loop->sent().datagrams.get(), 0U) << damage.what << ": nothing is answered to it";
  }
}

TEST(Open, AServersRepeatIsAReplay) {
  LoopRig rig;
  const auto bytes = vote(rig);
  rig.anybody_says(bytes);
  rig.anybody_says(bytes);
  rig.poll();
  EXPECT_EQ(rig.service.messages, 1U);
  EXPECT_EQ(rig.drops(Drop::replay), 1U);
}

TEST(Open, AServerWithoutAKeyForUsIsUnknown) {
  LoopRig rig;
  seal::ServerKeys fewer = rig.keys.servers[0];
  fewer.pairs[index(ServerId::b1)].reset();
  seal::Keyring keyring(fewer);
  Opener opener(keyring);
  Opener::Messages messages;
  Opener::Resignations resignations;
  rig.peer_says(ServerId::b1, "vote");
  RxBurst burst;
  rig.port->receive(burst);
  opener.open(burst, messages, resignations);
  EXPECT_EQ(opener.counters().drops[static_cast<size_t>(Drop::unknown_key)].get(), 1U);
}

TEST(Open, ABackendTakesNoQueries) {
  LoopRig rig;
  Opener opener(*rig.peer_keys[index(ServerId::b1)]);
  auto bytes = query(rig);
  RxBurst burst;
  burst.datagrams.push_back({bytes, 0, rig.kAlice});
  Opener::Messages messages;
  Opener::Resignations resignations;
  opener.open(burst, messages, resignations);
  EXPECT_TRUE(messages.empty());
  EXPECT_EQ(opener.counters().drops[static_cast<size_t>(Drop::not_for_us)].get(), 1U);
}

TEST(Open, ClientsOfOneBurstThatPushEachOtherOutAreAllHeard) {
  LoopRig rig;
  seal::Keyring keyring(rig.keys.servers[0], {.client_cache_entries = 4});
  Opener opener(keyring);
  std::vector<std::unique_ptr<seal::ClientKeyring>> clients;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(std::make_unique<seal::ClientKeyring>(rig.keys.client));
  }
  for (int round = 0; round < 3; ++round) {
    std::vector<std::vector<uint8_t>> sent;
    RxBurst burst;
    for (auto& client : clients) {
      client->seal_query(as_bytes("query"), sent.emplace_back(kSealOverhead + 5));
    }
    for (auto& bytes : sent) {
      burst.datagrams.push_back({bytes, 0, rig.kAlice});
    }
    Opener::Messages messages;
    Opener::Resignations resignations;
    opener.open(burst, messages, resignations);
    ASSERT_EQ(messages.size(), clients.size());
    for (size_t i = 0; i < clients.size(); ++i) {
      EXPECT_EQ(messages[i].client.session, clients[i]->session());
      EXPECT_EQ(as_text(messages[i].plain), "query");
    }
  }
}

TEST(Open, AResignationReachesTheServiceAlthoughItIsRepeated) {
  LoopRig rig;
  const Epoch epoch = make_epoch(5, ServerId::lb2);
  std::vector<uint8_t> bytes(seal::kResignationSize);
  rig.peer_keys[index(ServerId::lb2)]->seal_resignation(ServerId::lb1, epoch, Nonce{1}, bytes);
  const std::vector<uint8_t> kept = bytes;
  for (int i = 0; i < 12; ++i) {  // more than one burst keeps
    rig.anybody_says(kept);
  }
  rig.poll();
  ASSERT_EQ(rig.service.resignations.size(), Opener::Resignations::capacity());
  EXPECT_EQ(rig.service.resignations[0], std::make_pair(ServerId::lb2, epoch));
  EXPECT_EQ(rig.loop->opened().dropped(), 0U);
}

}  // namespace
}  // namespace tercet::dataplane
