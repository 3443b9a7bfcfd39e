#include "control/engine.h"

#include <gtest/gtest.h>

#include "dataplane/port/memory_port.h"

namespace tercet::control {
namespace {

dataplane::MemoryWire g_wire;
std::string g_made;

tl::expected<std::unique_ptr<dataplane::Port>, std::string> made(const char* what) {
  g_made = what;
  dataplane::PortOptions options;
  options.lanes = {{parse_endpoint("198.18.0.1:8210").value(), {}}};
  return std::make_unique<dataplane::MemoryPort>(g_wire, options);
}

const Engines kAllowed{.uring = [](const dataplane::PortOptions&) { return made("uring"); },
                       .mmsg = [](const dataplane::PortOptions&) { return made("mmsg"); },
                       .uring_allowed = []() -> tl::expected<void, std::string> { return {}; }};
const Engines kForbidden{
    .uring =
        [](const dataplane::PortOptions&) -> tl::expected<std::unique_ptr<dataplane::Port>, std::string> {
      return tl::unexpected(std::string("no io_uring: use mmsg"));
    },
    .mmsg = kAllowed.mmsg,
    .uring_allowed = []() -> tl::expected<void, std::string> {
      return tl::unexpected(std::string("io_uring_setup: not permitted"));
    }};

TEST(Engine, AutomaticTakesUringWhereItIsAllowed) {
  const auto opened = open_port(Engine::automatic, kAllowed, {});
  ASSERT_TRUE(opened);
  EXPECT_EQ(g_made, "uring");
  EXPECT_EQ(opened->why, "engine uring (port.engine = \"auto\")");
}

TEST(Engine, AutomaticFallsBackToMmsgAndSaysWhy) {
  const auto opened = open_port(Engine::automatic, kForbidden, {});
  ASSERT_TRUE(opened);
  EXPECT_EQ(g_made, "mmsg");
  EXPECT_EQ(opened->why,
            "engine mmsg instead of uring (port.engine = \"auto\"; io_uring_setup: not permitted)");
}

TEST(Engine, WhatIsConfiguredIsTakenOrRefused) {
  ASSERT_TRUE(open_port(Engine::mmsg, kAllowed, {}));
  EXPECT_EQ(g_made, "mmsg");
  const auto refused = open_port(Engine::uring, kForbidden, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), "io_uring_setup: not permitted: allow it, or set port.engine = \"auto\"");
}

}  // namespace
}  // namespace tercet::control
