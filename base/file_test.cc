#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace tercet {
namespace {

class FileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "tercet_file_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  static mode_t mode(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(::stat(path.c_str(), &info), 0);
    return info.st_mode & 07777U;
  }
  std::string dir_;
};

TEST_F(FileTest, WritesReadsReplacesAndRefuses) {
  const std::string path = dir_ + "/a";
  ASSERT_TRUE(write_file_durably(path, "one", 0600).has_value());
  EXPECT_EQ(mode(path), 0600U);
  EXPECT_EQ(*read_file(path), "one");
  ASSERT_TRUE(write_file_durably(path, "two", 0600).has_value());
  EXPECT_EQ(*read_file(path), "two");
  const auto again = write_file_durably(path, "three", 0600, Existing::refuse);
  ASSERT_FALSE(again.has_value());
  EXPECT_NE(again.error().find("it is there already"), std::string::npos) << again.error();
  EXPECT_EQ(*read_file(path), "two");
  // Nothing is left beside it.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_), std::filesystem::directory_iterator{}),
            1);
}

TEST_F(FileTest, MovesWithinAFolder) {
  ASSERT_TRUE(write_file_durably(dir_ + "/a", "new").has_value());
  ASSERT_TRUE(write_file_durably(dir_ + "/b", "old").has_value());
  ASSERT_TRUE(move_durably(dir_ + "/a", dir_ + "/b").has_value());
  EXPECT_EQ(*read_file(dir_ + "/b"), "new");
  const auto none = move_durably(dir_ + "/a", dir_ + "/b");
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error(), dir_ + "/b" + ": No such file or directory: check the path");
}

TEST_F(FileTest, AppendsLines) {
  const std::string path = dir_ + "/log";
  ASSERT_TRUE(append_line_durably(path, "a", 0600).has_value());
  ASSERT_TRUE(append_line_durably(path, "b", 0600).has_value());
  EXPECT_EQ(*read_file(path), "a\nb\n");
}

TEST_F(FileTest, ErrorsNameThePathAndWhatToDo) {
  EXPECT_NE(read_file(dir_ + "/none").error().find("check the path"), std::string::npos);
  EXPECT_NE(read_file(dir_).error().find("is a folder"), std::string::npos);
  EXPECT_EQ(read_file("").error(), "a file's name is empty: give one");
  ASSERT_TRUE(write_file_durably(dir_ + "/big", std::string(100, 'x')).has_value());
  EXPECT_NE(read_file(dir_ + "/big", 99).error().find("larger than 99"), std::string::npos);
  EXPECT_TRUE(read_file(dir_ + "/big", 100).has_value());
  EXPECT_FALSE(write_file_durably(dir_ + "/no/such", "x").has_value());
  EXPECT_FALSE(make_folder(dir_ + "/big/below").has_value());
  EXPECT_TRUE(make_folder(dir_ + "/x/y/z").has_value());
  EXPECT_TRUE(make_folder(dir_ + "/x/y/z").has_value());
  EXPECT_FALSE(make_folder(dir_ + "/big").has_value());
}

}  // namespace
}  // namespace tercet
