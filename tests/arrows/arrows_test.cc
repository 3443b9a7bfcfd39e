// The arrows between folders (docs/architecture.md), and the purity of those that decide: read from the
// #include lines of every source file, since a header that needs no library links anywhere.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace tercet {
namespace {

using Folders = std::set<std::string>;

/// Folder -> the folders it may use directly. What those use, it may use too. A new folder gets its line here
/// and in CMakeLists.txt. tests/ and bench/ are not in it: they may use anything, and nothing uses them.
const std::map<std::string, Folders>& arrows() {
  static const std::map<std::string, Folders> table{
      {"base", {}},
      {"wire", {"base"}},
      {"wire/seal", {"wire"}},
      {"quorum", {"wire"}},
      {"license", {"wire", "wire/seal"}},
      {"failover", {"wire"}},
      {"dataplane/port", {"wire"}},
      {"dataplane/net", {"wire"}},
      {"dataplane/port/mmsg", {"dataplane/port", "dataplane/net"}},
      {"dataplane/port/uring", {"dataplane/port", "dataplane/net"}},
      {"dataplane/port/dpdk", {"dataplane/port", "dataplane/net"}},
      {"dataplane", {"dataplane/port", "wire/seal"}},
      {"dataplane/steer", {"dataplane", "quorum", "failover"}},
      {"backend/store", {"wire"}},
      {"backend", {"dataplane", "quorum", "license", "backend/store"}},
      {"control", {"dataplane", "dataplane/net"}},
      {"control/engines", {"control", "dataplane/port/mmsg", "dataplane/port/uring", "dataplane/port/dpdk"}},
      {"control/lb", {"control", "control/engines", "dataplane/steer", "dataplane/net"}},
      {"control/backend", {"control", "control/engines", "backend"}},
      {"client", {"wire/seal"}},
      {"client/load", {"client", "dataplane/port/mmsg", "dataplane/port/uring", "dataplane/port/dpdk"}},
      {"client/issuer", {"client"}},
      {"client/command", {"client/load", "client/issuer", "dataplane/net"}},
  };
  return table;
}

/// Folders that decide: time and randomness come in as arguments, effects go out as values.
const Folders kPure{"quorum", "license", "failover"};
/// Headers through which a clock, a thread, randomness or the outside world would come in.
const Folders kImpure{
    "chrono",   "ctime",     "time.h",   "thread",     "mutex",   "shared_mutex", "condition_variable",
    "future",   "semaphore", "latch",    "barrier",    "atomic",  "stop_token",   "pthread.h",
    "random",   "iostream",  "fstream",  "filesystem", "cstdio",  "stdio.h",      "unistd.h",
    "fcntl.h",  "poll.h",    "signal.h", "csignal",    "netdb.h", "liburing.h",   "sodium.h",
    "syslog.h", "execution", "istream",  "ostream",    "sstream", "coroutine",    "stdlib.h",
};
const std::vector<std::string> kImpurePrefixes{"sys/",    "linux/", "net/", "netinet/", "arpa/",
                                               "spdlog/", "boost/", "fmt/", "rte_",     "libmnl/"};

/// The folder of the table that holds `path` (relative to the root); empty if none does.
std::string folder_of(std::string_view path) {
  std::string best;
  for (const auto& [folder, uses] : arrows()) {
    if (path.starts_with(folder + "/") && folder.size() > best.size()) {
      best = folder;
    }
  }
  return best;
}

void collect(const std::string& folder, Folders& out) {
  if (out.insert(folder).second) {
    for (const std::string& used : arrows().at(folder)) {
      collect(used, out);
    }
  }
}
Folders reachable(const std::string& folder) {
  Folders out;
  collect(folder, out);
  return out;
}

std::string list(const Folders& folders) {
  std::string out;
  for (const std::string& folder : folders) {
    out += (out.empty() ? "" : ", ") + folder;
  }
  return out;
}

struct Include {
  unsigned line = 0;
  bool quoted = false;
  std::string path;
};
std::vector<Include> includes_of(const std::string& text) {
  std::vector<Include> out;
  std::istringstream lines(text);
  unsigned number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const size_t hash = line.find_first_not_of(" \t");
    if (hash == std::string::npos || line[hash] != '#') {
      continue;
    }
    const size_t word = line.find_first_not_of(" \t", hash + 1);
    if (word == std::string::npos || line.compare(word, 7, "include") != 0) {
      continue;
    }
    const size_t open = line.find_first_of("<\"", word + 7);
    const size_t close = open == std::string::npos ? open : line.find_first_of(">\"", open + 1);
    if (close != std::string::npos) {
      out.push_back({number, line[open] == '"', line.substr(open + 1, close - open - 1)});
    }
  }
  return out;
}

bool is_test(std::string_view path) { return path.ends_with("_test.cc") || path.ends_with("_bench.cc"); }

/// What is wrong with the includes of one file, a sentence each.
std::vector<std::string> faults_of(const std::string& path, const std::string& text) {
  std::vector<std::string> faults;
  const std::string folder = folder_of(path);
  if (folder.empty()) {
    faults.push_back(path + ": its folder has no line in the table of tests/arrows/arrows_test.cc");
    return faults;
  }
  const Folders allowed = reachable(folder);
  for (const Include& include : includes_of(text)) {
    const std::string where = path + ":" + std::to_string(include.line) + ": ";
    const bool helper = include.path.starts_with("tests/") || include.path.starts_with("bench/");
    if (helper) {
      if (!is_test(path)) {
        faults.push_back(where + "uses " + include.path +
                         ", but nothing that is delivered uses tests/ or bench/");
      }
      continue;
    }
    const std::string used = folder_of(include.path);
    if (!used.empty() && !allowed.contains(used)) {
      faults.push_back(where + folder + " may not use " + used + " (" + include.path + "); it may use " +
                       list(allowed));
    }
    if (used.empty() && include.quoted) {
      faults.push_back(where + "\"" + include.path +
                       "\" is not a path from the root, as all our includes are");
    }
    const bool impure =
        kImpure.contains(include.path) || std::ranges::any_of(kImpurePrefixes, [&](const auto& prefix) {
          return include.path.starts_with(prefix);
        });
    if (kPure.contains(folder) && impure && !include.quoted && !path.ends_with("_test.cc") &&
        !path.ends_with("_bench.cc")) {
      faults.push_back(where + folder + " is pure, <" + include.path +
                       "> is not: take times, dice and bytes as arguments, hand effects out as values");
    }
  }
  return faults;
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Every source file under the table's top folders, relative to the root.
std::vector<std::string> sources() {
  const std::filesystem::path root = TERCET_SOURCE_DIR;
  std::set<std::string> tops;
  for (const auto& [folder, uses] : arrows()) {
    tops.insert(folder.substr(0, folder.find('/')));
  }
  std::vector<std::string> out;
  for (const std::string& top : tops) {
    if (!std::filesystem::is_directory(root / top)) {
      continue;
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / top)) {
      const std::string extension = entry.path().extension();
      if (entry.is_regular_file() && (extension == ".h" || extension == ".cc")) {
        out.push_back(entry.path().lexically_relative(root).generic_string());
      }
    }
  }
  std::ranges::sort(out);
  return out;
}

TEST(Arrows, EveryFileKeepsThem) {
  const std::vector<std::string> files = sources();
  ASSERT_GT(files.size(), 20U);
  for (const std::string& path : files) {
    for (const std::string& fault : faults_of(path, read(std::filesystem::path(TERCET_SOURCE_DIR) / path))) {
      ADD_FAILURE() << fault;
    }
  }
}

TEST(Arrows, GoOneWay) {
  for (const auto& [folder, uses] : arrows()) {
    for (const std::string& used : uses) {
      ASSERT_TRUE(arrows().contains(used)) << folder << " uses " << used;
      EXPECT_FALSE(reachable(used).contains(folder)) << folder << " and " << used << " use each other";
    }
  }
  EXPECT_FALSE(reachable("control/lb").contains("license"));  // an LB links no book
  EXPECT_FALSE(reachable("client").contains("dataplane/port"));
}

/// CMakeLists.txt links each folder with what it may include: its lines say the same as the table.
TEST(Arrows, CMakeSaysTheSame) {
  std::istringstream lines(read(TERCET_SOURCE_DIR "/CMakeLists.txt"));
  size_t seen = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("tercet_folder(")) {
      continue;
    }
    std::istringstream words(line.substr(14, line.find(')') - 14));
    std::string folder;
    words >> folder;
    if (!arrows().contains(folder)) {
      EXPECT_TRUE(folder.starts_with("tests/") || folder.starts_with("bench/"))
          << folder << " is not in the table";
      continue;
    }
    ++seen;
    const Folders allowed = reachable(folder);
    bool uses = false;
    for (std::string word; words >> word;) {
      if (word == "USES" || word == "EXTERNAL" || word == "LABEL" || word == "TEST_USES") {
        uses = word == "USES";
      } else if (uses) {
        EXPECT_TRUE(allowed.contains(word)) << "CMakeLists.txt links " << folder << " with " << word;
      }
    }
  }
  EXPECT_GT(seen, 10U);
}

TEST(Arrows, FaultsAreFound) {
  const auto faults = [](const char* path, const char* text) { return faults_of(path, text).size(); };
  EXPECT_EQ(
      faults("quorum/tally.cc", "#include \"quorum/tally.h\"\n#include \"wire/vote.h\"\n#include <array>\n"),
      0U);
  EXPECT_EQ(faults("quorum/tally.cc", "#include \"license/book.h\"\n"), 1U);
  EXPECT_EQ(faults("quorum/tally.cc", "#include \"wire/seal/keyring.h\"\n"), 1U);
  EXPECT_EQ(faults("license/book.cc", "#include \"wire/seal/license_file.h\"\n"), 0U);
  EXPECT_EQ(faults("wire/op.cc", "#include \"quorum/machine.h\"\n"), 1U);
  EXPECT_EQ(faults("wire/op.cc", "#include <quorum/machine.h>\n"), 1U);
  EXPECT_EQ(faults("dataplane/port/port.h", "#include \"dataplane/loop.h\"\n"), 1U);
  EXPECT_EQ(faults("control/lb/lb.cc", "  #  include \"license/book.h\"\n"), 1U);
  EXPECT_EQ(faults("quorum/tally.cc", "#include \"tally.h\"\n"), 1U);
  EXPECT_EQ(faults("quorum/tally.cc", "#include \"tests/golden/golden.h\"\n"), 1U);
  EXPECT_EQ(faults("quorum/tally_test.cc", "#include \"tests/golden/golden.h\"\n"), 0U);
  EXPECT_EQ(faults("somewhere/new.cc", ""), 1U);
  for (const char* header : {"chrono", "thread", "mutex", "random", "iostream", "ctime", "sys/socket.h"}) {
    const std::string text = std::string("#include <") + header + ">\n";
    EXPECT_EQ(faults("failover/vrrp.cc", text.c_str()), 1U) << header;
    EXPECT_EQ(faults("failover/vrrp_test.cc", text.c_str()), 0U) << header;
    EXPECT_EQ(faults("dataplane/loop.cc", text.c_str()), 0U) << header;
  }
}

}  // namespace
}  // namespace tercet
