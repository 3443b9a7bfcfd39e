#pragma once
// Tests only: a directory of one's own that goes away with its owner.

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/check.h"

namespace tercet::store {

class ScratchDir {
 public:
  explicit ScratchDir(const std::string& parent = std::filesystem::temp_directory_path().string())
      : path_(parent + "/tercet-store-XXXXXX") {
    TERCET_CHECK(::mkdtemp(path_.data()) != nullptr, "a place for test files");
  }
  ScratchDir(const ScratchDir&) = delete;
  ScratchDir& operator=(const ScratchDir&) = delete;
  ~ScratchDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace tercet::store
