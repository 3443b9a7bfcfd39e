#pragma once
// For tests of the verbs: the tercet command against a load balancer on loopback.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file.h"
#include "client/command/command.h"
#include "client/fake_lb_for_test.h"
#include "wire/seal/license_file.h"

namespace tercet::command {

using client::FakeLb;
using nlohmann::json;
using ::testing::Test;

struct Said {
  int code = 0;
  std::string out, err;
  [[nodiscard]] json doc() const { return json::parse(out); }
};

inline Said tercet(const std::vector<std::string>& arguments) {
  std::ostringstream out, err;
  Said said;
  said.code = run_command(arguments, out, err);
  said.out = out.str();
  said.err = err.str();
  return said;
}

/// "tercet: <what is wrong>: <what to do>", one line.
inline void expect_message(const Said& said) {
  EXPECT_TRUE(said.err.starts_with("tercet: ")) << said.err;
  EXPECT_EQ(std::count(said.err.begin(), said.err.end(), '\n'), 1) << said.err;
  EXPECT_GE(std::count(said.err.begin(), said.err.end(), ':'), 2) << said.err;
}

class CommandTest : public Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "tercet_command_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
    config_ = dir_ + "/client.toml";
    ASSERT_TRUE(seal::write_client_keys(dir_ + "/client.key", lb_.keys.client).has_value());
    write_config({});
  }
  void TearDown() override {
    lb_.stop();
    std::filesystem::remove_all(dir_);
  }
  void write_config(const std::string& more, const std::string& cell_more = "") {
    ASSERT_TRUE(write_file_durably(config_, "[cell]\nid = \"" + seal::text_of(lb_.keys.client.cell) +
                                                "\"\nkeys = \"client.key\"\n" + cell_more +
                                                "[client]\nservers = [\"" + to_string(lb_.endpoint) +
                                                "\"]\n" + more)
                    .has_value());
  }
  /// Runs a verb that asks the cell.
  Said ask(std::vector<std::string> arguments, bool as_json = true) {
    const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
    std::vector<std::string> common{"--config", config_};
    if (as_json) {
      common.emplace_back("--json");
    }
    arguments.insert(dashes, common.begin(), common.end());
    return tercet(arguments);
  }
  std::string check_out() {
    const Said said = ask({"checkout", "--firm", "1000", "--product", "7"});
    EXPECT_EQ(said.code, 0) << said.err;
    return said.doc()["handle"];
  }

  FakeLb lb_;
  std::string dir_, config_;
};

}  // namespace tercet::command
