#include "backend/store/meta_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "backend/store/scratch_dir.h"

namespace tercet::store {
namespace {

using Kind = MetaError::Kind;

std::vector<uint8_t> bytes_of_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void put_file(const std::string& path, Bytes bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << as_text(bytes);
}

TEST(MetaFile, IsReadAsItWasWritten) {
  const ScratchDir dir;
  const std::string path = dir.path() + "/meta";
  ASSERT_FALSE(read_meta(path));
  EXPECT_EQ(read_meta(path).error().kind, Kind::absent);
  for (const std::string text : {"first", "", "a longer one"}) {
    ASSERT_TRUE(write_meta(path, as_bytes(text)));
    const auto read = read_meta(path);
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(as_text(*read), text);
  }
  EXPECT_FALSE(std::filesystem::exists(path + ".new"));
  EXPECT_EQ(std::filesystem::status(path).permissions() & std::filesystem::perms(0077),
            std::filesystem::perms::none);
}

TEST(MetaFile, GoldenBytes) {
  const ScratchDir dir;
  const std::string path = dir.path() + "/meta";
  ASSERT_TRUE(write_meta(path, as_bytes("abc")));
  const std::vector<uint8_t> expected{'T', 'M', 'F', 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 'a', 'b', 'c'};
  std::vector<uint8_t> there = bytes_of_file(path);
  ASSERT_EQ(there.size(), expected.size());
  std::fill_n(there.begin() + 8, 8, uint8_t{0});  // the checksum has a test of its own
  EXPECT_EQ(there, expected);
}

TEST(MetaFile, EveryFlippedBitAndEveryTruncationIsSeen) {
  const ScratchDir dir;
  const std::string path = dir.path() + "/meta";
  ASSERT_TRUE(write_meta(path, as_bytes("incarnation and all that")));
  const std::vector<uint8_t> whole = bytes_of_file(path);
  for (size_t i = 0; i < whole.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::vector<uint8_t> bad = whole;
      bad[i] ^= static_cast<uint8_t>(1U << bit);
      put_file(path, bad);
      const auto read = read_meta(path);
      ASSERT_FALSE(read);
      EXPECT_EQ(read.error().kind, Kind::damaged) << i;
    }
    put_file(path, Bytes{whole}.first(i));
    const auto read = read_meta(path);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().kind, Kind::damaged) << i;
    EXPECT_NE(read.error().text.find(path), std::string::npos);
  }
  std::vector<uint8_t> longer = whole;
  longer.push_back(0);
  put_file(path, longer);
  EXPECT_FALSE(read_meta(path));
  put_file(path, std::vector<uint8_t>(100000, 'x'));
  EXPECT_FALSE(read_meta(path));
}

TEST(MetaFile, AWriteThatCannotBeDoneLeavesTheOldContent) {
  const ScratchDir dir;
  const std::string path = dir.path() + "/meta";
  ASSERT_TRUE(write_meta(path, as_bytes("old")));
  EXPECT_FALSE(write_meta(path, std::vector<uint8_t>(kMetaBytesMax + 1)));
  ASSERT_EQ(::mkdir((path + ".new").c_str(), 0700), 0);  // in its way
  const auto written = write_meta(path, as_bytes("new"));
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().find("creating"), std::string::npos) << written.error();
  EXPECT_EQ(as_text(*read_meta(path)), "old");
  const auto nowhere = write_meta(dir.path() + "/no/such/meta", as_bytes("x"));
  EXPECT_FALSE(nowhere);
  EXPECT_EQ(read_meta(dir.path()).error().kind, Kind::unreadable) << "a directory";
}

TEST(MetaFile, TheBootIdIsOneForAllThisBoot) {
  const std::string id = read_boot_id();
  EXPECT_EQ(id.size(), 36U);
  EXPECT_EQ(id, read_boot_id());
}

}  // namespace
}  // namespace tercet::store
