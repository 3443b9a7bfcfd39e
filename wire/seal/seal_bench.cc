// What sealing costs: the primitives, and the keyrings as the data plane calls them.

#include <benchmark/benchmark.h>

#include <vector>

#include "wire/seal/test_keys.h"

namespace tercet::seal {
namespace {

test::Suite suite_of(const benchmark::State& state) { return test::measured_suite(state.range(0)); }
KeyringOptions with(const benchmark::State& state) { return {.provider = suite_of(state).provider}; }

bool skipped(benchmark::State& state) {
  if (suite_of(state).runs()) {
    state.SetLabel(test::label_of(suite_of(state)));
    return false;
  }
  state.SkipWithError("the AEAD does not run on this machine");
  return true;
}

void BM_Seal(benchmark::State& state) {
  if (skipped(state)) {
    return;
  }
  Keyring lb(test::server_keys(ServerId::lb1, suite_of(state)), with(state));
  const std::vector<uint8_t> plain(static_cast<size_t>(state.range(1)), 0x5A);
  std::vector<uint8_t> out(plain.size() + kSealOverhead);
  for (auto _ : state) {
    benchmark::DoNotOptimize(lb.seal_to_server(ServerId::b1, plain, out));
  }
  state.SetBytesProcessed(state.iterations() * state.range(1));
}
BENCHMARK(BM_Seal)->ArgNames({"aead", "bytes"})->ArgsProduct({{0, 1, 2}, {128, 1396}});

// Opening destroys the ciphertext and wants fresh counters, so batches are sealed while the clock stands.
void BM_Open(benchmark::State& state) {
  if (skipped(state)) {
    return;
  }
  constexpr size_t kBatch = 256;
  Keyring lb(test::server_keys(ServerId::lb1, suite_of(state)), with(state));
  Keyring b1(test::server_keys(ServerId::b1, suite_of(state)), with(state));
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
BENCHMARK(BM_Open)->ArgNames({"aead", "bytes"})->ArgsProduct({{0, 1, 2}, {128, 1396}});

void BM_Derive(benchmark::State& state) {
  if (skipped(state)) {
    return;
  }
  const KdfKey key(suite_of(state), test::kMaster);
  KdfInput input{Purpose::server, 0, 2, 0, test::kLbSession, test::kClientSession};
  for (auto _ : state) {
    ++input.number;
    benchmark::DoNotOptimize(key.derive(input));
  }
}
BENCHMARK(BM_Derive)->ArgName("aead")->Arg(0)->Arg(1)->Arg(2);

void BM_PrepareKey(benchmark::State& state) {
  if (skipped(state)) {
    return;
  }
  const Aead aead(suite_of(state), suite_of(state).provider);
  Key key = test::kMaster;
  PreparedKey prepared;
  for (auto _ : state) {
    ++key.bytes[0];
    aead.prepare(key, prepared);
    benchmark::DoNotOptimize(prepared);
  }
}
BENCHMARK(BM_PrepareKey)->ArgName("aead")->Arg(0)->Arg(1)->Arg(2);

// A client whose key is not at hand: derived, opened with, kept. (With keys at hand, warm and cold:
// dataplane_bench.)
void BM_OpenFromAClientAnew(benchmark::State& state) {
  if (skipped(state)) {
    return;
  }
  KeyringOptions options = with(state);
  options.client_cache_entries = 4;
  Keyring lb(test::server_keys(ServerId::lb1, suite_of(state)), options);
  const ClientKeys keys = test::client_keys(suite_of(state));
  const std::vector<uint8_t> plain(128, 0x5A);
  std::vector<std::vector<uint8_t>> sent(64, std::vector<uint8_t>(plain.size() + kSealOverhead));
  for (auto& datagram : sent) {
    ClientKeyring(keys).seal_query(plain, datagram);
  }
  std::vector<std::vector<uint8_t>> burst(sent.size());
  while (state.KeepRunningBatch(static_cast<int64_t>(sent.size()))) {
    state.PauseTiming();
    burst = sent;
    state.ResumeTiming();
    for (auto& d : burst) {
      if (!lb.open_from_client(d)) {
        state.SkipWithError("did not open");
        return;
      }
    }
  }
}
BENCHMARK(BM_OpenFromAClientAnew)->ArgName("aead")->Arg(0)->Arg(1)->Arg(2);

void BM_SealReply(benchmark::State& state) {
  if (skipped(state)) {
    return;
  }
  Keyring lb(test::server_keys(ServerId::lb1, suite_of(state)), with(state));
  const std::vector<uint8_t> plain(128, 0x5A);
  std::vector<uint8_t> out(plain.size() + kSealOverhead);
  const ClientKeyRef client{AccessId{7}, test::kClientSession};
  for (auto _ : state) {
    benchmark::DoNotOptimize(lb.seal_reply(client, plain, out));
  }
}
BENCHMARK(BM_SealReply)->ArgName("aead")->Arg(0)->Arg(1)->Arg(2);

}  // namespace
}  // namespace tercet::seal
