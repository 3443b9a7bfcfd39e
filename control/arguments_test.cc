#include "control/arguments.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/version.h"

namespace tercet::control {
namespace {

struct Said {
  tl::expected<Arguments, int> value;
  std::string out, err;
};

Said read(std::vector<const char*> words) {
  words.insert(words.begin(), "/usr/bin/tercet-lb");
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  auto value = read_arguments(static_cast<int>(words.size()), words.data(), "tercet-lb", "A load balancer.");
  std::string out = testing::internal::GetCapturedStdout();
  return {std::move(value), std::move(out), testing::internal::GetCapturedStderr()};
}

TEST(Arguments, ConfigAndCheck) {
  Said said = read({"--config", "lb1.toml"});
  ASSERT_TRUE(said.value);
  EXPECT_EQ(said.value->config, "lb1.toml");
  EXPECT_FALSE(said.value->check);
  said = read({"--check", "--config=a=b.toml"});
  ASSERT_TRUE(said.value);
  EXPECT_EQ(said.value->config, "a=b.toml");
  EXPECT_TRUE(said.value->check);
  EXPECT_EQ(said.out + said.err, "");
}

TEST(Arguments, VersionGoesToStdout) {
  const Said said = read({"--version"});
  ASSERT_FALSE(said.value);
  EXPECT_EQ(said.value.error(), 0);
#ifdef TERCET_TEST_FAULTS
  EXPECT_EQ(said.out, std::string("tercet-lb ") + kVersion + " (with test faults)\n");
#else
  EXPECT_EQ(said.out, std::string("tercet-lb ") + kVersion + "\n");
#endif
  EXPECT_EQ(said.err, "");
}

TEST(Arguments, HelpGoesToStdout) {
  for (const char* word : {"--help", "-h"}) {
    const Said said = read({word});
    ASSERT_FALSE(said.value);
    EXPECT_EQ(said.value.error(), 0);
    EXPECT_EQ(said.err, "");
    EXPECT_EQ(said.out.find("usage: tercet-lb --config FILE [--check] | --version\n"), 0U) << said.out;
    EXPECT_NE(said.out.find("A load balancer."), std::string::npos);
  }
}

TEST(Arguments, WhatIsWrongIsOneLineWithWhatToDo) {
  const std::vector<std::pair<std::vector<const char*>, std::string>> wrong{
      {{}, "tercet: no configuration is named: give --config FILE: see tercet-lb --help\n"},
      {{"--config"}, "tercet: --config names no file: see tercet-lb --help\n"},
      {{"--config", ""}, "tercet: no configuration is named: give --config FILE: see tercet-lb --help\n"},
      {{"--config", "x", "--chekc"}, "tercet: --chekc is not understood: see tercet-lb --help\n"},
      {{"lb1.toml"}, "tercet: lb1.toml is not understood: see tercet-lb --help\n"},
  };
  for (const auto& [words, expected] : wrong) {
    const Said said = read(words);
    ASSERT_FALSE(said.value);
    EXPECT_EQ(said.value.error(), 2);
    EXPECT_EQ(said.err, expected);
    EXPECT_EQ(said.out, "");
  }
}

}  // namespace
}  // namespace tercet::control
