// Undo takes entries back exactly; what cannot be taken back says so; equal states reached by different paths
// have equal digests.

#include "license/undo.h"

#include "base/sanitized.h"
#include "license/book_fixture.h"

namespace tercet::license {
namespace {

class UndoTest : public BookFixture {
 protected:
  UndoTest() = default;
  explicit UndoTest(const BookOptions& options) : BookFixture(options) {}
  std::vector<uint8_t> lists() const {
    std::vector<uint8_t> all;
    for (const OpKind kind : {OpKind::read_licenses, OpKind::read_containers, OpKind::read_leases}) {
      const Buffer page = read(kind, 0, true);
      all.insert(all.end(), page.begin(), page.end());
    }
    return all;
  }
};

TEST_F(UndoTest, EveryKindOfEntryIsTakenBackExactly) {
  std::vector<Hash128> digests;
  std::vector<std::vector<uint8_t>> shown;
  const auto note = [&] {
    digests.push_back(book_.digest());
    shown.push_back(lists());
  };
  note();
  genesis();
  note();
  for (unsigned slot = 0; slot < kBackends; ++slot) {
    import(constituent(slot, 2));
    note();
  }
  PlainConstituent newer = constituent(0, 7);
  newer.revision = 2;
  import(newer);
  note();
  for (uint64_t h = 1; h <= 3; ++h) {
    checkout(h, {.lease_ms = 2'000});
    note();
  }
  pass(1'500);
  renew(1, 2);
  note();
  release(2, 2);
  note();
  pass(2'000);
  tick();
  note();
  pass(kReplayWindow.ms());
  tick();
  note();
  while (book_.applied().value > 0) {
    ASSERT_EQ(book_.digest(), digests.back());
    ASSERT_EQ(lists(), shown.back());
    digests.pop_back();
    shown.pop_back();
    ASSERT_TRUE(book_.undo());
  }
  EXPECT_EQ(book_.digest(), digests.back());
  EXPECT_FALSE(book_.undo());
  Book fresh(plain_checks(), {.leases_max = 10, .tombstones_max = 100});
  EXPECT_EQ(book_.digest(), fresh.digest());
}

TEST_F(UndoTest, SettledEntriesStay) {
  genesis();
  license(5);
  checkout(1);
  checkout(2);
  book_.settle(previous(book_.applied()));
  EXPECT_TRUE(book_.undo());
  const Hash128 digest = book_.digest();
  EXPECT_FALSE(book_.undo());
  EXPECT_EQ(book_.digest(), digest);
  EXPECT_EQ(code(checkout(2)), Code::granted);
}

TEST_F(UndoTest, ResetIsBeforeTheFirstEntry) {
  const Hash128 empty = book_.digest();
  genesis();
  license(5);
  checkout(1);
  book_.reset();
  EXPECT_EQ(book_.digest(), empty);
  EXPECT_EQ(book_.applied(), Seq{0});
  EXPECT_FALSE(book_.undo());
  genesis();
  license(5);
  EXPECT_EQ(checkout(1).in_use, 1u);
}

TEST_F(UndoTest, EqualStatesByDifferentPaths) {
  Book other(plain_checks(), {.leases_max = 100, .tombstones_max = 100});
  const auto to_other = [&](EntryKind kind, Bytes op, int64_t cell) {
    Result r;
    other.apply({next(other.applied()), Epoch{}, CellTime{cell}, WallTime{kWall}, kind, op}, r);
  };
  genesis();
  license(5);
  checkout(1);
  checkout(2);
  release(2, 2);
  wall_ = kWall;
  now_ += kReplayWindow.ms();
  const int64_t end = now_;
  tick();  // the lease is over and the tombstone gone
  now_ += kReplayWindow.ms();
  tick();

  to_other(EntryKind::genesis, make_genesis(), kStart);
  for (const unsigned slot : {2U, 0U, 1U}) {
    to_other(
        EntryKind::op,
        make_op(OpKind::import_constituent, handle_of(slot + 50), 1, kStart, bytes_of(constituent(slot, 5))),
        kStart);
  }
  for (const uint64_t handle : {8U, 9U}) {  // as many seats at once
    to_other(EntryKind::op, checkout_op(handle, 1, kStart, {.user = "ann"}), kStart);
  }
  to_other(EntryKind::tick, {}, end);
  EXPECT_NE(book_.digest(), other.digest()) << "another time";
  to_other(EntryKind::tick, {}, now_);
  EXPECT_EQ(book_.state().tombstones().size(), 0u);
  EXPECT_EQ(book_.digest(), other.digest());
}

class WindowUndoTest : public UndoTest {
 protected:
  static constexpr unsigned kEntries = kSanitized ? kUndoneMax / 16 : kUndoneMax;
  static constexpr uint32_t kLeases = kEntries * kExpiriesPerEntry;
  WindowUndoTest() : UndoTest({.leases_max = kLeases, .tombstones_max = 1'000}) {}
};

// What the options are by default: every entry of an LB's whole window ends as much as one can, and each end
// pushes out a tombstone.
TEST_F(WindowUndoTest, AWholeWindowOfUndecidedEntriesIsTakenBackExactly) {
  genesis();
  license(kLeases, 1, [](PlainConstituent& p) {
    p.metered = 1;
    p.units = kLeases;
  });
  for (uint32_t h = 0; h < kLeases; ++h) {
    checkout(h, {.lease_ms = 2'000, .user = "ann"});
    ConsumeBody body{};
    body.total = 1U;
    apply_op(make_op(OpKind::consume, handle_of(h), 2, now_, bytes_of(body)));
  }
  for (uint64_t h = 0; h < 1'000; ++h) {
    renew(10'000'000 + h, 1);
  }
  ASSERT_EQ(book_.state().leases().size(), kLeases);
  book_.settle(book_.applied());
  const Hash128 digest = book_.recomputed_digest();
  ASSERT_EQ(book_.digest(), digest);
  std::vector<Hash128> digests;
  for (unsigned n = 0; n < kEntries; ++n) {
    digests.push_back(book_.digest());
    pass(n == 0 ? 10'000 : 1);
    ASSERT_EQ(tick(), kExpiriesPerEntry);
  }
  EXPECT_FALSE(book_.leases_live());
  EXPECT_EQ(book_.digest(), book_.recomputed_digest());
  for (unsigned n = kEntries; n-- > 0;) {
    ASSERT_TRUE(book_.undo()) << n;
    ASSERT_EQ(book_.digest(), digests[n]) << n;
  }
  EXPECT_FALSE(book_.undo()) << "the rest was decided";
  EXPECT_EQ(book_.recomputed_digest(), digest);
  EXPECT_EQ(book_.state().leases().size(), kLeases);
  EXPECT_EQ(book_.state().leases().units_of(kLeases - 1), 1U);
}

TEST_F(UndoTest, ItsMemoryIsWhatUndecidedEntriesTake) {
  genesis();
  license(5);
  for (int i = 0; i < 20'000; ++i) {  // 10 MB of records in all
    checkout(static_cast<uint64_t>(i) + 1);
    release(static_cast<uint64_t>(i) + 1, 2);
    book_.settle(Seq{book_.applied().value - 20});
  }
  EXPECT_LE(book_.state().undo_log().touched_bytes(), 64U << 10U);
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(book_.undo());
  }
  EXPECT_FALSE(book_.undo());
  EXPECT_EQ(book_.digest(), book_.recomputed_digest());
}

class TightUndoTest : public UndoTest {
 protected:
  TightUndoTest()
      : UndoTest({.leases_max = 200, .tombstones_max = 500, .undo_entries = 8, .undo_bytes = 4'096}) {}
};

TEST_F(TightUndoTest, MoreThanTheRingHoldsCannotBeTakenBack) {
  genesis();
  license(5);
  for (int i = 0; i < 20; ++i) {
    pass(1);
    tick();
  }
  for (int i = 0; i < 8; ++i) {
    EXPECT_TRUE(book_.undo());
  }
  const Hash128 digest = book_.digest();
  EXPECT_FALSE(book_.undo());
  EXPECT_EQ(book_.digest(), digest);
}

TEST_F(TightUndoTest, AnEntryTooLargeForTheRingCannotBeTakenBackButTheNextCan) {
  genesis();
  license(200);
  for (uint64_t h = 1; h <= 100; ++h) {
    checkout(h, {.lease_ms = 1'000});
  }
  pass(2'000);
  EXPECT_EQ(tick(), kExpiriesPerEntry);  // 64 images of leases: 13 kB
  const Hash128 digest = book_.digest();
  EXPECT_FALSE(book_.undo());
  EXPECT_EQ(book_.digest(), digest);
  release(77'777, 1);  // ends the other 36: 8 kB, too large as well
  checkout(500);
  const Hash128 later = book_.digest();
  pass(1);
  renew(500, 2);
  EXPECT_NE(book_.digest(), later);
  EXPECT_TRUE(book_.undo());
  EXPECT_EQ(book_.digest(), later);
  EXPECT_TRUE(book_.undo());
  EXPECT_FALSE(book_.undo());
}

}  // namespace
}  // namespace tercet::license
