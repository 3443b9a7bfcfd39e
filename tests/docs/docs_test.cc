// What the documents say that a program can check: the example configuration is what `tercet cell init`
// writes, every key of it is explained, every link leads somewhere, and what people look up by name is there.

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "client/issuer/cell_files.h"
#include "dataplane/net/net_drop.h"
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

/// What stands between the first `before` and the next `after`; empty if there is none.
std::string between(const std::string& text, std::string_view before, std::string_view after) {
  const size_t begin = text.find(before);
  if (begin == std::string::npos) {
    return "";
  }
  const size_t end = text.find(after, begin + before.size());
  return end == std::string::npos ? "" : text.substr(begin + before.size(), end - begin - before.size());
}

/// All that stands between a `before` and the next `after`. (Not std::regex: with the sanitizers on, GCC 12
/// warns about its own header.)
std::vector<std::string> all_between(const std::string& text, std::string_view before,
                                     std::string_view after) {
  std::vector<std::string> found;
  for (size_t at = text.find(before); at != std::string::npos; at = text.find(before, at)) {
    at += before.size();
    const size_t end = text.find(after, at);
    if (end == std::string::npos) {
      break;
    }
    found.push_back(text.substr(at, end - at));
  }
  return found;
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
std::string without_id(std::string text) {
  const std::string id = between(text, "\nid = \"", "\"");
  EXPECT_EQ(id.size(), 16U);
  return text.replace(text.find(id), id.size(), "…");
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
      seal::parse_public_key(between(read(kRoot / "docs/example/lb1.toml"), "issuers = [\"", "\""));
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
      if (line.starts_with('[')) {
        section = between(line, "[", "]");
      } else if (const size_t equals = line.find(" = "); equals != std::string::npos && section != "peers") {
        ++keys;
        const std::string key = section + "." + line.substr(0, equals);
        EXPECT_NE(page.find("`" + key + "`"), std::string::npos) << key;
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
  for (size_t drop = 1; drop < dataplane::kNetDrops; ++drop) {
    const std::string name = dataplane::name_of(static_cast<dataplane::NetDrop>(drop));
    EXPECT_NE(page.find("`" + name + "`"), std::string::npos) << name;
  }
  for (unsigned state = 0; state <= static_cast<unsigned>(quorum::BackendState::stopped); ++state) {
    const std::string name = quorum::name_of(static_cast<quorum::BackendState>(state));
    EXPECT_NE(page.find("| `" + name + "` |"), std::string::npos) << name;
  }
  unsigned causes = 0;
  for (unsigned cause = 1; cause < 256; ++cause) {
    const std::string name = failover::name_of(static_cast<failover::Cause>(cause));
    if (name != "unknown") {
      ++causes;
      EXPECT_NE(page.find("`" + name + "`"), std::string::npos) << name;
    }
  }
  EXPECT_GT(causes, 10U);
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
  for (const std::string& word : all_between(page, "`tercet_", "`")) {
    ++names;
    const std::string name = "tercet_" + word.substr(0, word.find('{'));
    EXPECT_NE(sources.find("\"" + name + "\""), std::string::npos) << name;
  }
  EXPECT_GT(names, 4U);
}

TEST(Docs, EveryPackageHasItsReason) {
  const std::string page = read(kRoot / "docs/dependencies.md");
  const std::string script = read(kRoot / "scripts/deps");
  unsigned packages = 0;
  for (const char* list : {"\nbuild=(", "\nrun=(", "\ntest=(", "\npeers=("}) {
    std::istringstream words(between(script, list, ")"));
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
  for (const fs::path& page : pages) {
    for (const std::string& link : all_between(without_code(read(page)), "](", ")")) {
      ++links;
      const std::string target = link.substr(0, link.find('#'));
      EXPECT_TRUE(target.starts_with("http") || target.empty() || fs::exists(page.parent_path() / target))
          << page << ": " << link;
    }
  }
  EXPECT_GT(links, 10U);
}

}  // namespace
}  // namespace tercet
