#include "control/backend/identity.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "backend/store/meta_file.h"

namespace tercet::control {
namespace {

class IdentityTest : public testing::Test {
 protected:
  IdentityTest() {
    char name[] = "/tmp/tercet-identity.XXXXXX";
    dir_ = mkdtemp(name);
  }
  ~IdentityTest() override { std::filesystem::remove_all(dir_); }
  [[nodiscard]] tl::expected<Found, std::string> find(bool segments, CellId cell = CellId{7},
                                                      Slot slot = Slot::two) const {
    return find_identity(dir_, segments, cell, slot);
  }
  void write(bool log_made) const {
    Identity identity = draw_identity(CellId{7}, Slot::two);
    identity.boot_id = "0a1b";
    identity.log_made = log_made;
    identity.memory = true;
    ASSERT_TRUE(write_identity(dir_, identity));
  }
  std::string dir_;
};

TEST_F(IdentityTest, AnEmptyFolderIsANewDisk) {
  const auto found = find(false);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, Found::Kind::blank);
}

TEST_F(IdentityTest, ALogWithoutIdentityIsNotTrusted) {
  const auto found = find(true);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, Found::Kind::untrusted);
  EXPECT_NE(found->why.find("is missing"), std::string::npos);
}

TEST_F(IdentityTest, ComesBackAsItWasWritten) {
  const Identity written{.cell = CellId{7},
                         .slot = Slot::two,
                         .store = 0x1122334455667788,
                         .incarnation = Incarnation{99},
                         .boot_id = std::string(36, 'b'),
                         .log_made = true,
                         .clean = true,
                         .memory = false,
                         .lost = true,
                         .aside = 258};
  ASSERT_TRUE(write_identity(dir_, written));
  const auto found = find(true);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->kind, Found::Kind::known);
  EXPECT_EQ(found->identity.store, written.store);
  EXPECT_EQ(found->identity.incarnation, written.incarnation);
  EXPECT_EQ(found->identity.boot_id, written.boot_id);
  EXPECT_TRUE(found->identity.log_made);
  EXPECT_TRUE(found->identity.clean);
  EXPECT_FALSE(found->identity.memory);
  EXPECT_TRUE(found->identity.lost);
  EXPECT_FALSE(found->identity.doubted);
  EXPECT_EQ(found->identity.aside, 258U);
}

TEST_F(IdentityTest, OneOfVersion1IsReadWithoutWhatThatDidNotHave) {
  IdentityRecord record;
  record.version = 1;
  record.slot = 1;
  record.flags = 0xFF;
  record.aside = 7;
  record.cell = 7;
  ASSERT_TRUE(store::write_meta(identity_path(dir_), bytes_of(record)));
  const auto found = find(true);
  ASSERT_TRUE(found) << found.error();
  EXPECT_TRUE(found->identity.log_made && found->identity.clean && found->identity.memory);
  EXPECT_FALSE(found->identity.lost);
  EXPECT_FALSE(found->identity.doubted);
  EXPECT_EQ(found->identity.aside, 0U);
}

TEST_F(IdentityTest, OfOneThatCannotBeReadNothingIsConcluded) {
  std::filesystem::create_directory(identity_path(dir_));
  const auto found = find(true);
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().find("nothing is known of this disk"), std::string::npos) << found.error();
}

TEST_F(IdentityTest, ALogThatIsGoneIsNotTrustedButOneThatWasNeverMadeIsNew) {
  write(true);
  EXPECT_EQ(find(false)->kind, Found::Kind::untrusted);
  write(false);
  EXPECT_EQ(find(false)->kind, Found::Kind::known);
}

TEST_F(IdentityTest, ADamagedOneIsNotTrusted) {
  write(true);
  {
    std::fstream file(identity_path(dir_), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(40);
    file.put('X');
  }
  EXPECT_EQ(find(true)->kind, Found::Kind::untrusted);
}

TEST_F(IdentityTest, OneOfAnotherLengthIsNotTrusted) {
  ASSERT_TRUE(store::write_meta(identity_path(dir_), as_bytes("short")));
  const auto found = find(true);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, Found::Kind::untrusted);
  EXPECT_NE(found->why.find("length"), std::string::npos);
}

TEST_F(IdentityTest, AnotherCellsOrSlotsDiskEndsTheStart) {
  write(true);
  EXPECT_NE(find(true, CellId{8}).error().find("correct store.dir"), std::string::npos);
  EXPECT_NE(find(true, CellId{7}, Slot::one).error().find("the disk of b2"), std::string::npos);
}

TEST_F(IdentityTest, AnotherVersionEndsTheStart) {
  IdentityRecord record;
  record.version = 3;
  ASSERT_TRUE(store::write_meta(identity_path(dir_), bytes_of(record)));
  EXPECT_NE(find(true).error().find("another version"), std::string::npos);
}

TEST_F(IdentityTest, DrawsAreDifferent) {
  const Identity a = draw_identity(CellId{7}, Slot::one);
  const Identity b = draw_identity(CellId{7}, Slot::one);
  EXPECT_NE(a.store, b.store);
  EXPECT_NE(a.incarnation, b.incarnation);
}

TEST(Doubt, IsAQuestionOfModeCleanStopAndBoot) {
  struct Row {
    bool memory, clean;
    const char *then, *now;
    bool lost;
  };
  const Row rows[] = {
      {true, false, "boot-a", "boot-a", false},
      {true, false, "boot-a", "boot-b", true},
      {true, true, "boot-a", "boot-b", false},
      {false, false, "boot-a", "boot-b", false},
      {true, false, "", "", true},  // nothing can be concluded
      {true, false, "boot-a", "", true},
  };
  for (const Row& row : rows) {
    Identity identity = draw_identity(CellId{7}, Slot::one);
    identity.boot_id = row.then;
    identity.clean = row.clean;
    identity.memory = row.memory;
    EXPECT_EQ(!doubt(identity, row.now).empty(), row.lost) << row.then << row.now;
    identity.doubted = true;
    EXPECT_FALSE(doubt(identity, row.now).empty());
  }
}

}  // namespace
}  // namespace tercet::control
