#include "wire/seal/key_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "wire/seal/keyring.h"
#include "wire/seal/private_file.h"
#include "wire/seal/strict_json.h"

namespace tercet::seal {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class KeyFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "tercet-keys-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string write(const std::string& text, mode_t mode = 0600) {
    const std::string file = path("file" + std::to_string(++files_));
    std::ofstream(file, std::ios::binary) << text;
    EXPECT_EQ(chmod(file.c_str(), mode), 0);
    return file;
  }
  static std::string slurp(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  /// The server key file of lb1 with one member changed (or, with a discarded value, left out).
  std::string changed(const std::string& member, const nlohmann::json& value) {
    nlohmann::json document = nlohmann::json::parse(slurp(path("lb1.key")));
    if (value.is_discarded()) {
      document.erase(member);
    } else {
      document[member] = value;
    }
    return write(document.dump());
  }
  CellKeys write_cell() {
    CellKeys keys = generate_cell_keys(Algorithm::chacha20_poly1305);
    for (const ServerKeys& server : keys.servers) {
      EXPECT_TRUE(write_server_keys(path(std::string(name_of(server.self)) + ".key"), server));
    }
    EXPECT_TRUE(write_client_keys(path("client.key"), keys.client));
    return keys;
  }

  std::string folder_;
  int files_ = 0;
};

TEST_F(KeyFile, ANewCellsFilesWorkTogether) {
  const CellKeys made = write_cell();
  std::vector<std::unique_ptr<Keyring>> rings;
  for (unsigned i = 0; i < kServers; ++i) {
    const std::string file = path(std::string(name_of(static_cast<ServerId>(i))) + ".key");
    struct stat info {};
    ASSERT_EQ(stat(file.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777U, 0600U);
    const auto keys = read_server_keys(file, made.servers[0].cell);
    ASSERT_TRUE(keys) << keys.error();
    EXPECT_EQ(keys->self, static_cast<ServerId>(i));
    EXPECT_EQ(keys->client_master.has_value(), is_lb(keys->self));
    EXPECT_FALSE(keys->pairs[i]);
    rings.push_back(std::make_unique<Keyring>(*keys));
  }
  std::vector<uint8_t> datagram(kSealOverhead + 3);
  for (auto& from : rings) {
    for (auto& to : rings) {
      if (from != to) {
        from->seal_to_server(to->self(), as_bytes("abc"), datagram);
        const auto opened = to->open_from_server(datagram);
        ASSERT_TRUE(opened) << name_of(from->self()) << " to " << name_of(to->self());
        EXPECT_EQ(opened->from, from->self());
      }
    }
  }
  const auto client = read_client_keys(path("client.key"), made.servers[0].cell);
  ASSERT_TRUE(client) << client.error();
  EXPECT_EQ(client->access_key, made.client.access_key);
  EXPECT_EQ(client->access, AccessId{1});
  std::set<std::array<uint8_t, 32>> pairs;
  for (const ServerKeys& server : made.servers) {
    for (const auto& pair : server.pairs) {
      if (pair) {
        pairs.insert(pair->bytes);
      }
    }
  }
  EXPECT_EQ(pairs.size(), 10U) << "each pair has a key of its own";
}

TEST_F(KeyFile, WiderPermissionsAreRefused) {
  write_cell();
  for (const mode_t mode : {0640U, 0604U, 0660U, 0644U, 0601U, 0610U, 0777U}) {
    ASSERT_EQ(chmod(path("b1.key").c_str(), mode), 0);
    const auto keys = read_server_keys(path("b1.key"));
    ASSERT_FALSE(keys) << mode;
    EXPECT_THAT(keys.error(), StartsWith(path("b1.key") + ": "));
    EXPECT_THAT(keys.error(), HasSubstr("chmod 600"));
    ASSERT_EQ(chmod(path("client.key").c_str(), mode), 0);
    EXPECT_FALSE(read_client_keys(path("client.key")));
  }
  for (const mode_t mode : {0600U, 0400U, 0700U}) {
    ASSERT_EQ(chmod(path("b1.key").c_str(), mode), 0);
    EXPECT_TRUE(read_server_keys(path("b1.key"))) << mode;
  }
}

TEST_F(KeyFile, AFileOfAnotherUserIsRefused) {
  write_cell();
  if (geteuid() != 0 || chown(path("b1.key").c_str(), 65534, 65534) != 0) {
    GTEST_SKIP() << "needs root";
  }
  const auto keys = read_server_keys(path("b1.key"));
  ASSERT_FALSE(keys);
  EXPECT_THAT(keys.error(), HasSubstr("belongs to user 65534"));
}

TEST_F(KeyFile, WhatIsNoFileIsRefused) {
  EXPECT_THAT(read_server_keys(path("nowhere")).error(), HasSubstr("no such file"));
  EXPECT_THAT(read_server_keys(folder_).error(), HasSubstr("not a regular file"));
  ASSERT_EQ(mkfifo(path("fifo").c_str(), 0600), 0);
  EXPECT_THAT(read_server_keys(path("fifo")).error(), HasSubstr("not a regular file"));
  EXPECT_THAT(read_server_keys("/dev/zero").error(), HasSubstr("not a regular file"));
  EXPECT_THAT(read_server_keys(write(std::string(9'000, ' '))).error(), HasSubstr("longer than"));
}

TEST_F(KeyFile, AKeyIsNeverWrittenOver) {
  const CellKeys keys = write_cell();
  const std::string before = slurp(path("lb1.key"));
  const auto again = write_server_keys(path("lb1.key"), keys.servers[0]);
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error(), HasSubstr("exists already"));
  EXPECT_EQ(slurp(path("lb1.key")), before);
  ASSERT_EQ(symlink(path("elsewhere").c_str(), path("link").c_str()), 0);
  EXPECT_FALSE(write_server_keys(path("link"), keys.servers[0]));
  EXPECT_FALSE(std::filesystem::exists(path("elsewhere")));
  EXPECT_THAT(write_server_keys(path("no/such/folder"), keys.servers[0]).error(),
              HasSubstr("cannot be made"));
}

TEST_F(KeyFile, AnotherCellsFileIsRefused) {
  const CellKeys keys = write_cell();
  const CellId other{keys.servers[0].cell.value ^ 1U};
  EXPECT_THAT(read_server_keys(path("lb2.key"), other).error(),
              HasSubstr("is of cell " + text_of(keys.client.cell)));
  EXPECT_THAT(read_client_keys(path("client.key"), other).error(), HasSubstr("the configuration names cell"));
}

TEST_F(KeyFile, MalformedFilesAreRefusedWithTheReason) {
  write_cell();
  const nlohmann::json absent(nlohmann::json::value_t::discarded);
  struct Case {
    std::string member;
    nlohmann::json value;
    std::string says;
  };
  const std::vector<Case> cases{
      {"tercet_server_key", 2, "\"tercet_server_key\" is 2"},
      {"tercet_server_key", "1", "not a whole number"},
      {"tercet_server_key", -1, "not a whole number"},
      {"tercet_server_key", 1.5, "not a whole number"},
      {"tercet_server_key", absent, "\"tercet_server_key\" is missing"},
      {"cell_id", "0000000000000000", "not all zero"},
      {"cell_id", "00000000000000AF", "16 hex digits"},
      {"cell_id", "1", "16 hex digits"},
      {"cell_id", 1, "not a string"},
      {"server", "lb3", "it must be lb1"},
      {"server", absent, "\"server\" is missing"},
      {"aead", "rot13", "it must be \"aes-256-gcm\""},
      {"client_master", "short", "is not a key"},
      {"client_master", std::string(43, '!'), "is not a key"},
      {"client_master", std::string(44, 'A'), "is not a key"},
      {"client_master", std::string(42, 'A') + "B", "is not a key"},  // bits that no encoder sets
      {"client_master", absent, "\"client_master\" is missing"},
      {"pairs", nlohmann::json::array(), "\"pairs\" is missing or not an object"},
      {"pairs", nlohmann::json::object(), "in \"pairs\": \"lb2\" is missing"},
      {"extra", 1, "\"extra\" is unknown"},
  };
  for (const Case& c : cases) {
    const std::string file = changed(c.member, c.value);
    const auto keys = read_server_keys(file);
    ASSERT_FALSE(keys) << c.says;
    EXPECT_THAT(keys.error(), StartsWith(file + ": "));
    EXPECT_THAT(keys.error(), HasSubstr(c.says));
    EXPECT_EQ(keys.error().find('\n'), std::string::npos);
  }
  // A backend must not hold the master key, nor a server a key with itself.
  nlohmann::json backend = nlohmann::json::parse(slurp(path("b1.key")));
  backend["client_master"] = std::string(43, 'A');
  EXPECT_THAT(read_server_keys(write(backend.dump())).error(), HasSubstr("\"client_master\" is unknown"));
  nlohmann::json self = nlohmann::json::parse(slurp(path("b1.key")));
  self["pairs"]["b1"] = std::string(43, 'A');
  EXPECT_THAT(read_server_keys(write(self.dump())).error(), HasSubstr("\"b1\" is unknown"));
  EXPECT_FALSE(read_client_keys(path("lb1.key"))) << "a server's file is no client's";
  nlohmann::json client = nlohmann::json::parse(slurp(path("client.key")));
  client["access_id"] = 0;
  EXPECT_THAT(read_client_keys(write(client.dump())).error(), HasSubstr("\"access_id\" is 0"));
}

TEST_F(KeyFile, EveryTruncationIsRefused) {
  write_cell();
  const std::string whole = slurp(path("lb1.key"));
  ASSERT_EQ(whole.back(), '\n');
  for (size_t size = 0; size + 1 < whole.size(); ++size) {
    ASSERT_FALSE(read_server_keys(write(whole.substr(0, size)))) << size;
  }
}

TEST(StrictJson, RefusesWhatAHostileFileMayHold) {
  EXPECT_TRUE(parse_strict(R"({"a": {"b": [1, 2, "x"]}, "b": null})"));
  EXPECT_THAT(parse_strict(R"({"a": 1, "b": 2, "a": 1})").error(), HasSubstr("\"a\" stands there twice"));
  EXPECT_THAT(parse_strict(R"({"a": {"c": 1, "c": 2}})").error(), HasSubstr("twice"));
  EXPECT_TRUE(parse_strict(R"({"a": {"c": 1}, "b": {"c": 2}})"))
      << "the same name in two objects is no repeat";
  EXPECT_THAT(parse_strict("{\"a\": " + std::string(30'000, '[')).error(), HasSubstr("nested too deeply"));
  std::string deep;
  for (int i = 0; i < 5'000; ++i) {
    deep += "{\"a\":";
  }
  EXPECT_THAT(parse_strict(deep).error(), HasSubstr("nested too deeply"));
  EXPECT_THAT(parse_strict(std::string(kJsonBytesMax + 1, ' ')).error(), HasSubstr("longer than"));
  for (const char* wrong :
       {"", "[]", "1", "{", "{}x", "{} {}", "{'a':1}", "{\"a\":1e999}", "{\"a\":\"\xFF\"}", "nul"}) {
    EXPECT_FALSE(parse_strict(wrong)) << wrong;
  }
}

TEST(Base64Url, OneEncodingOnly) {
  EXPECT_EQ(base64url(as_bytes("")), "");
  EXPECT_EQ(base64url(as_bytes("\xFB\xFF")), "-_8");
  EXPECT_EQ(from_base64url("-_8", 10), "\xFB\xFF");
  EXPECT_EQ(from_base64url("", 10), "");
  for (const char* wrong : {"-", "-_9", "-_8=", "+/8", "-_ 8", "-_8\n", "A", "AAAAA",
                            "-\xC3"
                            "8",
                            "\xC3"
                            "AAA"}) {
    EXPECT_FALSE(from_base64url(wrong, 10)) << wrong;
  }
  EXPECT_FALSE(from_base64url("AAAA", 2));
  for (int c = 0; c < 256; ++c) {  // 64 digits and no byte more
    const std::string text = std::string(3, 'A') + static_cast<char>(c);
    const auto bytes = from_base64url(text, 3);
    EXPECT_EQ(bytes.has_value(), std::isalnum(c) != 0 || c == '-' || c == '_') << c;
    EXPECT_TRUE(!bytes || base64url(as_bytes(*bytes)) == text) << c;
  }
  std::array<uint8_t, 3> three;
  EXPECT_TRUE(from_base64url("AAAA", three));
  EXPECT_FALSE(from_base64url("AAA", three));
  EXPECT_FALSE(from_base64url("AAAAAAAA", three));
}

}  // namespace
}  // namespace tercet::seal
