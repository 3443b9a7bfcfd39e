// The two ends of a polling turn, without a kernel: opening a burst of clients' queries, sealing and handing
// over a burst of replies and of Accepts to three. 128-byte plaintexts, the cell's AEADs; per datagram.

#include <benchmark/benchmark.h>

#include <vector>

#include "bench/median_rounds.h"
#include "dataplane/open.h"
#include "dataplane/send.h"
#include "wire/seal/test_keys.h"

namespace tercet::dataplane {
namespace {

using bench::RoundClock;
using seal::Algorithm;

constexpr size_t kPlainBytes = 128;

/// Takes bursts and forgets them.
class NullPort final : public Port {
 public:
  NullPort() : memory_(kBurstMax * kDatagramMax) { refill(); }
  size_t receive(RxBurst& burst) override {
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

Algorithm algorithm_of(const benchmark::State& state) { return static_cast<Algorithm>(state.range(0)); }

bool skipped(benchmark::State& state) {
  if (seal::available(algorithm_of(state))) {
    state.SetLabel(seal::name_of(algorithm_of(state)));
    return false;
  }
  state.SkipWithError("the AEAD does not run on this machine");
  return true;
}

/// A burst of `burst` queries of 1,024 clients in turn. Opening destroys what it opens, so each is copied in,
/// outside the timed part, before every turn.
void BM_OpenBurst(benchmark::State& state) {
  if (skipped(state)) {
    return;
  }
  const auto size = static_cast<size_t>(state.range(1));
  constexpr size_t kClients = 1'024;
  seal::Keyring keyring(seal::test::server_keys(ServerId::lb1, algorithm_of(state)));
  const seal::ClientKeys keys = seal::test::client_keys(algorithm_of(state));
  const std::vector<uint8_t> plain(kPlainBytes, 0x5A);
  std::vector<std::vector<uint8_t>> sealed(kClients, std::vector<uint8_t>(kPlainBytes + kSealOverhead));
  for (auto& datagram : sealed) {
    seal::ClientKeyring client(keys);
    client.seal_query(plain, datagram);
  }
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
      const auto& datagram = sealed[next++ % kClients];
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
}
BENCHMARK(BM_OpenBurst)->ArgNames({"aead", "burst"})->ArgsProduct({{0, 1}, {1, 8, 32}})->UseManualTime();

/// `burst` replies to as many clients.
void BM_SendReplies(benchmark::State& state) {
  if (skipped(state)) {
    return;
  }
  const auto size = static_cast<size_t>(state.range(1));
  seal::Keyring keyring(seal::test::server_keys(ServerId::lb1, algorithm_of(state)));
  NullPort port;
  Sender sender(keyring, {});
  Outbox outbox;
  uint64_t client = 0;
  bench::MedianRounds rounds(state, state.range(1));
  for (auto _ : state) {
    for (size_t i = 0; i < size; ++i) {
      ClientRef to;
      to.access_id = 7;
      const uint64_t session = ++client % 1'024;
      std::memcpy(to.session.bytes.data(), &session, sizeof session);
      benchmark::DoNotOptimize(outbox.open().data());
      outbox.close(to, kPlainBytes);
    }
    const auto start = RoundClock::now();
    sender.send(outbox, port);
    rounds.add(RoundClock::now() - start);
  }
}
BENCHMARK(BM_SendReplies)->ArgNames({"aead", "burst"})->ArgsProduct({{0, 1}, {1, 8, 32}})->UseManualTime();

/// One Accept as large as a datagram, sealed for three backends; per datagram.
void BM_SendAccept(benchmark::State& state) {
  if (skipped(state)) {
    return;
  }
  seal::Keyring keyring(seal::test::server_keys(ServerId::lb1, algorithm_of(state)));
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
BENCHMARK(BM_SendAccept)->ArgName("aead")->Arg(0)->Arg(1);

}  // namespace
}  // namespace tercet::dataplane
