#include "control/check.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace tercet::control {
namespace {

const Engines kForbidden{
    .uring = nullptr, .mmsg = nullptr, .uring_allowed = []() -> tl::expected<void, std::string> {
      return tl::unexpected(std::string("not permitted"));
    }};

TEST(Check, WithoutUringAutoWarnsAndUringFails) {
  ServerConfig config;
  config.engine = Engine::automatic;
  EXPECT_EQ(check_engine(config, kForbidden).verdict, Check::Verdict::warning);
  config.engine = Engine::uring;
  EXPECT_EQ(check_engine(config, kForbidden).verdict, Check::Verdict::bad);
  config.engine = Engine::mmsg;
  EXPECT_EQ(check_engine(config, kForbidden).verdict, Check::Verdict::good);
}

TEST(Check, ADiskMustBeThereAndWritable) {
  const Check missing = check_disk("/nonexistent/store");
  EXPECT_EQ(missing.verdict, Check::Verdict::bad);
  EXPECT_NE(missing.what.find("tercet container init"), std::string::npos);
  EXPECT_EQ(check_disk("/dev/null").verdict, Check::Verdict::bad);
}

TEST(Check, LanesThatCannotBeOpenedSayWhy) {
  const Engines engines{
      .uring = nullptr,
      .mmsg = [](std::span<const dataplane::PortOptions>) -> tl::expected<Engines::Ports, std::string> {
        return tl::unexpected(std::string("UDP 198.18.0.1:8210: port in use: stop it"));
      },
      .uring_allowed = nullptr};
  const Check check = check_lanes(engines, {});
  EXPECT_EQ(check.verdict, Check::Verdict::bad);
  EXPECT_EQ(check.what, "ports: UDP 198.18.0.1:8210: port in use: stop it");
}

TEST(Check, OneBadMakesTheExitCodeTwo) {
  EXPECT_EQ(report({{Check::Verdict::good, "a"}, {Check::Verdict::warning, "b"}}), 0);
  EXPECT_EQ(report({{Check::Verdict::bad, "c"}, {Check::Verdict::good, "a"}}), 2);
}

}  // namespace
}  // namespace tercet::control
