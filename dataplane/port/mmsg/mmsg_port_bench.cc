#include "dataplane/port/mmsg/mmsg_port.h"
#include "dataplane/port/port_bench.h"

namespace tercet::dataplane {
namespace {

void burst_over_loopback(benchmark::State& state) {
  connected_burst(state, [](const PortOptions& options) { return make_mmsg_port(options); });
}
BENCHMARK(burst_over_loopback)->Apply(each_setting);

}  // namespace
}  // namespace tercet::dataplane
