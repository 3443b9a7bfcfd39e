// The rules, one by one: what is granted, each denial with its numbers, repeats, late copies, ends.

#include "license/book_fixture.h"

namespace tercet::license {
namespace {

class BookTest : public BookFixture {
 protected:
  BookTest() = default;
  explicit BookTest(const BookOptions& options) : BookFixture(options) {}
};

TEST_F(BookTest, ACheckoutTakesASeatAndSaysSo) {
  genesis();
  license(5);
  const OpResult r = checkout(1, {.lease_ms = 30'000});
  EXPECT_EQ(code(r), Code::granted);
  EXPECT_EQ(r.tmr_id, 1u);
  EXPECT_EQ(r.lease_ms, 30'000u);
  EXPECT_EQ(r.in_use, 1u);
  EXPECT_EQ(r.quantity, 5u);
  EXPECT_EQ(r.seats_left, 4u);
  EXPECT_EQ(r.features, 0xFu);
  EXPECT_EQ(r.lease_end_cell_ms, static_cast<uint64_t>(now_) + 30'000);
  EXPECT_EQ(r.lease_end_wall_ms, static_cast<uint64_t>(wall_) + 30'000);
  EXPECT_EQ(checkout(2).lease_ms, kLeaseDefaultMs);
}

TEST_F(BookTest, TheSixthOfFiveIsDeniedWithTheNumbers) {
  genesis();
  license(5);
  for (uint64_t h = 1; h <= 5; ++h) {
    EXPECT_EQ(code(checkout(h)), Code::granted);
  }
  const OpResult r = checkout(6);
  EXPECT_EQ(code(r), Code::no_free_seat);
  EXPECT_EQ(r.in_use, 5u);
  EXPECT_EQ(r.quantity, 5u);
  EXPECT_EQ(r.seats_left, 0u);
  EXPECT_EQ(r.tmr_id, 1u);
  EXPECT_EQ(code(release(3, 2)), Code::granted);
  EXPECT_EQ(code(checkout(7)), Code::granted);
}

TEST_F(BookTest, TheLowestTmrIdWithAFreeSeatServes) {
  genesis();
  license(1, 9);
  license(1, 4);
  EXPECT_EQ(checkout(1).tmr_id, 4u);
  EXPECT_EQ(checkout(2).tmr_id, 9u);
  const OpResult full = checkout(3);
  EXPECT_EQ(code(full), Code::no_free_seat);
  EXPECT_EQ(full.in_use, 2u);
  EXPECT_EQ(full.quantity, 2u);
  EXPECT_EQ(full.tmr_id, 0u) << "of more than one";
  EXPECT_EQ(release(1, 2).seats_left, 1u);
  EXPECT_EQ(code(checkout(4, {.tmr_id = 9})), Code::no_free_seat);
  EXPECT_EQ(checkout(5).tmr_id, 4u);
}

TEST_F(BookTest, SeatsWithoutNumber) {
  genesis();
  license(0);
  for (uint64_t h = 1; h <= 3; ++h) {
    const OpResult r = checkout(h);
    EXPECT_EQ(code(r), Code::granted);
    EXPECT_EQ(r.seats_left, UINT32_MAX);
    EXPECT_EQ(r.quantity, 0u);
    EXPECT_EQ(r.in_use, h);
  }
  const OpResult r = release(1, 2);
  EXPECT_EQ(r.in_use, 2u);
  EXPECT_EQ(r.seats_left, UINT32_MAX);
}

TEST_F(BookTest, TheDenialOfTheLicenseThatCameFurthestIsGiven) {
  genesis();
  EXPECT_EQ(code(checkout(1)), Code::no_such_license);
  ASSERT_EQ(code(import(constituent(0, 5, 1))), Code::granted);
  EXPECT_EQ(code(checkout(2)), Code::only_one_constituent);
  OpResult r = checkout(3);
  EXPECT_EQ(r.tmr_id, 1u);
  EXPECT_EQ(r.features, 0b001u) << "the constituents that are there";
  EXPECT_EQ(r.in_use, 0u);
  EXPECT_EQ(r.quantity, 5u);
  const uint64_t past = static_cast<uint64_t>(wall_) - 5;
  license(5, 2, [&](PlainConstituent& p) { p.valid_until_ms = past; });
  r = checkout(4);
  EXPECT_EQ(code(r), Code::expired);
  EXPECT_EQ(r.features, past);
  EXPECT_EQ(r.lease_end_wall_ms, 0u) << "no lease";
  EXPECT_EQ(r.quantity, 5u);
  EXPECT_EQ(r.tmr_id, 2u);
  const uint64_t soon = static_cast<uint64_t>(wall_) + 1'000;
  license(5, 3, [&](PlainConstituent& p) { p.valid_from_ms = soon; });
  r = checkout(5);
  EXPECT_EQ(code(r), Code::not_yet_valid);
  EXPECT_EQ(r.features, soon);
  license(1, 4);
  r = checkout(6, {.features = 0x31});
  EXPECT_EQ(code(r), Code::feature_not_licensed);
  EXPECT_EQ(r.features, 0x30u);
  EXPECT_EQ(r.tmr_id, 4u);
  EXPECT_EQ(r.quantity, 1u);
  EXPECT_EQ(r.seats_left, 1u);
  EXPECT_EQ(checkout(7, {.features = 0xF}).tmr_id, 4u);
  r = checkout(10, {.features = 0x31});
  EXPECT_EQ(code(r), Code::feature_not_licensed);
  EXPECT_EQ(r.in_use, 1u);
  EXPECT_EQ(r.seats_left, 0u);
  EXPECT_EQ(code(checkout(8)), Code::no_free_seat);
  pass(1'000);
  EXPECT_EQ(checkout(9).tmr_id, 3u) << "valid from now on";
}

TEST_F(BookTest, ValidUntilIsTheFirstMomentAtWhichItIsOver) {
  genesis();
  const uint64_t until = static_cast<uint64_t>(wall_) + 10;
  license(5, 1, [&](PlainConstituent& p) { p.valid_until_ms = until; });
  pass(9);
  EXPECT_EQ(code(checkout(1)), Code::granted);
  pass(1);
  OpResult r = checkout(2);
  EXPECT_EQ(code(r), Code::expired);
  EXPECT_EQ(r.in_use, 1u);
  EXPECT_EQ(r.quantity, 5u);
  EXPECT_EQ(r.seats_left, 4u);
  EXPECT_EQ(r.features, until);
  r = renew(1, 2);
  EXPECT_EQ(code(r), Code::expired);
  EXPECT_EQ(r.in_use, 1u);
  EXPECT_EQ(r.quantity, 5u);
  EXPECT_EQ(r.features, until);
  EXPECT_NE(r.lease_end_wall_ms, 0u) << "its lease's";
  EXPECT_TRUE(book_.leases_live()) << "the running lease goes on to its end";
}

TEST_F(BookTest, LeasesOutOfBoundsAreBadRequestsAndLeaveNothing) {
  genesis();
  license(5);
  const auto before = book_.state().tombstones().size();
  EXPECT_EQ(code(checkout(1, {.lease_ms = 999})), Code::bad_request);
  EXPECT_EQ(code(checkout(1, {.lease_ms = 86'400'001})), Code::bad_request);
  EXPECT_EQ(code(checkout(1, {.lease_ms = 1'000})), Code::granted);
  EXPECT_EQ(code(renew(1, 2, 999)), Code::bad_request);
  EXPECT_EQ(code(renew(1, 2, 86'400'000)), Code::granted);
  EXPECT_EQ(book_.state().tombstones().size(), before);
}

TEST_F(BookTest, TheLicensesOwnBoundsMoveAWish) {
  genesis();
  license(5, 1, [](PlainConstituent& p) {
    p.lease_min_ms = 10'000;
    p.lease_ms = 15'000;
    p.lease_max_ms = 20'000;
  });
  EXPECT_EQ(checkout(1).lease_ms, 15'000u);
  EXPECT_EQ(checkout(2, {.lease_ms = 1'000}).lease_ms, 10'000u);
  EXPECT_EQ(checkout(3, {.lease_ms = 90'000}).lease_ms, 20'000u);
  EXPECT_EQ(renew(3, 2, 1'000).lease_ms, 10'000u);
}

TEST_F(BookTest, ALeaseEndsAtTheFirstEntryThatReachesItsEndPlusGrace) {
  genesis();
  license(5);
  checkout(1, {.lease_ms = 5'000});      // grace 1 s
  checkout(2, {.lease_ms = 3'600'000});  // grace 3.6 s
  pass(5'999);
  EXPECT_EQ(tick(), 0u);
  pass(1);
  EXPECT_EQ(tick(), 1u);
  pass(3'603'599 - 6'000);
  EXPECT_EQ(tick(), 0u);
  pass(1);
  EXPECT_EQ(tick(), 1u);
  EXPECT_FALSE(book_.leases_live());
}

TEST_F(BookTest, ARenewNeverMakesTheEndEarlier) {
  genesis();
  license(5);
  const OpResult first = checkout(1, {.lease_ms = 60'000});
  pass(10'000);
  const OpResult shorter = renew(1, 2, 1'000);
  EXPECT_EQ(code(shorter), Code::granted);
  EXPECT_EQ(shorter.lease_ms, 1'000u);
  EXPECT_EQ(shorter.lease_end_cell_ms, first.lease_end_cell_ms);
  const OpResult again = renew(1, 3);
  EXPECT_EQ(again.lease_ms, 60'000u) << "as at checkout";
  EXPECT_EQ(again.lease_end_cell_ms, static_cast<uint64_t>(now_) + 60'000);
  pass(60'999);
  EXPECT_EQ(tick(), 0u);
  pass(1);
  EXPECT_EQ(tick(), 1u);
}

TEST_F(BookTest, AShortRenewNearTheEndOfALongLeaseKeepsItsGrace) {
  genesis();
  license(5);
  checkout(1, {.lease_ms = 86'400'000});  // grace 86.4 s
  pass(86'395'000);
  renew(1, 2, 10'000);  // ends 5 s later, with 1 s of grace of its own
  pass(5'000 + 86'399);
  EXPECT_EQ(tick(), 0u);
  pass(1);
  EXPECT_EQ(tick(), 1u);
}

TEST_F(BookTest, ARepeatGetsTheSameBytesAndChangesNothing) {
  genesis();
  license(2);
  const OpResult first = checkout(1);
  pass(500);
  const OpResult again = checkout(1);
  EXPECT_TRUE(equal(bytes_of(first), bytes_of(again)));
  EXPECT_EQ(book_.state().leases().size(), 1u);
  const OpResult renewed = renew(1, 5);
  pass(500);
  EXPECT_TRUE(equal(bytes_of(renewed), bytes_of(renew(1, 5))));
  const OpResult older = checkout(1);  // a late copy of request 1
  EXPECT_EQ(older.flags, kLaterAnswer);
  EXPECT_EQ(older.lease_end_cell_ms, renewed.lease_end_cell_ms);
  const OpResult released = release(1, 6);
  EXPECT_TRUE(equal(bytes_of(released), bytes_of(release(1, 6))));
  EXPECT_EQ(renew(1, 5).flags, kLaterAnswer);
  EXPECT_EQ(book_.state().leases().size(), 0u);
}

TEST_F(BookTest, ARepeatedDenialIsTheSameEvenIfThereIsASeatNow) {
  genesis();
  license(1);
  checkout(1);
  const OpResult denied = checkout(2);
  ASSERT_EQ(code(denied), Code::no_free_seat);
  release(1, 2);
  EXPECT_TRUE(equal(bytes_of(denied), bytes_of(checkout(2))));
  EXPECT_EQ(book_.state().leases().size(), 0u);
  EXPECT_EQ(code(checkout(2, {}, 2)), Code::stale) << "an attempt has a handle of its own";
  EXPECT_EQ(code(checkout(3)), Code::granted);
}

TEST_F(BookTest, ACheckoutWhoseTextIsNoUtf8IsABadRequest) {
  genesis();
  license(1);
  EXPECT_EQ(code(checkout(1, {.user = "\xFF\xFE"})), Code::bad_request);
  EXPECT_EQ(book_.state().leases().size(), 0u);
  EXPECT_EQ(code(checkout(1, {.user = "j\xC3\xB6rg"})), Code::granted);
}

TEST_F(BookTest, AReleaseOfAnUnknownHandleFarAheadSeatsNobodyBehindIt) {
  genesis();
  license(1);
  EXPECT_EQ(code(release(1, 1U << 31U)), Code::unknown_handle);
  for (const uint32_t request : {1U, 2U}) {
    const OpResult late = checkout(1, {}, request);
    EXPECT_EQ(code(late), Code::unknown_handle);
    EXPECT_EQ(late.flags, kLaterAnswer);
  }
  EXPECT_EQ(code(checkout(1, {}, (1U << 31U) + 1)), Code::stale);
  EXPECT_EQ(book_.state().leases().size(), 0u);
}

TEST_F(BookTest, LateCopiesOfACheckoutSeatNobody) {
  genesis();
  license(1);
  // After a release that overtook it.
  EXPECT_EQ(code(release(1, 2)), Code::unknown_handle);
  EXPECT_EQ(code(checkout(1)), Code::unknown_handle);
  // After a release.
  checkout(2);
  release(2, 2);
  EXPECT_EQ(code(checkout(2)), Code::granted) << "what the release was told, not a new grant";
  // After its end.
  checkout(3, {.lease_ms = 1'000});
  pass(2'000);
  EXPECT_EQ(tick(), 1u);
  checkout(3, {.lease_ms = 1'000});
  EXPECT_EQ(book_.state().leases().size(), 0u);
}

TEST_F(BookTest, ACopyLaterThanTheTombstoneIsStale) {
  genesis();
  license(1);
  const Buffer late = checkout_op(1, 1, now_ + 1'000, {});  // as far ahead as is taken
  EXPECT_EQ(code(apply_op(late)), Code::granted);
  release(1, 2);
  pass(kReplayWindow.ms() - 1);
  tick();
  EXPECT_GT(book_.state().tombstones().size(), 0u);
  pass(1);
  tick();
  EXPECT_EQ(book_.state().tombstones().size(), 0u);
  EXPECT_EQ(code(apply_op(late)), Code::stale);
  EXPECT_EQ(book_.state().tombstones().size(), 0u) << "it can only become staler";
}

TEST_F(BookTest, StaleIsJudgedByTheEntrysCellTime) {
  genesis();
  license(5);
  now_ += kReplayWindow.ms();
  EXPECT_EQ(code(apply_op(checkout_op(1, 1, now_ - kSentAgeMax.ms(), {}))), Code::granted);
  EXPECT_EQ(code(apply_op(checkout_op(2, 1, now_ - kSentAgeMax.ms() - 1, {}))), Code::stale);
  EXPECT_EQ(code(apply_op(checkout_op(3, 1, now_ + 1'000, {}))), Code::granted);
  const Buffer early = checkout_op(4, 1, now_ + 1'001, {});
  EXPECT_EQ(code(apply_op(early)), Code::stale);
  pass(10);
  EXPECT_EQ(code(apply_op(early)), Code::stale) << "its copy would pass by now";
  EXPECT_EQ(code(apply_op(renew_op(1, 2, now_ - kSentAgeMax.ms() - 1, 0))), Code::stale);
  EXPECT_EQ(code(apply_op(renew_op(1, 2, now_, 0))), Code::granted) << "an old one uses up no number";
  EXPECT_EQ(code(apply_op(renew_op(1, 3, now_ + 1'001, 0))), Code::stale);
  EXPECT_EQ(code(renew(1, 3)), Code::stale) << "an early one does";
}

TEST_F(BookTest, AHandleIsUsedOnce) {
  genesis();
  license(5);
  checkout(1);
  const OpResult second = checkout(1, {}, 2);
  EXPECT_EQ(code(second), Code::stale);
  EXPECT_EQ(second.in_use, 1u);
  EXPECT_TRUE(equal(bytes_of(second), bytes_of(checkout(1, {}, 2))));
  release(1, 3);
  EXPECT_EQ(code(renew(1, 4)), Code::unknown_handle);
  EXPECT_EQ(code(release(1, 5)), Code::unknown_handle);
  EXPECT_EQ(code(checkout(1, {}, 6)), Code::stale);
  EXPECT_EQ(code(renew(77, 1)), Code::unknown_handle);
  EXPECT_EQ(code(checkout(77)), Code::unknown_handle) << "the renew's answer";
}

TEST_F(BookTest, RunningLeasesOutliveTheirLicense) {
  genesis();
  license(2);
  checkout(1);
  // A new revision comes in: with one constituent each, neither serves… then two of the new one do.
  PlainConstituent p = constituent(0, 1);
  p.revision = 2;
  EXPECT_EQ(code(import(p)), Code::granted);
  EXPECT_EQ(code(renew(1, 2)), Code::granted) << "slots 2 and 3 still share the old one";
  checkout(2);
  p = constituent(1, 1);
  p.revision = 2;
  const OpResult r = import(p);
  EXPECT_EQ(code(r), Code::granted);
  EXPECT_EQ(r.quantity, 1u);
  EXPECT_EQ(r.in_use, 2u) << "nobody is thrown out";
  EXPECT_EQ(r.seats_left, 0u);
  EXPECT_EQ(code(renew(1, 3)), Code::granted);
  release(2, 2);
  EXPECT_EQ(code(checkout(3)), Code::no_free_seat);
  release(1, 4);
  EXPECT_EQ(code(checkout(4)), Code::granted);
}

TEST_F(BookTest, ACheckoutFirstEndsWhatIsOverOfItsOwnLicense) {
  genesis();
  license(1, 1);
  license(200, 2, [](PlainConstituent& p) { p.product = 21; });
  for (uint64_t h = 100; h < 300; ++h) {
    checkout(h, {.product = 21, .lease_ms = 1'000});
  }
  pass(5);
  checkout(1, {.lease_ms = 1'000});
  pass(2'000);
  EXPECT_EQ(code(checkout(2)), Code::granted) << "though 200 others were over before";
  EXPECT_TRUE(book_.more_due());
  EXPECT_EQ(book_.state().leases().size(), 201u - kExpiriesPerEntry + 1);
  EXPECT_EQ(tick(), 64u);
  EXPECT_EQ(tick(), 64u);
  EXPECT_EQ(tick(), 200u - 63 - 64 - 64);
  EXPECT_FALSE(book_.more_due());
}

TEST_F(BookTest, LeasesThatAreOverTogetherEndInTheOrderOfTheirIndexes) {
  genesis();
  license(100, 1);
  license(100, 2, [](PlainConstituent& p) { p.product = 21; });
  const auto product = [](uint64_t h) { return 20 + static_cast<uint32_t>(h / 7 % 2); };
  for (uint64_t h = 0; h < 100; ++h) {
    checkout(h, {.product = product(h), .lease_ms = 1'000});
  }
  pass(2'000);
  EXPECT_EQ(tick(), kExpiriesPerEntry);
  for (uint64_t h = 0; h < 100; ++h) {
    EXPECT_EQ(book_.state().leases().find(handle_of(h)) == kNone, h < kExpiriesPerEntry) << h;
  }
  EXPECT_EQ(book_.digest(), book_.recomputed_digest());
}

TEST_F(BookTest, AHandlesOwnLeaseEndsBeforeItsRequest) {
  genesis();
  license(200);
  for (uint64_t h = 1; h <= 200; ++h) {
    checkout(h, {.lease_ms = 1'000});
  }
  pass(2'000);
  EXPECT_EQ(code(renew(200, 2)), Code::unknown_handle);
}

TEST_F(BookTest, CellTimeNeverGoesBack) {
  genesis();
  license(5);
  checkout(1, {.lease_ms = 1'000});
  pass(1'000);
  tick();
  now_ = 5;
  EXPECT_EQ(tick(), 0u);
  EXPECT_EQ(book_.state().now_ms(), kStart + 1'000);
}

TEST_F(BookTest, ATickAndAnUnknownKindChangeNoObject) {
  EXPECT_EQ(tick(), 0u);
  const Result r = apply_raw(EntryKind::level, {});
  ASSERT_EQ(r.size(), sizeof(EntryResult));
  EXPECT_EQ(static_cast<Code>(r[4]), Code::bad_request);
  EXPECT_EQ(apply_raw(EntryKind::epoch_start, {}).size(), sizeof(EntryResult));
}

TEST_F(BookTest, OneGenesis) {
  Buffer bad = make_genesis();
  bad.pop_back();
  EXPECT_EQ(static_cast<Code>(apply_raw(EntryKind::genesis, bad)[4]), Code::malformed);
  EXPECT_EQ(static_cast<Code>(apply_raw(EntryKind::genesis, {})[4]), Code::malformed);
  genesis();
  EXPECT_EQ(static_cast<Code>(apply_raw(EntryKind::genesis, make_genesis({0xB2}))[4]), Code::repeated);
  license(1);
}

TEST(BookGenesis, EveryCutAndEveryFlippedBitIsSurvived) {
  const Buffer good = make_genesis();
  const auto code_of = [](Bytes body) {
    Book book(plain_checks(), {.leases_max = 10, .tombstones_max = 100});
    Result result;
    book.apply({Seq{1}, Epoch{5}, CellTime{1}, WallTime{1}, EntryKind::genesis, body}, result);
    const auto code = static_cast<Code>(result[offsetof(EntryResult, code)]);
    EXPECT_EQ(book.state().cell().started != 0, code == Code::granted);
    Buffer page(kReadAnswerMax);
    ReadBody read{};
    read.all = 1;
    page.resize(book.read(make_op(OpKind::read_containers, Handle{}, 0, 0, bytes_of(read)), page));
    EXPECT_LE(page_of(page).header->rows, 4);
    return code;
  };
  ASSERT_EQ(code_of(good), Code::granted);
  for (size_t n = 0; n < good.size(); ++n) {
    EXPECT_EQ(code_of(Bytes(good).first(n)), Code::malformed) << n;
  }
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    Buffer flipped = good;
    flipped[bit / 8] = static_cast<uint8_t>(flipped[bit / 8] ^ 1U << bit % 8);
    code_of(flipped);
  }
}

TEST_F(BookTest, NothingIsGrantedBeforeGenesis) {
  EXPECT_EQ(code(import(constituent(0, 5))), Code::unknown_issuer);
  EXPECT_EQ(code(checkout(1)), Code::no_such_license);
}

TEST_F(BookTest, HostileBytesAreBadRequests) {
  genesis();
  license(5);
  const Buffer good = checkout_op(1, 1, now_, {.user = "ann"});
  const Hash128 objects = book_.digest();
  for (size_t n = 0; n < good.size(); ++n) {
    EXPECT_EQ(code(apply_op(Bytes(good).first(n))), Code::bad_request) << n;
  }
  Buffer longer = good;
  longer.push_back(0);
  EXPECT_EQ(code(apply_op(longer)), Code::bad_request);
  for (unsigned kind = 0; kind < 256; ++kind) {
    Buffer odd = good;
    odd[0] = static_cast<uint8_t>(kind);
    const Code c = code(apply_op(odd));
    EXPECT_TRUE(c == Code::bad_request || kind == 1 || kind == 5 || kind == 6) << kind;
  }
  Buffer flagged = checkout_op(2, 1, now_, {});
  flagged[1] = 1;
  EXPECT_EQ(code(apply_op(flagged)), Code::bad_request);
  EXPECT_EQ(code(apply_op(checkout_op(3, 0, now_, {}))), Code::bad_request);
  EXPECT_NE(book_.digest(), objects) << "kind 1 was granted";
}

TEST_F(BookTest, SameEntriesSameDigests) {
  Book other(plain_checks(), {.leases_max = 5'000, .tombstones_max = 1'000, .hash_seed = 99});
  const auto both = [&](Bytes op) {
    Result a;
    Result b;
    EntryView entry;
    entry.seq = next(book_.applied());
    entry.cell = CellTime{now_};
    entry.wall = WallTime{wall_};
    entry.kind = book_.applied().value == 0 ? EntryKind::genesis : EntryKind::op;
    entry.op = op;
    book_.apply(entry, a);
    other.apply(entry, b);
    EXPECT_TRUE(equal({a.data(), a.size()}, {b.data(), b.size()}));
    EXPECT_EQ(book_.digest(), other.digest());
  };
  both(make_genesis());
  for (unsigned slot = 0; slot < kBackends; ++slot) {
    both(make_op(OpKind::import_constituent, handle_of(slot + 1), 1, now_, bytes_of(constituent(slot, 3))));
  }
  for (uint64_t h = 10; h < 20; ++h) {
    pass(100);
    both(checkout_op(h, 1, now_, {.user = "u" + std::to_string(h)}));
  }
}

class FullBookTest : public BookTest {
 protected:
  FullBookTest() : BookTest({.leases_max = 3, .tombstones_max = 65}) {}
};

TEST_F(FullBookTest, AFullBookDenies) {
  genesis();
  license(5);
  for (uint64_t h = 1; h <= 3; ++h) {
    EXPECT_EQ(code(checkout(h)), Code::granted);
  }
  const OpResult r = checkout(4);
  EXPECT_EQ(code(r), Code::book_full);
  EXPECT_EQ(r.tmr_id, 1u);
  release(1, 2);
  EXPECT_EQ(code(checkout(5)), Code::granted);
}

TEST_F(FullBookTest, WhatWasForgottenEarlyIsStale) {
  genesis();
  license(1);
  const Buffer late = checkout_op(1, 1, now_, {});
  EXPECT_EQ(code(apply_op(late)), Code::granted);
  release(1, 2);
  pass(2'000);
  for (uint64_t h = 100; h < 165; ++h) {
    EXPECT_EQ(code(release(h, 1)), Code::unknown_handle);
  }
  EXPECT_EQ(book_.state().tombstones().size(), 65u);
  EXPECT_EQ(book_.state().tombstones().find(handle_of(1)), kNone);
  EXPECT_EQ(code(apply_op(late)), Code::stale);
  // What went last was made at `kStart` and may have been sent a second ahead.
  EXPECT_EQ(code(apply_op(checkout_op(2, 1, kStart + 1'000, {}))), Code::stale);
  EXPECT_EQ(code(apply_op(checkout_op(2, 1, kStart + 1'001, {}))), Code::granted);
}

TEST(BookMemory, TenMillionLeasesFitTwoGibibytes) {
  EXPECT_LE(Leases::bytes_for(10'000'000), uint64_t{2} << 30U);
}

}  // namespace
}  // namespace tercet::license
