#include "control/engine.h"

#include <gtest/gtest.h>

#include "dataplane/port/memory_port.h"

namespace tercet::control {
namespace {

dataplane::MemoryWire g_wire;
std::string g_made;

using Threads = std::span<const dataplane::PortOptions>;

tl::expected<Engines::Ports, std::string> made(const char* what, Threads threads) {
  g_made = what;
  Engines::Ports ports;
  for (const dataplane::PortOptions& options : threads) {
    ports.push_back(std::make_unique<dataplane::MemoryPort>(g_wire, options));
  }
  return ports;
}

/// What `threads` polling threads open.
std::vector<dataplane::PortOptions> lanes(size_t threads = 1) {
  std::vector<dataplane::PortOptions> options(threads);
  for (dataplane::PortOptions& one : options) {
    one.lanes = {{.local = parse_endpoint("198.18.0.1:8210").value(), .remote = {}, .shared = threads > 1}};
  }
  return options;
}

const Engines kAllowed{.uring = [](Threads threads) { return made("uring", threads); },
                       .mmsg = [](Threads threads) { return made("mmsg", threads); },
                       .uring_allowed = []() -> tl::expected<void, std::string> { return {}; }};
const Engines kForbidden{.uring = [](Threads) -> tl::expected<Engines::Ports, std::string> {
                           return tl::unexpected(std::string("no io_uring: use mmsg"));
                         },
                         .mmsg = kAllowed.mmsg,
                         .uring_allowed = []() -> tl::expected<void, std::string> {
                           return tl::unexpected(std::string("io_uring_setup: not permitted"));
                         }};

ServerConfig with(Engine engine) {
  ServerConfig config;
  config.engine = engine;
  return config;
}

TEST(Engine, ThreadsThatNeverSleepWantACpuEach) {
  ServerConfig config;
  config.steering_threads = 2;
  EXPECT_EQ(poll_warning(config, 1), "") << "they sleep";
  config.poll = dataplane::PollMode::busy;
  EXPECT_EQ(poll_warning(config, 3), "") << "two, and the quorum thread";
  EXPECT_EQ(poll_warning(config, 2),
            "3 polling threads that never sleep share 2 CPUs: set port.poll = \"adaptive\", or fewer "
            "port.steering_threads");
  config.steering_threads = 0;
  EXPECT_EQ(poll_warning(config, 1), "");
  EXPECT_GE(cpus_allowed(), 1U);
}

TEST(Engine, AutomaticTakesUringWhereItIsAllowed) {
  const auto opened = open_ports(with(Engine::automatic), kAllowed, lanes());
  ASSERT_TRUE(opened);
  EXPECT_EQ(g_made, "uring");
  EXPECT_EQ(opened->why, "engine uring (port.engine = \"auto\")");
}

TEST(Engine, AutomaticFallsBackToMmsgAndSaysWhy) {
  const auto opened = open_ports(with(Engine::automatic), kForbidden, lanes());
  ASSERT_TRUE(opened);
  EXPECT_EQ(g_made, "mmsg");
  EXPECT_EQ(opened->why,
            "engine mmsg instead of uring (port.engine = \"auto\"; io_uring_setup: not permitted)");
}

TEST(Engine, WhatIsConfiguredIsTakenOrRefused) {
  ASSERT_TRUE(open_ports(with(Engine::mmsg), kAllowed, lanes()));
  EXPECT_EQ(g_made, "mmsg");
  const auto refused = open_ports(with(Engine::uring), kForbidden, lanes());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), "io_uring_setup: not permitted: allow it, or set port.engine = \"auto\"");
}

TEST(Engine, SeveralThreadsGetAPortEachAndOneToSleepIn) {
  {
    const auto opened = open_ports(with(Engine::automatic), kAllowed, lanes(3), true);
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->ports.size(), 3U);
    EXPECT_NE(opened->rest, nullptr);
  }
  EXPECT_EQ(open_ports(with(Engine::automatic), kAllowed, lanes(), false)->rest, nullptr);
}

TEST(Engine, DpdkOpensItsOwnAndRestsInTheKernel) {
  Engines engines = kAllowed;
  engines.dpdk = [](const ServerConfig&, Threads threads) -> tl::expected<OpenedPorts, std::string> {
    OpenedPorts opened;
    opened.ports = *made("dpdk", threads);
    opened.why = "engine dpdk (as configured)";
    return opened;
  };
  const auto one = open_ports(with(Engine::dpdk), engines, lanes());
  ASSERT_TRUE(one);
  EXPECT_EQ(g_made, "dpdk");
  EXPECT_EQ(one->rest, nullptr);
}

}  // namespace
}  // namespace tercet::control
