// What it costs that a message crosses a Link: put, push, pop, look at it; on one core, so without the cache
// lines that then travel between two. Per message.

#include <benchmark/benchmark.h>

#include <vector>

#include "dataplane/parcel.h"

namespace tercet::dataplane {
namespace {

void BM_CrossALink(benchmark::State& state) {
  const auto burst = static_cast<size_t>(state.range(0));
  const std::vector<uint8_t> plain(static_cast<size_t>(state.range(1)), 0x5A);
  const auto bell = Bell::make().value();
  ParcelLink link(4'096);
  LinkCounters counters;
  ParcelWriter writer(link, *bell, counters.producer);
  ParcelReader reader(link, counters.consumer);
  for (auto _ : state) {
    for (size_t i = 0; i < burst; ++i) {
      writer.put_or_drop({.kind = ParcelKind::from_client}, plain);
    }
    writer.flush();
    reader.fill();
    for (ParcelView parcel; reader.next(parcel);) {
      benchmark::DoNotOptimize(parcel.plain.data());
    }
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * burst));
}
BENCHMARK(BM_CrossALink)->ArgNames({"burst", "bytes"})->ArgsProduct({{1, 8, 32}, {128, 1'000}});

}  // namespace
}  // namespace tercet::dataplane
