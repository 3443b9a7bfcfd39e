#include "control/check.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace tercet::control {
namespace {

const Engines kNoUring{
    .uring = nullptr,
    .mmsg = [](std::span<const dataplane::PortOptions>) -> tl::expected<Engines::Ports, std::string> {
      return tl::unexpected(std::string("UDP 198.18.0.1:8210: port in use: stop it"));
    },
    .uring_allowed = []() -> tl::expected<void, std::string> {
      return tl::unexpected(std::string("not permitted"));
    }};

TEST(Check, WithoutUringAutoWarnsAndUringFails) {
  ServerConfig config;
  config.engine = Engine::automatic;
  EXPECT_EQ(check_port(config, kNoUring, {})[0].verdict, Check::Verdict::warning);
  config.engine = Engine::uring;
  EXPECT_EQ(check_port(config, kNoUring, {})[0].verdict, Check::Verdict::bad);
  config.engine = Engine::mmsg;
  EXPECT_EQ(check_port(config, kNoUring, {})[0].verdict, Check::Verdict::good);
}

TEST(Check, ADiskMustBeThereAndWritable) {
  const Check missing = check_disk("/nonexistent/store");
  EXPECT_EQ(missing.verdict, Check::Verdict::bad);
  EXPECT_NE(missing.what.find("tercet container init"), std::string::npos);
  EXPECT_EQ(check_disk("/dev/null").verdict, Check::Verdict::bad);
}

TEST(Check, LanesThatCannotBeOpenedSayWhy) {
  ServerConfig config;
  config.engine = Engine::mmsg;
  const Check check = check_port(config, kNoUring, {}).back();
  EXPECT_EQ(check.verdict, Check::Verdict::bad);
  EXPECT_EQ(check.what, "ports: UDP 198.18.0.1:8210: port in use: stop it");
}

TEST(Check, DpdkIsStartedAndWhatItLacksIsSaid) {
  using Threads = std::span<const dataplane::PortOptions>;
  ServerConfig config;
  config.engine = Engine::dpdk;
  config.dpdk.eal = "--no-huge -m 64";
  Engines engines = kNoUring;
  engines.dpdk = [](const ServerConfig&, Threads) -> tl::expected<OpenedPorts, std::string> {
    return tl::unexpected(std::string("DPDK found no device: give one"));
  };
  auto checks = check_port(config, engines, {});
  ASSERT_EQ(checks.size(), 1U);
  EXPECT_EQ(checks[0].verdict, Check::Verdict::bad);
  EXPECT_EQ(checks[0].what, "engine: DPDK found no device: give one");
  engines.dpdk = [](const ServerConfig&, Threads) -> tl::expected<OpenedPorts, std::string> {
    OpenedPorts opened;
    opened.why = "engine dpdk (as configured), net_x0";
    opened.warnings = {"net_x0 has no link: is the cable in?"};
    return opened;
  };
  checks = check_port(config, engines, {});
  ASSERT_EQ(checks.size(), 2U);
  EXPECT_EQ(checks[0].verdict, Check::Verdict::good);
  EXPECT_EQ(checks[1].verdict, Check::Verdict::warning);
}

TEST(Check, OneBadMakesTheExitCodeTwo) {
  EXPECT_EQ(report({{Check::Verdict::good, "a"}, {Check::Verdict::warning, "b"}}), 0);
  EXPECT_EQ(report({{Check::Verdict::bad, "c"}, {Check::Verdict::good, "a"}}), 2);
}

}  // namespace
}  // namespace tercet::control
