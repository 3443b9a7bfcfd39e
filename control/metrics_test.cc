#include "control/metrics.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "dataplane/one_thread.h"
#include "dataplane/port/memory_port.h"
#include "wire/seal/key_file.h"

namespace tercet::control {
namespace {

class NoService final : public dataplane::Service {
 public:
  MonoTime poll(std::span<const dataplane::Message>, const Moment&, Outbox&) override {
    return MonoTime::never();
  }
  void unreachable(ServerId, const Moment&) override {}
};

TEST(Metrics, AreWrittenInPrometheussFormat) {
  Metrics metrics;
  metrics.counter("tercet_a_total", "How many.", 7);
  metrics.gauge("tercet_b_seconds", "How long.", 0.25);
  metrics.begin_counter("tercet_c_total", "By reason.");
  metrics.sample({{"reason", "for\"ged\\"}, {"lane", "a\nb"}}, uint64_t{1});
  metrics.sample({{"reason", "late"}}, uint64_t{2});
  EXPECT_EQ(
      metrics.text(),
      "# HELP tercet_a_total How many.\n# TYPE tercet_a_total counter\ntercet_a_total 7\n"
      "# HELP tercet_b_seconds How long.\n# TYPE tercet_b_seconds gauge\ntercet_b_seconds 0.25\n"
      "# HELP tercet_c_total By reason.\n# TYPE tercet_c_total counter\n"
      "tercet_c_total{reason=\"for\\\"ged\\\\\",lane=\"a\\nb\"} 1\ntercet_c_total{reason=\"late\"} 2\n");
}

TEST(Metrics, AHistogramsBucketsAreSummedUp) {
  Metrics metrics;
  metrics.begin_histogram("tercet_d_seconds", "How long.");
  metrics.buckets({"thread", "poll"}, std::array{0.000001, 0.001}, std::array<uint64_t, 3>{5, 0, 2}, 0.5);
  EXPECT_EQ(metrics.text(),
            "# HELP tercet_d_seconds How long.\n# TYPE tercet_d_seconds histogram\n"
            "tercet_d_seconds_bucket{thread=\"poll\",le=\"1e-06\"} 5\n"
            "tercet_d_seconds_bucket{thread=\"poll\",le=\"0.001\"} 5\n"
            "tercet_d_seconds_bucket{thread=\"poll\",le=\"+Inf\"} 7\n"
            "tercet_d_seconds_sum{thread=\"poll\"} 0.5\ntercet_d_seconds_count{thread=\"poll\"} 7\n");
}

TEST(Metrics, OfPortAndLoopPassPromtool) {
  dataplane::MemoryWire wire;
  dataplane::PortOptions options;
  options.lanes = {{parse_endpoint("198.18.0.1:8210").value(), {}}};
  dataplane::MemoryPort port(wire, options);
  const seal::CellKeys keys = seal::generate_cell_keys(seal::Algorithm::chacha20_poly1305);
  seal::Keyring keyring(keys.servers[0]);
  NoService service;
  dataplane::OneThread loop(port, keyring, service, {});
  wire.deliver(parse_endpoint("198.18.0.9:1").value(), options.lanes[0].local, as_bytes("nonsense"));
  loop.poll({});
  Metrics metrics;
  const std::array threads{loop.view()};
  dataplane::DeviceCounters device;
  device.queues = 2;
  device.buffers.set(3200);
  device.buffers_free[1].set(2900);
  device.missed.set(7);
  add_common(metrics, port.engine(), threads, &device);
  EXPECT_NE(metrics.text().find("\ntercet_open_drops_total{reason=\"too_short\"} 1\n"), std::string::npos);
  EXPECT_NE(metrics.text().find("\ntercet_port_info{engine=\"memory\"} 1\n"), std::string::npos);
  EXPECT_NE(metrics.text().find("\ntercet_device_drops_total{reason=\"missed\"} 7\n"), std::string::npos);
  EXPECT_NE(metrics.text().find("\ntercet_device_free_buffers{queue=\"1\"} 2900\n"), std::string::npos);
  EXPECT_EQ(metrics.text().find("queue=\"2\""), std::string::npos);
  Metrics kernel;
  add_common(kernel, port.engine(), threads);
  EXPECT_EQ(kernel.text().find("tercet_device"), std::string::npos) << "it has a device of its own";
  if (std::system("command -v promtool >/dev/null 2>&1") != 0) {
    GTEST_SKIP() << "promtool is not installed: ./scripts/deps";
  }
  FILE* promtool = popen("promtool check metrics", "w");
  ASSERT_NE(promtool, nullptr);
  std::fwrite(metrics.text().data(), 1, metrics.text().size(), promtool);
  EXPECT_EQ(pclose(promtool), 0);
}

}  // namespace
}  // namespace tercet::control
