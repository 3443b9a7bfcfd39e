// What stands in for the kernel's network stack, per datagram, without a device: a burst of frames taken, a
// burst of headers written. Checksums by the device (`device_sums` 1) or here. Payloads of 128 and 1,400
// bytes.

#include <benchmark/benchmark.h>

#include <array>
#include <cstring>
#include <vector>

#include "dataplane/net/udp.h"
#include "dataplane/port/dpdk/stack_rig.h"

namespace tercet::dataplane {
namespace {

constexpr size_t kBurst = 32;
constexpr MonoTime kNow{1'000'000'000};

/// Frames of as many clients behind the gateway as there are, to the virtual address.
std::vector<std::vector<uint8_t>> queries(size_t count, size_t payload) {
  std::vector<std::vector<uint8_t>> out;
  for (size_t i = 0; i < count; ++i) {
    std::vector<uint8_t> frame(14);
    write_ethernet(frame, frames::kOurMac, frames::kGatewayMac, 0, kEtherTypeIpv4);
    frame.resize(42 + payload);
    const Ipv4 client = ipv4_of(number(frames::kClient) + static_cast<uint32_t>(i));
    write_udp_packet(MutBytes(frame).subspan(14), client, 40'000, frames::kVirtual, 8'210,
                     std::vector<uint8_t>(payload, 0x5A));
    out.push_back(frame);
  }
  return out;
}

void know_the_gateway(StackRig& rig) {
  std::vector<uint8_t> reply = frames::bytes(frames::kArpReply);
  for (const size_t at : {size_t{6}, size_t{22}}) {
    std::ranges::copy(frames::kGatewayMac, reply.begin() + static_cast<ptrdiff_t>(at));
  }
  std::ranges::copy(frames::kGateway, reply.begin() + 28);
  rig.take(reply);
}

void BM_StackTake(benchmark::State& state) {
  StackRig rig;
  const auto burst = queries(kBurst, static_cast<size_t>(state.range(1)));
  auto work = burst;
  const RxSums sums = state.range(0) != 0 ? RxSums{Sum::good, Sum::good} : RxSums{};
  uint64_t taken = 0;
  for (auto _ : state) {
    for (auto& frame : work) {
      const Taken t = rig.stack.take(frame, sums, kNow);
      taken += t.kind == Taken::Kind::datagram ? 1 : 0;
      benchmark::DoNotOptimize(t);
    }
  }
  if (taken != state.iterations() * kBurst) {
    state.SkipWithError("not all were taken");
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kBurst));
}
BENCHMARK(BM_StackTake)->ArgNames({"device_sums", "payload"})->ArgsProduct({{0, 1}, {128, 1'400}});

/// The same, the short way.
void BM_StackTakePlain(benchmark::State& state) {
  StackRig rig;
  const auto burst = queries(kBurst, static_cast<size_t>(state.range(1)));
  const RxSums sums = state.range(0) != 0 ? RxSums{Sum::good, Sum::good} : RxSums{};
  uint64_t taken = 0;
  for (auto _ : state) {
    for (const auto& frame : burst) {
      const Plain plain = rig.stack.plain(frame, sums);
      taken += plain.headers != nullptr ? 1 : 0;
      benchmark::DoNotOptimize(plain);
    }
  }
  if (taken != state.iterations() * kBurst) {
    state.SkipWithError("not all were taken");
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kBurst));
}
BENCHMARK(BM_StackTakePlain)->ArgNames({"device_sums", "payload"})->ArgsProduct({{0, 1}, {128, 1'400}});

/// The next hop of a client, and its headers.
void BM_StackWriteHeaders(benchmark::State& state) {
  StackOptions options = stack_options();
  options.ip_sum_out = options.udp_sum_out = state.range(0) != 0;
  StackRig rig(options);
  know_the_gateway(rig);
  const auto size = static_cast<size_t>(state.range(1));
  std::vector<std::array<uint8_t, 1'500>> work(kBurst);
  for (auto _ : state) {
    for (size_t i = 0; i < kBurst; ++i) {
      const Endpoint to = endpoint_of(ipv4_of(number(frames::kClient) + static_cast<uint32_t>(i)), 40'000);
      const Hop hop = rig.stack.next_hop(kClients, to, kNow);
      rig.stack.write_headers(work[i].data(), kClients, to, *hop.mac, Bytes(work[i]).subspan(42, size));
    }
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kBurst));
}
BENCHMARK(BM_StackWriteHeaders)->ArgNames({"device_sums", "payload"})->ArgsProduct({{0, 1}, {128, 1'400}});

/// connected 1: a server's lane; 0: a client's.
void BM_StackNextHop(benchmark::State& state) {
  StackRig rig;
  know_the_gateway(rig);
  rig.take(frames::kArpReply);
  const Lane lane = state.range(0) != 0 ? kToPeer : kClients;
  for (auto _ : state) {
    for (size_t i = 0; i < kBurst; ++i) {
      benchmark::DoNotOptimize(rig.stack.next_hop(lane, kClientAt, kNow));
    }
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * kBurst));
}
BENCHMARK(BM_StackNextHop)->ArgName("connected")->Arg(0)->Arg(1);

void BM_OnesSum(benchmark::State& state) {
  const std::vector<uint8_t> bytes(static_cast<size_t>(state.range(0)), 0x5A);
  for (auto _ : state) {
    benchmark::DoNotOptimize(ones_sum(bytes));
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(BM_OnesSum)->ArgName("bytes")->Arg(20)->Arg(128)->Arg(1'400);

}  // namespace
}  // namespace tercet::dataplane
