#include "wire/seal/keyring.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <set>

#include "wire/seal/client_keyring.h"
#include "wire/seal/test_keys.h"

namespace tercet::seal {
namespace {

using test::hex;
using Datagram = std::vector<uint8_t>;

constexpr std::string_view kPlain = "every seat counts";

/// Exactly as long as what is sealed, so that the sanitizer sees any read behind it.
template <class Seal>
Datagram sealed(size_t plain_size, Seal seal) {
  Datagram out(plain_size + kSealOverhead);
  const size_t size = seal(MutBytes(out));
  EXPECT_EQ(size, out.size());
  return out;
}
Datagram to_server(Keyring& from, ServerId to, std::string_view plain = kPlain) {
  return sealed(plain.size(), [&](MutBytes out) { return from.seal_to_server(to, as_bytes(plain), out); });
}
Datagram query_of(ClientKeyring& client, std::string_view plain = kPlain) {
  return sealed(plain.size(), [&](MutBytes out) { return client.seal_query(as_bytes(plain), out); });
}
Datagram reply_of(Keyring& lb, const ClientKeyRef& client, uint32_t place = 0) {
  return sealed(kPlain.size(),
                [&](MutBytes out) { return lb.seal_reply(client, as_bytes(kPlain), out, place); });
}
Datagram resignation_of(Keyring& lb, ServerId to, Epoch epoch, Nonce nonce) {
  return sealed(8, [&](MutBytes out) { return lb.seal_resignation(to, epoch, nonce, out); });
}
/// Opens a copy: "ok" or the drop's name.
std::string server_outcome(Keyring& to, Datagram datagram) {
  const auto opened = to.open_from_server(datagram);
  return opened ? "ok" : name_of(opened.error());
}
std::string client_outcome(Keyring& to, Datagram datagram) {
  const auto opened = to.open_from_client(datagram);
  return opened ? "ok" : name_of(opened.error());
}
std::string reply_outcome(ClientKeyring& to, Datagram datagram) {
  const auto opened = to.open_reply(datagram);
  return opened ? "ok" : name_of(opened.error());
}
std::string resignation_outcome(Keyring& to, Datagram datagram) {
  const auto opened = to.open_resignation(datagram);
  return opened ? "ok" : name_of(opened.error());
}

class Sealed : public ::testing::TestWithParam<test::Suite> {
 protected:
  void SetUp() override {
    if (!GetParam().runs()) {
      GTEST_SKIP() << test::name_of_suite(GetParam()) << " does not run here";
    }
  }
  [[nodiscard]] static KeyringOptions with(KeyringOptions options = {}) {
    options.provider = GetParam().provider;
    return options;
  }
  /// A client of that suite too; its name in the tests is the class's, so that none is forgotten.
  struct ClientKeyring : seal::ClientKeyring {
    explicit ClientKeyring(const ClientKeys& keys, std::optional<SessionId> session = {})
        : seal::ClientKeyring(keys, session, GetParam().provider) {}
  };
  [[nodiscard]] static ServerKeys keys(ServerId self) { return test::server_keys(self, GetParam()); }
  [[nodiscard]] static bool aes() { return GetParam().algorithm == Algorithm::aes_256_gcm; }
};
INSTANTIATE_TEST_SUITE_P(Suites, Sealed, ::testing::ValuesIn(test::kSuites),
                         [](const auto& tested) { return test::name_of_suite(tested.param); });

// Fixtures computed with Python's cryptography and hashlib: two implementations, one wire.
TEST_P(Sealed, GoldenBytes) {
  Keyring lb(keys(ServerId::lb1), with({.session = test::kLbSession}));
  Keyring b1(keys(ServerId::b1), with({.session = test::kBackendSession}));
  ClientKeyring client(test::client_keys(GetParam()), test::kClientSession);

  Datagram query = query_of(client);
  EXPECT_EQ(hex(query),
            aes() ? "0101ff000700000088776655443322110100000000000000c0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
                    "e6fbd84f2cb9ec32dcca00d0e35a37555c37ce1c15d722c4be0aa760e4b3cb7b06"
                  : "0101ff000700000088776655443322110100000000000000c0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
                    "b0f1ba048d154a8a8cd22480727fd27917e94493166d47e7b822ec4590a708ca38");
  const auto from_client = lb.open_from_client(query);
  ASSERT_TRUE(from_client);
  EXPECT_EQ(as_text(from_client->plain), kPlain);
  EXPECT_EQ(from_client->client, (ClientKeyRef{AccessId{7}, test::kClientSession}));
  EXPECT_EQ(from_client->counter, 1U);

  Datagram reply = reply_of(lb, from_client->client);
  EXPECT_EQ(hex(reply),
            aes() ? "010200000700000088776655443322110100000000000000101112131415161718191a1b1c1d1e1f"
                    "a0c02a5a2f11bac6f6d899152734cb9d18eb7f2a8d24a99cc898382e151589f464"
                  : "010200000700000088776655443322110100000000000000101112131415161718191a1b1c1d1e1f"
                    "c0f64c35fdd6d3fae2b2f625df9113bf84dbaf9b2da771445e417ffb118cc73dde");
  const auto from_lb = client.open_reply(reply);
  ASSERT_TRUE(from_lb);
  EXPECT_EQ(as_text(from_lb->plain), kPlain);
  EXPECT_EQ(from_lb->from, ServerId::lb1);
  EXPECT_EQ(from_lb->session, test::kLbSession);

  Datagram cell = to_server(lb, ServerId::b1);
  EXPECT_EQ(hex(cell),
            aes() ? "010300000000000088776655443322110100000000000000101112131415161718191a1b1c1d1e1f"
                    "c0a88f9cdf65b52a35a432eeccb377dd57f6d49e6ebd0021619166bea2cd6cbf78"
                  : "010300000000000088776655443322110100000000000000101112131415161718191a1b1c1d1e1f"
                    "7aef905746bef7da62206d53fc594900afc995e04fecf042d084d894aad57f5526");
  const auto from_server = b1.open_from_server(cell);
  ASSERT_TRUE(from_server);
  EXPECT_EQ(as_text(from_server->plain), kPlain);
  EXPECT_EQ(from_server->from, ServerId::lb1);
  EXPECT_EQ(from_server->session, test::kLbSession);
  EXPECT_EQ(from_server->counter, 1U);

  Datagram resigned = resignation_of(lb, ServerId::b1, Epoch{21}, Nonce{0x0123456789ABCDEF});
  EXPECT_EQ(hex(resigned),
            aes() ? "010400000000000088776655443322111500000000000000101112131415161718191a1b1c1d1e1f"
                    "1aedaf10cb11f821301923bb0b13d84ea859dfd3eea98d29"
                  : "010400000000000088776655443322111500000000000000101112131415161718191a1b1c1d1e1f"
                    "1b3f1b0ad15430aa06c6d2f8c0e3619c27e8b5a760f3b762");
  const auto resignation = b1.open_resignation(resigned);
  ASSERT_TRUE(resignation);
  EXPECT_EQ(resignation->from, ServerId::lb1);
  EXPECT_EQ(resignation->epoch, Epoch{21});
  EXPECT_EQ(resignation->nonce, Nonce{0x0123456789ABCDEF});
}

TEST_P(Sealed, EveryTruncationAndEveryFlippedBitIsRefused) {
  Keyring lb(keys(ServerId::lb1), with());
  Keyring b1(keys(ServerId::b1), with());
  ClientKeyring client(test::client_keys(GetParam()));
  const Datagram query = query_of(client);
  const Datagram cell = to_server(lb, ServerId::b1);
  const Datagram reply = reply_of(lb, {AccessId{7}, client.session()});
  const Datagram resigned = resignation_of(lb, ServerId::b1, Epoch{21}, Nonce{5});

  struct Fixture {
    const char* name;
    const Datagram& bytes;
    std::function<std::string(Datagram)> open;
  };
  const Fixture fixtures[] = {
      {"query", query, [&](Datagram d) { return client_outcome(lb, std::move(d)); }},
      {"cell", cell, [&](Datagram d) { return server_outcome(b1, std::move(d)); }},
      {"reply", reply, [&](Datagram d) { return reply_outcome(client, std::move(d)); }},
      {"resignation", resigned, [&](Datagram d) { return resignation_outcome(b1, std::move(d)); }},
  };
  std::set<std::string> reasons;
  for (int round = 0; round < 2; ++round) {  // before the keys are cached, and after
    for (const Fixture& f : fixtures) {
      for (size_t size = 0; size < f.bytes.size(); ++size) {
        Datagram cut(f.bytes.begin(), f.bytes.begin() + static_cast<ptrdiff_t>(size));
        cut.shrink_to_fit();
        ASSERT_NE(f.open(cut), "ok") << f.name << " cut to " << size;
      }
      for (size_t bit = 0; bit < f.bytes.size() * 8; ++bit) {
        Datagram flipped = f.bytes;
        flipped[bit / 8] = static_cast<uint8_t>(flipped[bit / 8] ^ 1U << bit % 8);
        const std::string outcome = f.open(flipped);
        ASSERT_NE(outcome, "ok") << f.name << " bit " << bit;
        reasons.insert(outcome);
      }
      Datagram longer = f.bytes;
      longer.push_back(0);
      ASSERT_NE(f.open(longer), "ok") << f.name;
    }
    for (const Fixture& f : fixtures) {
      // None of these attempts hurt the real one. (In the second round the cell's is a repeat.)
      EXPECT_EQ(f.open(f.bytes), round == 1 && std::string(f.name) == "cell" ? "replay" : "ok") << f.name;
    }
  }
  for (const char* reason : {"version", "kind", "reserved", "cell", "sender", "forged", "malformed"}) {
    EXPECT_TRUE(reasons.contains(reason)) << reason << " was not reached by any flipped bit";
  }
}

TEST_P(Sealed, ReflectedAndMisdirectedDatagramsAreRefused) {
  Keyring lb1(keys(ServerId::lb1), with());
  Keyring lb2(keys(ServerId::lb2), with());
  Keyring b1(keys(ServerId::b1), with());
  Keyring b2(keys(ServerId::b2), with());
  ClientKeyring client(test::client_keys(GetParam()));

  const Datagram to_b1 = to_server(lb1, ServerId::b1);
  EXPECT_EQ(server_outcome(lb1, to_b1), "sender") << "reflected as it is";
  EXPECT_EQ(server_outcome(b2, to_b1), "forged") << "sealed for another";
  Datagram turned = to_b1;
  turned[2] = static_cast<uint8_t>(index(ServerId::b1));
  EXPECT_EQ(server_outcome(lb1, turned), "forged") << "reflected under the other's name";
  turned[2] = static_cast<uint8_t>(index(ServerId::b2));
  EXPECT_EQ(server_outcome(b1, turned), "forged") << "under a third one's name";

  const Datagram query = query_of(client);
  EXPECT_EQ(server_outcome(lb1, query), "not_for_us");
  EXPECT_EQ(resignation_outcome(lb1, query), "not_for_us");
  EXPECT_EQ(client_outcome(b1, query), "not_for_us") << "a backend serves no clients";
  EXPECT_EQ(client_outcome(lb1, to_b1), "not_for_us");
  EXPECT_EQ(reply_outcome(client, query), "not_for_us") << "its own, reflected";
  Datagram as_reply = query;
  as_reply[1] = static_cast<uint8_t>(DatagramKind::lb_to_client);
  as_reply[2] = 0;
  EXPECT_EQ(reply_outcome(client, as_reply), "forged");

  EXPECT_EQ(client_outcome(lb1, query), "ok");
  EXPECT_EQ(client_outcome(lb2, query), "ok")
      << "either LB opens it: no session state is needed to take over";
}

TEST_P(Sealed, AStolenServerSpeaksOnlyAsItself) {
  // b1's keys under lb1's name: the pair (lb1, b2) is not among them.
  ServerKeys stolen = keys(ServerId::b1);
  stolen.self = ServerId::lb1;
  stolen.pairs[index(ServerId::b1)].reset();
  Keyring thief(stolen, with());
  Keyring b2(keys(ServerId::b2), with());
  EXPECT_EQ(server_outcome(b2, to_server(thief, ServerId::b2)), "forged");

  ServerKeys fewer = keys(ServerId::b2);
  fewer.pairs[index(ServerId::lb2)].reset();
  Keyring alone(fewer, with());
  Keyring lb2(keys(ServerId::lb2), with());
  EXPECT_EQ(server_outcome(alone, to_server(lb2, ServerId::b2)), "unknown_key");
  EXPECT_EQ(resignation_outcome(alone, resignation_of(lb2, ServerId::b2, Epoch{22}, Nonce{1})),
            "unknown_key");
}

TEST_P(Sealed, RepeatsAreRefusedAndReorderingIsNot) {
  Keyring lb(keys(ServerId::lb1), with());
  Keyring b1(keys(ServerId::b1), with());
  std::vector<Datagram> sent;
  for (int i = 0; i < 100; ++i) {
    sent.push_back(to_server(lb, ServerId::b1));
  }
  for (size_t i = 0; i < sent.size(); ++i) {
    const size_t shuffled = i * 37 % 100;
    EXPECT_EQ(server_outcome(b1, sent[shuffled]), "ok") << shuffled;
    EXPECT_EQ(server_outcome(b1, sent[shuffled]), "replay") << shuffled;
  }
  for (const Datagram& d : sent) {
    EXPECT_EQ(server_outcome(b1, d), "replay");
  }
  for (uint64_t i = 0; i < ReplayWindow::kWindow; ++i) {
    ASSERT_EQ(server_outcome(b1, to_server(lb, ServerId::b1)), "ok");
  }
  EXPECT_EQ(server_outcome(b1, sent[99]), "replay") << "fell out of the window";
}

TEST_P(Sealed, AForgedCounterDoesNotMoveTheWindow) {
  Keyring lb(keys(ServerId::lb1), with());
  Keyring b1(keys(ServerId::b1), with());
  EXPECT_EQ(server_outcome(b1, to_server(lb, ServerId::b1)), "ok");
  Datagram far_ahead = to_server(lb, ServerId::b1);
  far_ahead[22] = 0xFF;
  EXPECT_EQ(server_outcome(b1, far_ahead), "forged");
  EXPECT_EQ(server_outcome(b1, to_server(lb, ServerId::b1)), "ok");
}

TEST_P(Sealed, ARestartedServerIsHeardAtOnceAndRecordingsOfItsFormerLifeDoNotPushItOut) {
  Keyring b1(keys(ServerId::b1), with());
  std::vector<Datagram> recorded;      // one unheard datagram of each of many former lives
  std::vector<Datagram> heard_before;  // and one that was heard
  for (unsigned life = 0; life < 3 * PeerSessions::kSessions; ++life) {
    Keyring lb(keys(ServerId::lb1), with());
    heard_before.push_back(to_server(lb, ServerId::b1));
    EXPECT_EQ(server_outcome(b1, heard_before.back()), "ok") << "life " << life;
    recorded.push_back(to_server(lb, ServerId::b1));
  }
  Keyring live(keys(ServerId::lb1), with());
  const Datagram first = to_server(live, ServerId::b1);
  EXPECT_EQ(server_outcome(b1, first), "ok");
  for (const Datagram& d : heard_before) {
    EXPECT_EQ(server_outcome(b1, d), "replay") << "forgotten sessions keep their newest counter";
  }
  // Each recording that was never heard passes once, as if delayed, and no more; the live session stays.
  for (const Datagram& d : recorded) {
    EXPECT_EQ(server_outcome(b1, d), "ok");
    EXPECT_EQ(server_outcome(b1, d), "replay");
  }
  for (const Datagram& d : recorded) {
    EXPECT_EQ(server_outcome(b1, d), "replay");
  }
  EXPECT_EQ(server_outcome(b1, first), "replay");
  EXPECT_EQ(server_outcome(b1, to_server(live, ServerId::b1)), "ok") << "pushed out, it comes back at once";
}

TEST_P(Sealed, CountersOfPeersAreTheirOwn) {
  Keyring lb(keys(ServerId::lb1), with());
  Keyring b1(keys(ServerId::b1), with());
  Keyring b2(keys(ServerId::b2), with());
  for (uint64_t i = 1; i <= 3; ++i) {
    Datagram one = to_server(lb, ServerId::b1);
    Datagram two = to_server(lb, ServerId::b2);
    EXPECT_EQ(b1.open_from_server(one)->counter, i);
    EXPECT_EQ(b2.open_from_server(two)->counter, i);
  }
}

TEST_P(Sealed, RepliesReachOnlyTheSessionThatAsked) {
  Keyring lb1(keys(ServerId::lb1), with());
  Keyring lb2(keys(ServerId::lb2), with());
  ClientKeyring asker(test::client_keys(GetParam()));
  ClientKeyring same_key(test::client_keys(GetParam()));
  ClientKeyring other_key(test::client_keys(GetParam(), AccessId{8}));
  Datagram query = query_of(asker);
  const auto opened = lb1.open_from_client(query);
  ASSERT_TRUE(opened);
  const Datagram reply = reply_of(lb1, opened->client);
  EXPECT_EQ(reply_outcome(same_key, reply), "forged");
  EXPECT_EQ(reply_outcome(other_key, reply), "not_for_us");
  EXPECT_EQ(reply_outcome(asker, reply), "ok");
  // A new LB that never heard the client answers it, too (repeats are answered after a takeover).
  EXPECT_EQ(reply_outcome(asker, reply_of(lb2, opened->client)), "ok");
  asker.reseed();
  EXPECT_EQ(reply_outcome(asker, reply), "forged");
}

TEST_P(Sealed, ManyLivesOfTheLbsDoNotConfuseAClient) {
  ClientKeyring client(test::client_keys(GetParam()));
  for (int life = 0; life < 12; ++life) {
    Keyring lb(keys(life % 2 == 0 ? ServerId::lb1 : ServerId::lb2), with());
    for (int i = 0; i < 2; ++i) {
      Datagram reply = reply_of(lb, {AccessId{7}, client.session()});
      const auto opened = client.open_reply(reply);
      ASSERT_TRUE(opened);
      EXPECT_EQ(opened->from, lb.self());
    }
  }
}

TEST_P(Sealed, AWrongAccessKeyOpensNothing) {
  Keyring lb(keys(ServerId::lb1), with());
  ClientKeys wrong = test::client_keys(GetParam());
  wrong.access = AccessId{8};  // key of access id 7
  ClientKeyring liar(wrong);
  EXPECT_EQ(client_outcome(lb, query_of(liar)), "forged");
}

TEST_P(Sealed, ASmallClientCacheForgetsAndLearnsAnew) {
  Keyring lb(keys(ServerId::lb1), with({.client_cache_entries = 8}));
  std::vector<std::unique_ptr<ClientKeyring>> clients;
  for (unsigned i = 0; i < 64; ++i) {
    clients.push_back(std::make_unique<ClientKeyring>(test::client_keys(GetParam(), AccessId{1 + i % 5})));
  }
  std::set<std::string> headers;
  for (int round = 0; round < 3; ++round) {
    std::vector<ClientKeyRef> asked;
    for (auto& client : clients) {
      Datagram query = query_of(*client);
      lb.prefetch_client(query);
      lb.prefetch_query_key(query);
      const auto opened = lb.open_from_client(query);
      ASSERT_TRUE(opened);
      asked.push_back(opened->client);
    }
    for (size_t i = 0; i < clients.size(); ++i) {
      const Datagram reply = reply_of(lb, asked[i]);
      // Evicted or not: session and counter together never come twice.
      EXPECT_TRUE(headers.insert(hex(Bytes(reply).first(kHeaderSize))).second);
      EXPECT_EQ(reply_outcome(*clients[i], reply), "ok");
    }
  }
}

TEST_P(Sealed, WhereAClientsKeysWereIsOnlyAHint) {
  Keyring lb(keys(ServerId::lb1), with({.client_cache_entries = 4}));
  ClientKeyring client(test::client_keys(GetParam()));
  ClientKeyring twin(test::client_keys(GetParam(), AccessId{8}), client.session());
  const ClientKeyRef to_client{AccessId{7}, client.session()};
  const ClientKeyRef to_twin{AccessId{8}, client.session()};
  Datagram query = query_of(client);
  EXPECT_EQ(lb.prefetch_query_key(query), 0U) << "not met yet";
  const auto met = lb.open_from_client(query);
  ASSERT_TRUE(met);
  for (const uint32_t hint : {0U, 1U, 2U, 3U, 4U, UINT32_MAX}) {
    query = query_of(client);
    EXPECT_EQ(lb.prefetch_query_key(query), met->place);
    const auto again = lb.open_from_client(query, hint);
    ASSERT_TRUE(again) << hint;
    EXPECT_EQ(again->place, met->place) << hint;
    EXPECT_EQ(reply_outcome(client, reply_of(lb, to_client, hint)), "ok") << hint;
  }
  EXPECT_EQ(lb.query_keys_derived(), 1U);
  EXPECT_EQ(lb.reply_keys_derived(), 1U);

  // One who has the same session under another access key is another.
  query = query_of(twin);
  const auto other = lb.open_from_client(query, met->place);
  ASSERT_TRUE(other);
  EXPECT_NE(other->place, met->place);
  const Datagram reply = reply_of(lb, to_twin, met->place);
  EXPECT_EQ(reply_outcome(client, reply), "not_for_us");
  EXPECT_EQ(reply_outcome(twin, reply), "ok");

  // There are four places, and others have them all by now.
  for (unsigned i = 0; i < 4; ++i) {
    ClientKeyring stranger(test::client_keys(GetParam()));
    EXPECT_EQ(client_outcome(lb, query_of(stranger)), "ok");
  }
  EXPECT_EQ(reply_outcome(client, reply_of(lb, to_client, met->place)), "ok");
  EXPECT_EQ(client_outcome(lb, query_of(client)), "ok");
}

/// 1,024 places, and so many clients that come one after the other, again and again: who loses his place to
/// another pays each time.
TEST_P(Sealed, AClientCacheThatIsThreeQuartersFullLosesNextToNobody) {
  ClientCache cache(1'024, 0x1234'5678'9ABC'DEF0);
  std::vector<SessionId> sessions(768);
  for (SessionId& session : sessions) {
    random_bytes(session.bytes);
  }
  unsigned lost = 0;
  for (int round = 0; round < 4; ++round) {
    lost = 0;
    for (const SessionId& session : sessions) {
      ClientCache::Entry entry = cache.find(AccessId{7}, session);
      if (entry.tag == nullptr) {
        ++lost;
        entry = cache.admit(AccessId{7}, session);
      } else {
        EXPECT_EQ(entry.tag->session, session);
      }
      cache.touch(entry);
    }
  }
  EXPECT_LE(lost, sessions.size() / 50);
}

TEST_P(Sealed, StrangersDoNotWashTheClientCacheOut) {
  ClientCache cache(4, 1);
  const AccessId access{7};
  ASSERT_EQ(cache.capacity(), 4U);
  const auto session = [](uint8_t n) { return test::rising<SessionId>(n); };
  for (uint8_t i = 0; i < 4; ++i) {
    cache.admit(access, session(i));
  }
  for (uint8_t i = 0; i < 4; ++i) {
    ASSERT_NE(cache.find(access, session(i)).tag, nullptr);
  }
  EXPECT_EQ(cache.find(AccessId{8}, session(0)).tag, nullptr);
  cache.touch(cache.find(access, session(0)));
  cache.admit(access, session(9));
  EXPECT_NE(cache.find(access, session(0)).tag, nullptr) << "just used";
  EXPECT_EQ(cache.find(access, session(1)).tag, nullptr) << "silent longest";

  Keyring lb(keys(ServerId::lb1), with({.client_cache_entries = 4}));
  ClientKeyring client(test::client_keys(GetParam()));
  EXPECT_EQ(client_outcome(lb, query_of(client)), "ok");
  for (int i = 0; i < 1000; ++i) {
    Datagram forged = query_of(client);
    random_bytes(MutBytes(forged).subspan(24));  // another session, another text
    EXPECT_EQ(client_outcome(lb, forged), "forged");
  }
  const uint64_t derived = lb.query_keys_derived();
  EXPECT_EQ(derived, 1001U);
  EXPECT_EQ(client_outcome(lb, query_of(client)), "ok");
  EXPECT_EQ(lb.query_keys_derived(), derived) << "its key is still at hand";
}

TEST_P(Sealed, PrefetchLooksAtNothingThatIsNotThere) {
  Keyring lb(keys(ServerId::lb1), with());
  Keyring b1(keys(ServerId::b1), with());
  for (size_t size = 0; size <= kSealOverhead; ++size) {
    Datagram any(size, 0xFF);
    any.shrink_to_fit();
    for (Keyring* keyring : {&lb, &b1}) {
      keyring->prefetch_client(any);
      keyring->prefetch_query_key(any);
      keyring->prefetch_reply_key(0);
      keyring->prefetch_reply_key(UINT32_MAX);
    }
  }
}

TEST_P(Sealed, ResignationsOutliveTheReplayWindowAndNameTheirEpoch) {
  Keyring lb(keys(ServerId::lb1), with());
  Keyring b1(keys(ServerId::b1), with());
  Keyring lb2(keys(ServerId::lb2), with());
  const Epoch epoch = make_epoch(9, ServerId::lb1);
  const Datagram in_advance = resignation_of(lb, ServerId::b1, epoch, Nonce{77});
  EXPECT_EQ(resignation_of(lb, ServerId::b1, epoch, Nonce{77}), in_advance) << "the same, if asked again";
  const Datagram for_lb2 = resignation_of(lb, ServerId::lb2, epoch, Nonce{77});
  for (uint64_t i = 0; i < 2 * ReplayWindow::kWindow; ++i) {
    ASSERT_EQ(server_outcome(b1, to_server(lb, ServerId::b1)), "ok");
  }
  EXPECT_EQ(resignation_outcome(b1, in_advance), "ok");
  EXPECT_EQ(resignation_outcome(b1, in_advance), "ok") << "the caller compares the epoch";
  EXPECT_EQ(resignation_outcome(lb2, for_lb2), "ok");
  EXPECT_EQ(resignation_outcome(lb2, in_advance), "forged");
  EXPECT_EQ(resignation_outcome(lb, in_advance), "sender");
  EXPECT_EQ(server_outcome(b1, in_advance), "not_for_us");
  Datagram as_message = in_advance;
  as_message[1] = static_cast<uint8_t>(DatagramKind::server_to_server);
  Keyring fresh_b1(keys(ServerId::b1), with());
  EXPECT_EQ(server_outcome(fresh_b1, as_message), "forged");
  EXPECT_EQ(resignation_outcome(b1, to_server(lb, ServerId::b1)), "not_for_us");
  // Of the other LB's epoch, or of an epoch that cannot be.
  Datagram wrong_epoch = in_advance;
  wrong_epoch[16] = static_cast<uint8_t>(make_epoch(9, ServerId::lb2).value);
  EXPECT_EQ(resignation_outcome(b1, wrong_epoch), "malformed");
}

TEST_P(Sealed, SessionsDifferAfterRestartReseedAndFork) {
  std::set<SessionId> sessions;
  for (int i = 0; i < 50; ++i) {
    Keyring server(keys(ServerId::b1), with());
    ClientKeyring client(test::client_keys(GetParam()));
    EXPECT_TRUE(sessions.insert(server.session()).second);
    EXPECT_TRUE(sessions.insert(client.session()).second);
    server.reseed();
    client.reseed();
    EXPECT_TRUE(sessions.insert(server.session()).second);
    EXPECT_TRUE(sessions.insert(client.session()).second);
  }

  Keyring lb(keys(ServerId::lb1), with());
  Keyring b1(keys(ServerId::b1), with());
  ClientKeyring client(test::client_keys(GetParam()));
  const SessionId parents = client.session();
  (void)query_of(client);
  (void)to_server(b1, ServerId::lb1);
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const Datagram query = query_of(client);
    const Datagram cell = to_server(b1, ServerId::lb1);
    const Datagram again = query_of(client);
    bool good = write(fds[1], query.data(), query.size()) == static_cast<ssize_t>(query.size());
    good = good && write(fds[1], cell.data(), cell.size()) == static_cast<ssize_t>(cell.size());
    good = good && write(fds[1], again.data(), again.size()) == static_cast<ssize_t>(again.size());
    _exit(good ? 0 : 1);
  }
  Datagram childs_query(kPlain.size() + kSealOverhead);
  Datagram childs_cell = childs_query;
  Datagram childs_second = childs_query;
  for (Datagram* d : {&childs_query, &childs_cell, &childs_second}) {
    ASSERT_EQ(read(fds[0], d->data(), d->size()), static_cast<ssize_t>(d->size()));
  }
  close(fds[0]);
  close(fds[1]);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  const auto opened = lb.open_from_client(childs_query);
  ASSERT_TRUE(opened);
  EXPECT_NE(opened->client.session, parents);
  EXPECT_EQ(opened->counter, 1U);
  const auto second = lb.open_from_client(childs_second);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->client, opened->client) << "one new session, not one a datagram";
  EXPECT_EQ(second->counter, 2U);
  const auto cell = lb.open_from_server(childs_cell);
  ASSERT_TRUE(cell);
  EXPECT_NE(cell->session, b1.session());
  EXPECT_EQ(client.session(), parents) << "the parent goes on as it was";
}

TEST_P(Sealed, AnLbThatDrawsANewSessionIsHeardUnderIt) {
  Keyring lb(keys(ServerId::lb1), with());
  Keyring b1(keys(ServerId::b1), with());
  ClientKeyring client(test::client_keys(GetParam()));
  Datagram query = query_of(client);
  const auto opened = lb.open_from_client(query);
  ASSERT_TRUE(opened);
  EXPECT_EQ(reply_outcome(client, reply_of(lb, opened->client)), "ok");
  EXPECT_EQ(server_outcome(b1, to_server(lb, ServerId::b1)), "ok");
  lb.reseed();
  EXPECT_EQ(reply_outcome(client, reply_of(lb, opened->client)), "ok");
  EXPECT_EQ(server_outcome(b1, to_server(lb, ServerId::b1)), "ok");
}

TEST_P(Sealed, InPlaceIsTheSameAsApartUpToTheLargest) {
  Keyring apart(keys(ServerId::lb1), with({.session = test::kLbSession}));
  Keyring in_place(keys(ServerId::lb1), with({.session = test::kLbSession}));
  Keyring b1(keys(ServerId::b1), with());
  for (const size_t size : {size_t{0}, size_t{1}, size_t{128}, kCellPlainMax}) {
    std::vector<uint8_t> plain(size, 0x5A);
    const Datagram one =
        sealed(size, [&](MutBytes out) { return apart.seal_to_server(ServerId::b1, plain, out); });
    const Datagram two = sealed(size, [&](MutBytes out) {
      std::copy(plain.begin(), plain.end(), out.begin() + kHeaderSize);
      return in_place.seal_to_server(ServerId::b1, out.subspan(kHeaderSize, size), out);
    });
    EXPECT_EQ(one, two) << size;
    Datagram copy = one;
    const auto opened = b1.open_from_server(copy);
    ASSERT_TRUE(opened) << size;
    EXPECT_TRUE(equal(opened->plain, plain));
  }
}

using SealedDeathTest = Sealed;
INSTANTIATE_TEST_SUITE_P(Suites, SealedDeathTest, ::testing::Values(test::kSuites[2]));
TEST_P(SealedDeathTest, OurOwnMistakesAbort) {
  Keyring lb(keys(ServerId::lb1), with());
  Datagram out(kCellDatagramMax + 1);
  const std::vector<uint8_t> too_much(kCellPlainMax + 1);
  EXPECT_DEATH(lb.seal_to_server(ServerId::b1, too_much, out), "room for the datagram");
  EXPECT_DEATH(lb.seal_to_server(ServerId::b1, as_bytes("x"), MutBytes(out).first(kSealOverhead)), "room");
  EXPECT_DEATH(lb.seal_to_server(ServerId::lb1, {}, out), "a key for every peer");
  // Both in the child: after a fork there is a new session, and with it a new key.
  EXPECT_DEATH(
      {
        lb.seal_resignation(ServerId::b1, Epoch{21}, Nonce{1}, out);
        lb.seal_resignation(ServerId::b1, Epoch{21}, Nonce{2}, out);
      },
      "one resignation an epoch");
  EXPECT_DEATH(lb.seal_resignation(ServerId::b1, Epoch{22}, Nonce{1}, out), "its own epoch");
  Keyring b1(keys(ServerId::b1), with());
  EXPECT_DEATH(b1.seal_reply({AccessId{7}, {}}, {}, out), "only an LB");
}

}  // namespace
}  // namespace tercet::seal
