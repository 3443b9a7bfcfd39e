#include "control/backend/set_aside.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace tercet::control {
namespace {

namespace fs = std::filesystem;

class SetAsideTest : public testing::Test {
 protected:
  SetAsideTest() {
    char name[] = "/tmp/tercet-aside.XXXXXX";
    dir_ = mkdtemp(name);
    old_ = draw_identity(CellId{7}, Slot::two);
    old_.log_made = true;
  }
  ~SetAsideTest() override { fs::remove_all(dir_); }

  [[nodiscard]] std::string path(const std::string& name) const { return dir_ + "/" + name; }
  void put(const std::string& name, const std::string& text) const { std::ofstream(path(name)) << text; }
  [[nodiscard]] std::string get(const std::string& name) const {
    std::ifstream file(path(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// A store as a backend leaves it.
  void make_store() const {
    ASSERT_TRUE(write_identity(dir_, old_));
    put("log-000000.tlog", "first");
    put("log-000001.tlog", "second");
    put("log-000002.tlog.new", "half");
    put("image-000004.timg", "checkpoint");
    put("container.json", "key");
    put("lock", "");
    put("notes.txt", "an operator's");
    fs::create_directory(path("lost+found"));
  }
  void expect_given_up(const std::string& folder, const Identity& now) const {
    const auto found = find_identity(dir_, false, CellId{7}, Slot::two);
    ASSERT_TRUE(found) << found.error();
    ASSERT_EQ(found->kind, Found::Kind::known) << found->why;
    EXPECT_EQ(found->identity.store, now.store);
    EXPECT_EQ(found->identity.incarnation, now.incarnation);
    EXPECT_TRUE(found->identity.lost);
    EXPECT_FALSE(found->identity.log_made);
    EXPECT_EQ(found->identity.aside, 0U);
    for (const char* name :
         {"log-000000.tlog", "log-000001.tlog", "log-000002.tlog.new", "image-000004.timg"}) {
      EXPECT_FALSE(fs::exists(path(name))) << name;
    }
    EXPECT_EQ(get(folder + "/log-000000.tlog"), "first");
    EXPECT_EQ(get(folder + "/log-000001.tlog"), "second");
    EXPECT_EQ(get(folder + "/log-000002.tlog.new"), "half");
    EXPECT_EQ(get(folder + "/image-000004.timg"), "checkpoint");
    EXPECT_EQ(get("container.json"), "key");
    EXPECT_EQ(get("notes.txt"), "an operator's");
    EXPECT_TRUE(fs::exists(path("lock")));
    EXPECT_TRUE(fs::is_empty(path("lost+found")));
  }

  std::string dir_;
  Identity old_;
};

TEST_F(SetAsideTest, TheLogAndItsIdentityMoveTogetherAndTheContainerStays) {
  make_store();
  const Identity fresh = draw_identity(CellId{7}, Slot::two);
  SettingAside aside(dir_, fresh);
  ASSERT_TRUE(aside.finish());
  EXPECT_EQ(aside.folder(), "lost-1");
  EXPECT_EQ(aside.identity().aside, 0U);
  EXPECT_TRUE(aside.identity().lost);
  expect_given_up("lost-1", fresh);
  const auto kept = find_identity(path("lost-1"), true, CellId{7}, Slot::two);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->identity.store, old_.store) << "what is kept can still be looked at";
}

/// The process ends after any number of steps; the next start finds the old disk or the new one, and ends
/// where the first would have.
TEST_F(SetAsideTest, ACrashAfterAnyStepLeavesTheOldDiskOrTheNewOne) {
  unsigned olds = 0;
  unsigned news = 0;
  for (unsigned steps = 0;; ++steps) {
    fs::remove_all(dir_);
    fs::create_directory(dir_);
    make_store();
    const Identity first = draw_identity(CellId{7}, Slot::two);
    bool more = true;
    {
      SettingAside aside(dir_, first);
      for (unsigned i = 0; i < steps && more; ++i) {
        more = aside.step().value();
      }
    }
    const bool segments = fs::exists(path("log-000000.tlog")) || fs::exists(path("log-000001.tlog"));
    const auto found = find_identity(dir_, segments, CellId{7}, Slot::two);
    ASSERT_TRUE(found) << found.error();
    ASSERT_EQ(found->kind, Found::Kind::known) << "after " << steps << " steps: " << found->why;
    if (found->identity.store == old_.store) {
      ++olds;
      EXPECT_EQ(get("log-000000.tlog"), "first") << "the old disk is whole";
      EXPECT_EQ(get("log-000001.tlog"), "second");
      const Identity second = draw_identity(CellId{7}, Slot::two);
      ASSERT_TRUE(SettingAside(dir_, second).finish());
      expect_given_up("lost-1", second);  // the folder that the first try made is used again
    } else {
      ++news;
      EXPECT_EQ(found->identity.store, first.store);
      EXPECT_EQ(found->identity.incarnation, first.incarnation);
      EXPECT_TRUE(found->identity.lost);
      EXPECT_FALSE(found->identity.log_made);
      if (found->identity.aside != 0) {
        SettingAside rest(dir_, found->identity);
        ASSERT_TRUE(rest.finish());
        EXPECT_EQ(rest.folder(), "lost-1");
      }
      expect_given_up("lost-1", first);
    }
    EXPECT_FALSE(fs::exists(path("lost-2")));
    if (!more) {
      break;
    }
  }
  EXPECT_EQ(olds, 3U) << "nothing, the folder, the kept identity";
  EXPECT_GE(news, 7U) << "the switch, four files, their end, the settled identity";
}

TEST_F(SetAsideTest, EachLostDiskHasAFolderOfItsOwn) {
  for (const char* folder : {"lost-1", "lost-2", "lost-3"}) {
    make_store();
    const Identity fresh = draw_identity(CellId{7}, Slot::two);
    ASSERT_TRUE(SettingAside(dir_, fresh).finish());
    expect_given_up(folder, fresh);
  }
  EXPECT_TRUE(old_lost_disks(dir_, 3).empty());
  fs::create_directory(path("lost-10"));
  fs::create_directory(path("lost-x"));
  fs::create_directory(path("lost-"));
  EXPECT_EQ(old_lost_disks(dir_, 3), std::vector<std::string>{"lost-1"});
  EXPECT_EQ(old_lost_disks(dir_, 1), (std::vector<std::string>{"lost-1", "lost-2", "lost-3"}));
}

TEST_F(SetAsideTest, ADamagedOrMissingIdentityIsNoHindrance) {
  make_store();
  put("identity", "nonsense");
  Identity fresh = draw_identity(CellId{7}, Slot::two);
  ASSERT_TRUE(SettingAside(dir_, fresh).finish());
  expect_given_up("lost-1", fresh);
  EXPECT_EQ(get("lost-1/identity"), "nonsense");

  make_store();
  fs::remove(path("identity"));
  fresh = draw_identity(CellId{7}, Slot::two);
  ASSERT_TRUE(SettingAside(dir_, fresh).finish());
  expect_given_up("lost-2", fresh);
  EXPECT_FALSE(fs::exists(path("lost-2/identity")));
}

TEST_F(SetAsideTest, WhatCannotBeDoneIsSaidAndTheOldDiskStands) {
  make_store();
  put("lost-65535", "the last number there is");
  const auto done = SettingAside(dir_, draw_identity(CellId{7}, Slot::two)).finish();
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().find("remove those that you do not need"), std::string::npos) << done.error();
  EXPECT_EQ(find_identity(dir_, true, CellId{7}, Slot::two)->identity.store, old_.store);
}

}  // namespace
}  // namespace tercet::control
