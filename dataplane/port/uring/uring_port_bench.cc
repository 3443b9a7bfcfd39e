#include "dataplane/port/port_bench.h"
#include "dataplane/port/uring/uring_port.h"

namespace tercet::dataplane {
namespace {

void burst_over_loopback(benchmark::State& state) {
  connected_burst(state, [](const PortOptions& options) { return make_uring_port(options); });
}
BENCHMARK(burst_over_loopback)->Apply(each_setting);

}  // namespace
}  // namespace tercet::dataplane
