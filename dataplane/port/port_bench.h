#pragma once
// What the two kernel engines' benches share: bursts over a connected pair on loopback, per datagram sent and
// received.

#include <benchmark/benchmark.h>

#include <cstring>

#include "dataplane/port/socket.h"

namespace tercet::dataplane {

/// Args: datagram size, gso, gro. One iteration moves 64 datagrams.
template <class Make>
void connected_burst(benchmark::State& state, Make make) {
  const auto size = static_cast<size_t>(state.range(0));
  const auto endpoint = [] {
    PortOptions free_port;
    free_port.lanes = {{parse_address("127.0.0.1").value(), {}}};
    return open_lanes(free_port).value()[0].local;
  };
  const Endpoint a = endpoint();
  const Endpoint b = endpoint();
  PortOptions options;
  options.gso = state.range(1) != 0;
  options.gro = state.range(2) != 0;
  options.lanes = {{a, b}};
  auto sender = make(options);
  options.lanes = {{b, a}};
  auto receiver = make(options);
  if (!sender || !receiver) {
    state.SkipWithError((sender ? receiver : sender).error().c_str());
    return;
  }
  static RxBurst burst;
  constexpr size_t kDatagrams = 64;
  (*receiver)->receive(burst);
  for (auto _ : state) {
    TxBurst& out = (*sender)->transmit();
    for (size_t i = 0; i < kDatagrams; ++i) {
      std::memset(out.next().data(), 1, size);
      out.push(size, 0, {});
    }
    (*sender)->send(out);
    (*sender)->wait({});  // submits
    const MonoTime give_up = raw_now() + seconds(1);
    for (size_t got = 0; got < kDatagrams;) {
      got += (*receiver)->receive(burst);
      if (got < kDatagrams && raw_now() > give_up) {
        state.SkipWithError("datagrams were lost");
        return;
      }
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kDatagrams));
}

inline void each_setting(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"bytes", "gso", "gro"});
  for (const int64_t bytes : {200, 1'400}) {
    for (const auto& [gso, gro] : {std::pair{0, 0}, {1, 0}, {1, 1}}) {
      bench->Args({bytes, gso, gro});
    }
  }
}

}  // namespace tercet::dataplane
