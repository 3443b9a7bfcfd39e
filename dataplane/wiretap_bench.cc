// What a wiretap costs a burst of 32 datagrams of 128 bytes: off, on and taken from, on and full.

#include <benchmark/benchmark.h>

#include <vector>

#include "dataplane/wiretap.h"

namespace tercet::dataplane {
namespace {

constexpr size_t kBurst = 32;
enum Mode : int64_t { kOff, kOn, kFull };

void wiretap(benchmark::State& state) {
  Wiretap tap({{Endpoint{{}, 8200}, {}}}, 64);
  std::vector<uint8_t> bytes(kBurst * 128);
  RxBurst burst;
  for (size_t i = 0; i < kBurst; ++i) {
    burst.datagrams.push_back({MutBytes(bytes).subspan(i * 128, 128), 0, Endpoint{{}, 5000}});
  }
  std::vector<Captured> out(64);
  if (state.range(0) != kOff) {
    tap.start();
  }
  for (auto _ : state) {
    if (tap.on()) [[unlikely]] {
      tap.received(burst);
      if (state.range(0) == kOn) {
        benchmark::DoNotOptimize(tap.take(out));
      }
    }
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBurst));
}
BENCHMARK(wiretap)->ArgName("mode")->Arg(kOff)->Arg(kOn)->Arg(kFull);

}  // namespace
}  // namespace tercet::dataplane
