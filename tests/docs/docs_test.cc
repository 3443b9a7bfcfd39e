// What the documents say that a program can check: the example configuration is what `tercet cell init`
// writes, every key of it is explained, every link leads somewhere, and what people look up by name is there.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "client/issuer/cell_files.h"
#include "failover/receipt.h"
#include "quorum/backends.h"
#include "wire/op.h"
#include "wire/seal/key_file.h"

namespace tercet {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = TERCET_SOURCE_DIR;

std::string read(const fs::path& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file) << path << " is not there";
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The first text that `expression`'s group matches.
std::string find(const std::string& text, const char* expression) {
  std::smatch match;
  return std::regex_search(text, match, std::regex(expression)) ? match[1].str() : "";
}

class Scratch {
 public:
  Scratch() {
    std::string name = (fs::temp_directory_path() / "tercet-docs-XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~Scratch() { fs::remove_all(path_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// A cell's id is drawn at random: the one thing in which two cells with the same plan differ.
std::string without_id(const std::string& text) {
  return std::regex_replace(text, std::regex("\nid = \"[0-9a-f]{16}\""), "\nid = \"…\"");
}

std::string without_code(const std::string& page) {
  std::istringstream lines(page);
  std::string text;
  bool code = false;
  for (std::string line; std::getline(lines, line);) {
    const bool fence = line.starts_with("```");
    code = code != fence;
    text += code || fence ? "\n" : line + "\n";
  }
  return text;
}

TEST(Docs, ExampleFilesAreWhatCellInitWrites) {
  const auto issuer =
      seal::parse_public_key(find(read(kRoot / "docs/example/lb1.toml"), "issuers = \\[\"([^\"]+)\"\\]"));
  ASSERT_TRUE(issuer.has_value());
  const Scratch scratch;
  issuer::CellPlan plan;
  plan.virtual_ips = {"198.18.0.100/24"};
  plan.lbs = {"198.18.0.1", "198.18.0.2"};
  plan.backends = {"198.18.0.11", "198.18.0.12", "198.18.0.13"};
  plan.issuers = {*issuer};
  ASSERT_TRUE(issuer::write_cell_files(scratch.path().string(), plan).has_value());
  for (const std::string host : {"lb1", "b1", "client"}) {
    const std::string shown = read(kRoot / "docs/example" / (host + ".toml"));
    EXPECT_NE(without_id(shown), shown) << "an id that the comparison leaves out";
    EXPECT_EQ(without_id(shown), without_id(read(scratch.path() / host / (host + ".toml")))) << host;
  }
}

TEST(Docs, EveryKeyIsExplained) {
  const std::string page = read(kRoot / "docs/configuration.md");
  unsigned keys = 0;
  for (const char* file : {"lb1.toml", "b1.toml", "client.toml"}) {
    std::istringstream lines(read(kRoot / "docs/example" / file));
    std::string section;
    for (std::string line; std::getline(lines, line);) {
      if (const std::string name = find(line, "^\\[([a-z]+)\\]"); !name.empty()) {
        section = name;
      } else if (const std::string key = find(line, "^([a-z0-9_]+) = "); !key.empty() && section != "peers") {
        ++keys;
        EXPECT_NE(page.find("`" + section + "." + key + "`"), std::string::npos) << section << "." << key;
      }
    }
  }
  EXPECT_GT(keys, 30U);
}

TEST(Docs, WhatIsLookedUpByNameIsThere) {
  const std::string page = read(kRoot / "docs/operations.md");
  unsigned codes = 0;
  for (unsigned number = 1; number < 256; ++number) {
    const std::string name = name_of(static_cast<Code>(number));
    if (name != "UNKNOWN_CODE") {
      ++codes;
      EXPECT_NE(page.find("`" + name + "`"), std::string::npos) << name;
    }
  }
  EXPECT_GT(codes, 20U);
  for (unsigned state = 0; state <= static_cast<unsigned>(quorum::BackendState::stopped); ++state) {
    const std::string name = quorum::name_of(static_cast<quorum::BackendState>(state));
    EXPECT_NE(page.find("| `" + name + "` |"), std::string::npos) << name;
  }
  for (unsigned cause = 1; cause <= static_cast<unsigned>(failover::Cause::regained); ++cause) {
    const std::string name = failover::name_of(static_cast<failover::Cause>(cause));
    EXPECT_NE(page.find("`" + name + "`"), std::string::npos) << name;
  }
}

TEST(Docs, MetricsThatAreNamedExist) {
  std::string sources;
  for (const auto& file : fs::recursive_directory_iterator(kRoot / "control")) {
    if (file.path().extension() == ".cc") {
      sources += read(file.path());
    }
  }
  const std::string page = read(kRoot / "docs/operations.md");
  unsigned names = 0;
  const std::regex name("`(tercet_[a-z_]+)[{`]");
  for (std::sregex_iterator it(page.begin(), page.end(), name), end; it != end; ++it, ++names) {
    EXPECT_NE(sources.find("\"" + (*it)[1].str() + "\""), std::string::npos) << (*it)[1];
  }
  EXPECT_GT(names, 4U);
}

TEST(Docs, EveryPackageHasItsReason) {
  const std::string page = read(kRoot / "docs/dependencies.md");
  const std::string script = read(kRoot / "scripts/deps");
  unsigned packages = 0;
  for (const char* list : {"\nbuild=\\(([^)]*)\\)", "\nrun=\\(([^)]*)\\)", "\ntest=\\(([^)]*)\\)"}) {
    std::istringstream words(find(script, list));
    for (std::string package; words >> package; ++packages) {
      EXPECT_NE(page.find("`" + package + "`"), std::string::npos) << package;
    }
  }
  EXPECT_GT(packages, 20U);
}

TEST(Docs, LinksLeadSomewhere) {
  std::vector<fs::path> pages{kRoot / "README.md", kRoot / "CONTRIBUTING.md"};
  for (const auto& file : fs::directory_iterator(kRoot / "docs")) {
    if (file.path().extension() == ".md") {
      pages.push_back(file.path());
    }
  }
  unsigned links = 0;
  const std::regex link("\\]\\(([^)#]+)");
  for (const fs::path& page : pages) {
    const std::string text = without_code(read(page));
    for (std::sregex_iterator it(text.begin(), text.end(), link), end; it != end; ++it, ++links) {
      const std::string target = (*it)[1];
      EXPECT_TRUE(target.starts_with("http") || fs::exists(page.parent_path() / target))
          << page << ": " << target;
    }
  }
  EXPECT_GT(links, 10U);
}

}  // namespace
}  // namespace tercet
