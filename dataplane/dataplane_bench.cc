// The two ends of a polling turn, without a kernel: opening a burst of clients' queries, sealing and handing
// over a burst of replies and of Accepts to three. 128-byte plaintexts, the cell's AEADs; per datagram. Warm:
// 1,024 clients in turn; cold: 100,000, each of which comes again when its keys have long left the caches.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <map>
#include <vector>

#include "bench/median_rounds.h"
#include "dataplane/open.h"
#include "dataplane/send.h"
#include "wire/seal/test_keys.h"

namespace tercet::dataplane {
namespace {

using bench::RoundClock;

constexpr size_t kPlainBytes = 128;
constexpr int64_t kWarm = 1'024;
constexpr int64_t kCold = 100'000;
constexpr int64_t kColdRounds = 4'000;  ///< fixed: half a gigabyte of keys is made ready for each measurement

/// Takes bursts and forgets them.
class NullPort final : public Port {
 public:
  NullPort() : memory_(kBurstMax * kDatagramMax) { refill(); }
  size_t receive(RxBurst& burst, MonoTime /*now*/) override {
    burst.datagrams.clear();
    return 0;
  }
  TxBurst& transmit() override { return burst_; }
  void send(TxBurst& burst) override {
    benchmark::DoNotOptimize(burst.datagrams().data());
    benchmark::ClobberMemory();
    refill();
  }
  void wait(MonoTime) override {}
  void watch(int) override {}
  uint32_t take_unreachable() override { return 0; }
  [[nodiscard]] const PortCounters& counters() const override { return counters_; }
  [[nodiscard]] const char* engine() const override { return "null"; }

 private:
  void refill() {
    burst_.reset();
    for (size_t i = 0; i < kBurstMax; ++i) {
      if (!burst_.add_buffer(&memory_[i * kDatagramMax])) {
        break;
      }
    }
  }
  std::vector<uint8_t> memory_;
  TxBurst burst_;
  PortCounters counters_;
};

seal::test::Suite suite_of(const benchmark::State& state) {
  return seal::test::measured_suite(state.range(0));
}

bool skipped(benchmark::State& state) {
  if (suite_of(state).runs()) {
    state.SetLabel(seal::test::label_of(suite_of(state)));
    return false;
  }
  state.SkipWithError("the AEAD does not run on this machine");
  return true;
}

/// An LB that keeps the keys of `clients` ready.
seal::KeyringOptions keeping(const benchmark::State& state, int64_t clients, bool prefetch) {
  return {.client_cache_entries = static_cast<size_t>(clients) * 2,
          .provider = suite_of(state).provider,
          .prefetch = prefetch};
}
SessionId session_of(uint64_t client) {
  SessionId session;  // as random as a real one: the keys of clients that follow each other lie apart
  const std::array<uint64_t, 2> halves{(client + 1) * 0x9E3779B97F4A7C15U,
                                       (client + 1) * 0xC2B2AE3D27D4EB4FU};
  std::memcpy(session.bytes.data(), halves.data(), sizeof halves);
  return session;
}

using Query = std::array<uint8_t, kPlainBytes + kSealOverhead>;
/// One of each client; sealed once, since so many clients take a while.
const std::vector<Query>& queries(seal::Algorithm aead, int64_t clients) {
  static std::map<std::pair<seal::Algorithm, int64_t>, std::vector<Query>> made;
  std::vector<Query>& sealed = made[{aead, clients}];
  if (sealed.empty()) {
    const seal::ClientKeys keys = seal::test::client_keys(aead);
    const std::vector<uint8_t> plain(kPlainBytes, 0x5A);
    sealed.resize(static_cast<size_t>(clients));
    for (size_t i = 0; i < sealed.size(); ++i) {
      seal::ClientKeyring(keys, session_of(i)).seal_query(plain, sealed[i]);
    }
  }
  return sealed;
}

/// A burst of `burst` queries. Opening destroys what it opens, so each is copied in, outside the timed part,
/// before every turn.
void open_bursts(benchmark::State& state, int64_t clients, bool prefetch) {
  if (skipped(state)) {
    return;
  }
  const auto size = static_cast<size_t>(state.range(1));
  seal::Keyring keyring(seal::test::server_keys(ServerId::lb1, suite_of(state)),
                        keeping(state, clients, prefetch));
  const std::vector<Query>& sealed = queries(suite_of(state).algorithm, clients);
  for (Query first : sealed) {
    benchmark::DoNotOptimize(keyring.open_from_client(first));
  }
  const uint64_t derived = keyring.query_keys_derived();
  Opener opener(keyring);
  Opener::Messages messages;
  Opener::Resignations resignations;
  std::vector<std::vector<uint8_t>> buffers(size, std::vector<uint8_t>(kDatagramMax));
  RxBurst burst;
  size_t next = 0;
  bench::MedianRounds rounds(state, state.range(1));
  for (auto _ : state) {
    burst.datagrams.clear();
    for (auto& buffer : buffers) {
      const auto& datagram = sealed[next++ % sealed.size()];
      std::copy(datagram.begin(), datagram.end(), buffer.begin());
      burst.datagrams.push_back({MutBytes(buffer).first(datagram.size()), 0, {}});
    }
    const auto start = RoundClock::now();
    opener.open(burst, messages, resignations);
    const auto end = RoundClock::now();
    if (messages.size() != size) {
      state.SkipWithError("did not open");
      return;
    }
    rounds.add(end - start);
  }
  state.counters["derived"] = static_cast<double>(keyring.query_keys_derived() - derived);
}
void BM_OpenBurst(benchmark::State& state) { open_bursts(state, kWarm, true); }
BENCHMARK(BM_OpenBurst)->ArgNames({"aead", "burst"})->ArgsProduct({{0, 1, 2}, {1, 8, 32}})->UseManualTime();
void BM_OpenColdBurst(benchmark::State& state) { open_bursts(state, kCold, state.range(2) != 0); }
BENCHMARK(BM_OpenColdBurst)
    ->ArgNames({"aead", "burst", "prefetch"})
    ->ArgsProduct({{0}, {1, 8, 32}, {0, 1}})
    ->ArgsProduct({{2}, {32}, {0, 1}})
    ->Iterations(kColdRounds)
    ->UseManualTime();

/// `burst` replies to as many clients.
void send_replies(benchmark::State& state, int64_t clients, bool prefetch) {
  if (skipped(state)) {
    return;
  }
  const auto size = static_cast<size_t>(state.range(1));
  seal::Keyring keyring(seal::test::server_keys(ServerId::lb1, suite_of(state)),
                        keeping(state, clients, prefetch));
  NullPort port;
  Sender sender(keyring, {});
  Outbox outbox;
  std::vector<uint32_t> places;
  for (Query query : queries(suite_of(state).algorithm, clients)) {
    places.push_back(keyring.open_from_client(query)->place);
  }
  uint64_t next = 0;
  const auto write = [&](size_t replies) {
    for (size_t i = 0; i < replies; ++i) {
      const uint64_t client = next++ % static_cast<uint64_t>(clients);
      ClientRef to;
      to.access_id = 7;
      to.session = session_of(client);
      to.key_place = places[client];
      benchmark::DoNotOptimize(outbox.open().data());
      outbox.close(to, kPlainBytes);
    }
  };
  for (int64_t i = 0; i < clients; i += 32) {
    write(static_cast<size_t>(std::min<int64_t>(32, clients - i)));
    sender.send(outbox, port);
  }
  const uint64_t derived = keyring.reply_keys_derived();
  bench::MedianRounds rounds(state, state.range(1));
  for (auto _ : state) {
    write(size);
    const auto start = RoundClock::now();
    sender.send(outbox, port);
    rounds.add(RoundClock::now() - start);
  }
  state.counters["derived"] = static_cast<double>(keyring.reply_keys_derived() - derived);
}
void BM_SendReplies(benchmark::State& state) { send_replies(state, kWarm, true); }
BENCHMARK(BM_SendReplies)->ArgNames({"aead", "burst"})->ArgsProduct({{0, 1, 2}, {1, 8, 32}})->UseManualTime();
void BM_SendColdReplies(benchmark::State& state) { send_replies(state, kCold, state.range(2) != 0); }
BENCHMARK(BM_SendColdReplies)
    ->ArgNames({"aead", "burst", "prefetch"})
    ->ArgsProduct({{0}, {1, 8, 32}, {0, 1}})
    ->ArgsProduct({{2}, {32}, {0, 1}})
    ->Iterations(kColdRounds)
    ->UseManualTime();

/// One Accept as large as a datagram, sealed for three backends; per datagram.
void BM_SendAccept(benchmark::State& state) {
  if (skipped(state)) {
    return;
  }
  seal::Keyring keyring(seal::test::server_keys(ServerId::lb1, suite_of(state)),
                        {.provider = suite_of(state).provider});
  NullPort port;
  Routes routes;
  for (const Slot slot : kSlots) {
    routes.lane_of[index(server_of(slot))] = static_cast<Lane>(1 + index(slot));
  }
  Sender sender(keyring, routes);
  Outbox outbox;
  for (auto _ : state) {
    benchmark::DoNotOptimize(outbox.open().data());
    outbox.close(kAllBackends, kCellPlainMax);
    sender.send(outbox, port);
  }
  state.SetItemsProcessed(state.iterations() * int64_t{kBackends});
}
BENCHMARK(BM_SendAccept)->ArgName("aead")->Arg(0)->Arg(1)->Arg(2);

}  // namespace
}  // namespace tercet::dataplane
