// Constituents that are gone, and back: book state (DESIGN §3).

#include "license/book_fixture.h"
#include "license/image_reader.h"
#include "license/image_writer.h"

namespace tercet::license {
namespace {

class PresenceTest : public BookFixture {
 protected:
  [[nodiscard]] LicenseRow row() const {
    const Buffer bytes = read(OpKind::read_licenses, 0, true);
    Bytes rest = page_of(bytes).rows;
    LicenseItem item;
    EXPECT_TRUE(next_license(rest, item));
    return *item.row;
  }
};

TEST_F(PresenceTest, ALicenseIsServedByTwoOfThree) {
  genesis();
  license(2);
  EXPECT_EQ(row().constituents, 7);
  EXPECT_EQ(gone(1), Code::granted);
  EXPECT_EQ(row().constituents, 5);
  EXPECT_EQ(row().valid, 1);
  EXPECT_EQ(code(checkout(1)), Code::granted);
  EXPECT_EQ(gone(1, false), Code::granted);
  EXPECT_EQ(row().constituents, 7);
}

TEST_F(PresenceTest, WithOneLeftNothingIsGrantedAndLeasesGoOn) {
  genesis();
  license(2);
  ASSERT_EQ(code(checkout(1)), Code::granted);
  gone(0);
  gone(2);
  const OpResult denied = checkout(2);
  EXPECT_EQ(code(denied), Code::only_one_constituent);
  EXPECT_EQ(denied.features, 2u) << "which are there";
  EXPECT_EQ(denied.in_use, 1u);
  EXPECT_EQ(row().valid, 0);
  EXPECT_EQ(code(renew(1, 2)), Code::only_one_constituent);
  EXPECT_EQ(book_.state().leases().size(), 1u) << "it runs on to its end";
  gone(2, false);
  EXPECT_EQ(code(renew(1, 3)), Code::granted);
  EXPECT_EQ(code(checkout(3)), Code::granted);
}

TEST_F(PresenceTest, WhatIsAbsentCanBeImported) {
  genesis();
  gone(0);
  license(2);
  EXPECT_EQ(row().constituents, 6);
  gone(0, false);
  EXPECT_EQ(row().constituents, 7);
}

TEST_F(PresenceTest, IsTakenBackWithItsEntry) {
  genesis();
  license(2);
  const Hash128 before = book_.digest();
  gone(1);
  EXPECT_NE(book_.digest(), before);
  EXPECT_EQ(book_.digest(), book_.recomputed_digest());
  ASSERT_TRUE(book_.undo());
  EXPECT_EQ(book_.digest(), before);
  EXPECT_EQ(row().constituents, 7);
}

TEST_F(PresenceTest, AnEntryOfAnotherFormChangesNothing) {
  genesis();
  license(2);
  const uint8_t wrong[][8] = {{3, 1}, {0, 2}, {0, 1, 1}};
  for (const auto& body : wrong) {
    const Result result = apply_raw(EntryKind::constituent_gone, body);
    EXPECT_EQ(static_cast<Code>(result[offsetof(EntryResult, code)]), Code::malformed);
  }
  const Result result = apply_raw(EntryKind::constituent_gone, {});
  EXPECT_EQ(static_cast<Code>(result[offsetof(EntryResult, code)]), Code::malformed);
  EXPECT_EQ(row().constituents, 7);
}

TEST_F(PresenceTest, AnImageKeepsIt) {
  genesis();
  license(2);
  gone(2);
  const BookOptions options{.leases_max = 1'000, .tombstones_max = 1'000};
  ImageWriter writer(options);
  book_.capture(writer);
  while (writer.phase() == ImageWriter::Phase::running) {
    writer.slice(100);
  }
  Book other(plain_checks(), options);
  ImageReader reader(other.to_load());
  ASSERT_TRUE(reader.take(writer.written()));
  ASSERT_TRUE(reader.finish());
  EXPECT_EQ(other.digest(), book_.digest());
  EXPECT_EQ(other.state().present_bits(0), 3);
}

}  // namespace
}  // namespace tercet::license
