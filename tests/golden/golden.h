#pragma once
// Golden bytes: one message a file, hex with a word on each field, written from the box drawings and not by
// our writers. A change of one of them is a change of the protocol.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace tercet::golden {

/// The bytes of tests/golden/NAME.hex: whatever stands before '#' in each line.
inline std::vector<uint8_t> load(const std::string& name) {
  std::ifstream file(std::string(TERCET_SOURCE_DIR "/tests/golden/") + name + ".hex");
  EXPECT_TRUE(file.is_open()) << name;
  std::vector<uint8_t> out;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    for (std::string word; words >> word;) {
      out.push_back(static_cast<uint8_t>(std::stoul(word, nullptr, 16)));
    }
  }
  EXPECT_FALSE(out.empty()) << name;
  return out;
}

/// The names of all fixtures, sorted.
inline std::vector<std::string> names() {
  std::vector<std::string> out;
  for (const auto& file : std::filesystem::directory_iterator(TERCET_SOURCE_DIR "/tests/golden")) {
    if (file.path().extension() == ".hex") {
      out.push_back(file.path().stem().string());
    }
  }
  std::ranges::sort(out);
  return out;
}

/// Readable when it fails: the offset of the first difference instead of two dumps.
inline ::testing::AssertionResult same(Bytes written, Bytes golden) {
  for (size_t i = 0; i < written.size() && i < golden.size(); ++i) {
    if (written[i] != golden[i]) {
      return ::testing::AssertionFailure()
             << "byte " << i << " is " << int{written[i]} << ", golden " << int{golden[i]};
    }
  }
  if (written.size() != golden.size()) {
    return ::testing::AssertionFailure() << written.size() << " bytes, golden " << golden.size();
  }
  return ::testing::AssertionSuccess();
}

// What the fixtures say, so that tests of several formats name the same values.
inline constexpr uint64_t kInstance = 0x1122334455667788;
inline constexpr uint64_t kIncarnation = 0xA1A2A3A4A5A6A7A8;
inline constexpr int64_t kCellMs = 86'400'000;
inline constexpr int64_t kWallMs = 1'767'225'600'000;

}  // namespace tercet::golden
