// What sealing costs: the primitives, and the keyrings as the data plane calls them.

#include <benchmark/benchmark.h>

#include <vector>

#include "wire/seal/test_keys.h"

namespace tercet::seal {
namespace {

Algorithm algorithm_of(const benchmark::State& state) { return static_cast<Algorithm>(state.range(0)); }

bool skipped(benchmark::State& state) {
  if (available(algorithm_of(state))) {
    state.SetLabel(name_of(algorithm_of(state)));
    return false;
  }
  state.SkipWithError("the AEAD does not run on this machine");
  return true;
}

void BM_Seal(benchmark::State& state) {
  if (skipped(state)) {
    return;
  }
  Keyring lb(test::server_keys(ServerId::lb1, algorithm_of(state)));
  const std::vector<uint8_t> plain(static_cast<size_t>(state.range(1)), 0x5A);
  std::vector<uint8_t> out(plain.size() + kSealOverhead);
  for (auto _ : state) {
    benchmark::DoNotOptimize(lb.seal_to_server(ServerId::b1, plain, out));
  }
  state.SetBytesProcessed(state.iterations() * state.range(1));
}
BENCHMARK(BM_Seal)->ArgNames({"aead", "bytes"})->ArgsProduct({{0, 1}, {128, 1396}});

// Opening destroys the ciphertext and wants fresh counters, so batches are sealed while the clock stands.
void BM_Open(benchmark::State& state) {
  if (skipped(state)) {
    return;
  }
  constexpr size_t kBatch = 256;
  Keyring lb(test::server_keys(ServerId::lb1, algorithm_of(state)));
  Keyring b1(test::server_keys(ServerId::b1, algorithm_of(state)));
  const std::vector<uint8_t> plain(static_cast<size_t>(state.range(1)), 0x5A);
  std::vector<std::vector<uint8_t>> datagrams(kBatch, std::vector<uint8_t>(plain.size() + kSealOverhead));
  while (state.KeepRunningBatch(kBatch)) {
    state.PauseTiming();
    for (auto& d : datagrams) {
      lb.seal_to_server(ServerId::b1, plain, d);
    }
    state.ResumeTiming();
    for (auto& d : datagrams) {
      if (!b1.open_from_server(d)) {
        state.SkipWithError("did not open");
        return;
      }
    }
  }
  state.SetBytesProcessed(state.iterations() * state.range(1));
}
BENCHMARK(BM_Open)->ArgNames({"aead", "bytes"})->ArgsProduct({{0, 1}, {128, 1396}});

void BM_Derive(benchmark::State& state) {
  if (skipped(state)) {
    return;
  }
  const KdfKey key(algorithm_of(state), test::kMaster);
  KdfInput input{Purpose::server, 0, 2, 0, test::kLbSession, test::kClientSession};
  for (auto _ : state) {
    ++input.number;
    benchmark::DoNotOptimize(key.derive(input));
  }
}
BENCHMARK(BM_Derive)->ArgName("aead")->Arg(0)->Arg(1);

void BM_PrepareKey(benchmark::State& state) {
  if (skipped(state)) {
    return;
  }
  const Aead aead(algorithm_of(state));
  Key key = test::kMaster;
  PreparedKey prepared;
  for (auto _ : state) {
    ++key.bytes[0];
    aead.prepare(key, prepared);
    benchmark::DoNotOptimize(prepared);
  }
}
BENCHMARK(BM_PrepareKey)->ArgName("aead")->Arg(0)->Arg(1);

// 128-byte queries of `clients` clients in turn, 4,096 in the cache: warm, held but cold, derived anew each
// time.
void BM_OpenFromClients(benchmark::State& state) {
  if (skipped(state)) {
    return;
  }
  const auto clients = static_cast<size_t>(state.range(1));
  const bool prefetch = state.range(2) != 0;
  Keyring lb(test::server_keys(ServerId::lb1, algorithm_of(state)));
  const ClientKeys keys = test::client_keys(algorithm_of(state));
  const std::vector<uint8_t> plain(128, 0x5A);
  std::vector<std::vector<uint8_t>> sent;
  for (size_t i = 0; i < clients; ++i) {
    ClientKeyring client(keys);
    std::vector<uint8_t> datagram(plain.size() + kSealOverhead);
    client.seal_query(plain, datagram);
    sent.push_back(std::move(datagram));
  }
  constexpr size_t kBurst = 32;
  std::vector<std::vector<uint8_t>> burst(kBurst);
  size_t next = 0;
  while (state.KeepRunningBatch(kBurst)) {
    state.PauseTiming();
    for (auto& d : burst) {
      d = sent[next++ % clients];
    }
    state.ResumeTiming();
    if (prefetch) {
      for (const auto& d : burst) {
        lb.prefetch_client(d);
      }
      for (const auto& d : burst) {
        lb.prefetch_query_key(d);
      }
    }
    for (auto& d : burst) {
      if (!lb.open_from_client(d)) {
        state.SkipWithError("did not open");
        return;
      }
    }
  }
}
BENCHMARK(BM_OpenFromClients)
    ->ArgNames({"aead", "clients", "prefetch"})
    ->ArgsProduct({{0, 1}, {64, 2048, 65536}, {0, 1}});

void BM_SealReply(benchmark::State& state) {
  if (skipped(state)) {
    return;
  }
  Keyring lb(test::server_keys(ServerId::lb1, algorithm_of(state)));
  const std::vector<uint8_t> plain(128, 0x5A);
  std::vector<uint8_t> out(plain.size() + kSealOverhead);
  const ClientKeyRef client{AccessId{7}, test::kClientSession};
  for (auto _ : state) {
    benchmark::DoNotOptimize(lb.seal_reply(client, plain, out));
  }
}
BENCHMARK(BM_SealReply)->ArgName("aead")->Arg(0)->Arg(1);

}  // namespace
}  // namespace tercet::seal
