// Notices: a license that its issuer withdrew, a container that took a lost one's place.

#include "license/book_fixture.h"

namespace tercet::license {
namespace {

constexpr uint8_t kSlotTwo = 0x22;  ///< its container's key at first, and the next ones
constexpr uint8_t kNext = 0x52;
constexpr uint8_t kAfterNext = 0x53;

class NoticeTest : public BookFixture {
 protected:
  NoticeTest() : BookFixture({.leases_max = 1'000, .tombstones_max = 1'000}) {
    genesis();
    license(200);
  }
  static PlainNotice notice() {
    PlainNotice n;
    n.issuer = 0xA1;
    n.firm = 10;
    n.product = 20;
    n.tmr_id = 1;
    return n;
  }
  static PlainNotice replaced(uint8_t by, std::initializer_list<uint8_t> revoked, unsigned slot = 1) {
    PlainNotice n = notice();
    n.kind = 1;
    n.slot = static_cast<uint8_t>(slot);
    n.container = by;
    std::ranges::copy(revoked, n.revoked);
    return n;
  }
  OpResult import_notice(const PlainNotice& n) {
    return apply_op(make_op(OpKind::import_notice, handle_of(2'000'000 + imports_++), 1, now_, bytes_of(n)));
  }
  /// The constituent of slot 2, bound to another container.
  static PlainConstituent reissued(uint8_t container, uint32_t revision, uint32_t tmr_id = 1) {
    PlainConstituent p = constituent(1, 200, tmr_id);
    std::memset(p.container_key, container, sizeof p.container_key);
    p.revision = revision;
    return p;
  }
  [[nodiscard]] LicenseRow row(unsigned n = 0) const {
    const Buffer bytes = read(OpKind::read_licenses, 0, true);
    Bytes rest = page_of(bytes).rows;
    LicenseItem item;
    for (unsigned i = 0; i <= n; ++i) {
      EXPECT_TRUE(next_license(rest, item));
    }
    return *item.row;
  }
  [[nodiscard]] Code shown_lease(uint64_t handle) const {
    return static_cast<Code>(page_of(read(OpKind::read_lease, 0, false, handle)).header->code);
  }
};

TEST_F(NoticeTest, AWithdrawnLicenseServesNobodyAndItsLeasesEndAsRevoked) {
  license(200, 2);
  for (uint64_t handle = 1; handle <= 150; ++handle) {
    ASSERT_EQ(code(checkout(handle, {.tmr_id = 1})), Code::granted);
  }
  ASSERT_EQ(code(checkout(1'000, {.tmr_id = 2})), Code::granted);
  const OpResult done = import_notice(notice());
  EXPECT_EQ(code(done), Code::granted);
  EXPECT_EQ(done.tmr_id, 1u);
  EXPECT_EQ(row().withdrawn, 1);
  EXPECT_EQ(row().valid, 0);
  EXPECT_TRUE(book_.more_due());
  EXPECT_EQ(code(renew(150, 2)), Code::revoked) << "its own lease ends first";
  pass(1);
  EXPECT_LE(tick(), kExpiriesPerEntry);
  pass(1);
  while (book_.more_due()) {
    EXPECT_LE(tick(), kExpiriesPerEntry);
  }
  EXPECT_EQ(book_.state().leases().size(), 1u) << "the other license's";
  EXPECT_EQ(code(checkout(2'000, {.tmr_id = 1})), Code::revoked);
  EXPECT_EQ(code(checkout(2'001)), Code::granted) << "another license that matches serves";
  EXPECT_EQ(code(renew(1, 2)), Code::revoked);
  EXPECT_EQ(renew(1, 3).tmr_id, 1u);
  EXPECT_EQ(code(release(2, 2)), Code::revoked);
  EXPECT_EQ(shown_lease(3), Code::revoked);
  EXPECT_EQ(shown_lease(9'999), Code::unknown_handle);
  EXPECT_EQ(code(checkout(4, {.tmr_id = 1}, 1)), Code::granted) << "a repeat is answered as before";
}

TEST_F(NoticeTest, AWithdrawnLicenseStaysSo) {
  ASSERT_EQ(code(import_notice(notice())), Code::granted);
  EXPECT_EQ(code(import_notice(notice())), Code::repeated);
  PlainConstituent newer = constituent(0, 200);
  newer.revision = 9;
  EXPECT_EQ(code(import(newer)), Code::revoked);
  EXPECT_EQ(code(import_notice(replaced(kNext, {kSlotTwo}))), Code::revoked);
}

TEST_F(NoticeTest, ANoticeIsTakenOfTheLicensesIssuerAlone) {
  PlainNotice n = notice();
  n.issuer = 0xB2;
  EXPECT_EQ(code(import_notice(n)), Code::unknown_issuer);
  n = notice();
  n.good = 0;
  EXPECT_EQ(code(import_notice(n)), Code::bad_signature);
  n = notice();
  n.tmr_id = 7;
  EXPECT_EQ(code(import_notice(n)), Code::no_such_license);
  EXPECT_EQ(code(apply_op(make_op(OpKind::import_notice, handle_of(5), 1, now_, as_bytes("what?")))),
            Code::malformed);
  EXPECT_EQ(row().withdrawn, 0);
}

TEST_F(NoticeTest, TwoIssuersOfACellMayNotWithdrawEachOthersLicenses) {
  book_.reset();
  const Result result = apply_raw(EntryKind::genesis, make_genesis({0xA1, 0xB2}));
  ASSERT_EQ(result[offsetof(EntryResult, code)], 0);
  license(200);
  PlainNotice n = notice();
  n.issuer = 0xB2;
  EXPECT_EQ(code(import_notice(n)), Code::unknown_issuer);
  EXPECT_EQ(code(import_notice(notice())), Code::granted);
}

TEST_F(NoticeTest, AReissueMakesThreeOfThreeAgainAndTouchesNoLease) {
  ASSERT_EQ(code(checkout(1)), Code::granted);
  const OpResult done = import_notice(replaced(kNext, {kSlotTwo}));
  ASSERT_EQ(code(done), Code::granted);
  EXPECT_EQ(done.slot, 2);
  EXPECT_EQ(row().constituents, 5) << "what was bound to the former container is void";
  EXPECT_EQ(row().valid, 1);
  ASSERT_EQ(code(import(reissued(kNext, 2))), Code::granted);
  EXPECT_EQ(row().constituents, 7);
  EXPECT_EQ(row().revision, 2u);
  EXPECT_EQ(book_.state().leases().size(), 1u);
  EXPECT_EQ(code(renew(1, 2)), Code::granted);
  // Then the two others of that revision; at no moment is the license out of service.
  for (const unsigned slot : {0U, 2U}) {
    PlainConstituent p = constituent(slot, 200);
    p.revision = 2;
    EXPECT_EQ(code(import(p)), Code::granted);
    EXPECT_EQ(row().valid, 1);
    EXPECT_EQ(code(checkout(100 + slot)), Code::granted);
  }
}

TEST_F(NoticeTest, BetweenTwoRevisionsAnyTwoOfThreeServe) {
  ASSERT_EQ(code(import_notice(replaced(kNext, {kSlotTwo}))), Code::granted);
  ASSERT_EQ(code(import(reissued(kNext, 2))), Code::granted);
  gone(0);
  EXPECT_EQ(code(checkout(1)), Code::granted) << "revisions 2 and 1, of equal properties";
}

TEST_F(NoticeTest, TheOldContainerIsRefusedAndSaysWhy) {
  ASSERT_EQ(code(import_notice(replaced(kNext, {kSlotTwo}))), Code::granted);
  EXPECT_EQ(code(import(reissued(kSlotTwo, 3))), Code::container_revoked);
  EXPECT_EQ(code(import_notice(replaced(kSlotTwo, {kNext}))), Code::container_revoked);
  EXPECT_EQ(code(import_notice(replaced(kNext, {kSlotTwo}))), Code::repeated);
  EXPECT_EQ(row().constituents, 5);
}

TEST_F(NoticeTest, ALicenseThatWasNotReissuedWaitsForIt) {
  license(200, 2);
  ASSERT_EQ(code(import_notice(replaced(kNext, {kSlotTwo}))), Code::granted);
  ASSERT_EQ(code(import(reissued(kNext, 2))), Code::granted);
  EXPECT_EQ(row(0).constituents, 7);
  EXPECT_EQ(row(1).constituents, 5);
  EXPECT_EQ(code(import(reissued(kNext, 1, 2))), Code::older_revision) << "not higher than what it replaces";
  EXPECT_EQ(code(import(reissued(kNext, 2, 2))), Code::granted);
  EXPECT_EQ(row(1).constituents, 7);
}

TEST_F(NoticeTest, AReissueThatWasSkippedIsMadeUpForByTheNextList) {
  ASSERT_EQ(code(import_notice(replaced(kAfterNext, {kSlotTwo, kNext}))), Code::granted);
  EXPECT_EQ(code(import(reissued(kNext, 2))), Code::container_revoked);
  EXPECT_EQ(code(import(reissued(kAfterNext, 3))), Code::granted);
}

TEST_F(NoticeTest, AContainerTakesOnlyThePlaceThatTheNoticeNames) {
  EXPECT_EQ(code(import_notice(replaced(kNext, {0x77}))), Code::foreign_container) << "whose place?";
  EXPECT_EQ(code(import_notice(replaced(kNext, {kSlotTwo, 0x11}))), Code::foreign_container)
      << "slot 1's is not to be revoked with it";
  EXPECT_EQ(code(import_notice(replaced(0x11, {kSlotTwo}))), Code::foreign_container) << "it is slot 1's";
  PlainNotice others = replaced(kNext, {kSlotTwo});
  others.others_cell = 1;
  EXPECT_EQ(code(import_notice(others)), Code::foreign_container);
  EXPECT_EQ(row().constituents, 7);
}

TEST_F(NoticeTest, TheRevocationListIsBounded) {
  uint8_t before = kSlotTwo;
  for (unsigned n = 0; n < kRevokedMax; ++n) {
    const auto by = static_cast<uint8_t>(0x80 + n);
    ASSERT_EQ(code(import_notice(replaced(by, {before}))), Code::granted) << n;
    before = by;
  }
  EXPECT_EQ(code(import_notice(replaced(0x7F, {before}))), Code::book_full);
  EXPECT_EQ(code(import(reissued(before, 2))), Code::granted);
}

TEST_F(NoticeTest, IsTakenBackWithItsEntry) {
  ASSERT_EQ(code(checkout(1)), Code::granted);
  const Hash128 before = book_.digest();
  ASSERT_EQ(code(import_notice(replaced(kNext, {kSlotTwo}))), Code::granted);
  ASSERT_EQ(code(import(reissued(kNext, 2))), Code::granted);
  ASSERT_EQ(code(import_notice(notice())), Code::granted);
  pass(1);
  tick();
  EXPECT_EQ(book_.digest(), book_.recomputed_digest());
  for (unsigned n = 0; n < 4; ++n) {
    ASSERT_TRUE(book_.undo());
  }
  EXPECT_EQ(book_.digest(), before);
  EXPECT_EQ(row().constituents, 7);
  EXPECT_FALSE(book_.more_due());
  EXPECT_EQ(code(renew(1, 2)), Code::granted);
}

}  // namespace
}  // namespace tercet::license
