// Allocation modes that count stations: station-share and exclusive.

#include "license/book_fixture.h"

namespace tercet::license {
namespace {

class ModesTest : public BookFixture {
 protected:
  void SetUp() override { genesis(); }
  void license_of(LicenseMode mode, uint32_t quantity, uint32_t tmr_id = 1, uint32_t revision = 1) {
    license(quantity, tmr_id, [&](PlainConstituent& p) {
      p.mode = static_cast<uint8_t>(mode);
      p.revision = revision;
    });
  }
  void share(uint32_t quantity, uint32_t tmr_id = 1) {
    license_of(LicenseMode::station_share, quantity, tmr_id);
  }
  void exclusive(uint32_t quantity, uint32_t tmr_id = 1) {
    license_of(LicenseMode::exclusive, quantity, tmr_id);
  }
  OpResult at(const std::string& station, uint64_t handle) { return checkout(handle, {.station = station}); }
  [[nodiscard]] uint32_t in_use() const { return book_.state().leases().seated(0); }
};

TEST_F(ModesTest, AStationTakesOneSeatHoweverManyHandles) {
  share(2);
  for (uint64_t h = 1; h <= 50; ++h) {
    const OpResult r = at("desk", h);
    EXPECT_EQ(code(r), Code::granted);
    EXPECT_EQ(r.in_use, 1u);
    EXPECT_EQ(r.quantity, 2u);
    EXPECT_EQ(r.seats_left, 1u);
  }
  OpResult r = at("bench", 51);
  EXPECT_EQ(code(r), Code::granted);
  EXPECT_EQ(r.in_use, 2u);
  EXPECT_EQ(r.seats_left, 0u);
  r = at("third", 52);
  EXPECT_EQ(code(r), Code::no_free_seat);
  EXPECT_EQ(r.in_use, 2u);
  EXPECT_EQ(r.quantity, 2u);
  EXPECT_EQ(code(at("desk", 53)), Code::granted) << "full, but this station has a seat";
  // The seat is free when the last of its handles is given back, in whatever order.
  for (uint64_t h = 1; h <= 50; ++h) {
    EXPECT_EQ(release(h % 50 + 1, 2).in_use, 2u) << h;
  }
  EXPECT_EQ(release(53, 2).in_use, 1u);
  EXPECT_EQ(code(at("third", 54)), Code::granted);
}

TEST_F(ModesTest, ASecondHandleOfAnExclusiveStationIsDenied) {
  exclusive(2);
  EXPECT_EQ(at("desk", 1).in_use, 1u);
  const OpResult busy = at("desk", 2);
  EXPECT_EQ(code(busy), Code::station_busy);
  EXPECT_EQ(busy.tmr_id, 1u);
  EXPECT_EQ(busy.in_use, 1u);
  EXPECT_EQ(busy.quantity, 2u);
  EXPECT_EQ(busy.seats_left, 1u);
  EXPECT_EQ(at("bench", 3).in_use, 2u);
  EXPECT_EQ(code(at("third", 4)), Code::no_free_seat);
  EXPECT_EQ(code(at("desk", 5)), Code::station_busy) << "a free seat would not help it";
  EXPECT_EQ(release(1, 2).in_use, 1u);
  EXPECT_EQ(code(at("desk", 6)), Code::granted);
}

TEST_F(ModesTest, AStationWithoutANameIsItsHost) {
  share(1);
  EXPECT_EQ(code(checkout(1, {.host = "ws-1"})), Code::granted);
  EXPECT_EQ(code(checkout(2, {.host = "ws-1", .station = "ws-2"})), Code::no_free_seat);
  EXPECT_EQ(code(checkout(3, {.host = "ws-2", .station = "ws-1"})), Code::granted) << "the same station";
  const OpResult none = checkout(4, {.user = "ann"});
  EXPECT_EQ(code(none), Code::bad_request);
  EXPECT_EQ(none.tmr_id, 1u) << "which tells it from a field out of its range";
  EXPECT_TRUE(equal(bytes_of(none), bytes_of(checkout(4, {.user = "ann"}))));
  license(1, 2);
  EXPECT_EQ(checkout(5, {.user = "ann"}).tmr_id, 2u) << "another license needs no station";
}

TEST_F(ModesTest, StationsAreComparedWhole) {
  share(3);
  const std::string longest(kHolderTextMax, 'x');
  EXPECT_EQ(at(longest, 1).in_use, 1u);
  EXPECT_EQ(at(longest.substr(1), 2).in_use, 2u);
  EXPECT_EQ(at("X", 3).in_use, 3u);
  EXPECT_EQ(at("X", 4).in_use, 3u);
  EXPECT_EQ(code(at("x", 5)), Code::no_free_seat) << "case counts";
}

TEST_F(ModesTest, TheLowestTmrIdThatCanServeServes) {
  exclusive(1, 7);
  exclusive(1, 3);
  EXPECT_EQ(at("desk", 1).tmr_id, 3u);
  EXPECT_EQ(at("desk", 2).tmr_id, 7u) << "each license counts for itself";
  OpResult r = at("desk", 3);
  EXPECT_EQ(code(r), Code::station_busy);
  EXPECT_EQ(r.tmr_id, 3u);
  r = at("bench", 4);
  EXPECT_EQ(code(r), Code::no_free_seat);
  EXPECT_EQ(r.quantity, 2u);
  EXPECT_EQ(r.tmr_id, 0u);
  share(1, 9);
  EXPECT_EQ(at("bench", 5).tmr_id, 9u);
  EXPECT_EQ(at("bench", 6).tmr_id, 9u);
  r = at("desk", 7);
  EXPECT_EQ(code(r), Code::no_free_seat) << "the third came furthest";
  EXPECT_EQ(r.tmr_id, 9u);
  release(1, 2);
  EXPECT_EQ(at("bench", 8).tmr_id, 3u) << "though it has a seat of a higher one";
}

TEST_F(ModesTest, SeatsOfDifferentLicensesAreNotShared) {
  share(5, 1);
  license(5, 2, [](PlainConstituent& p) {
    p.product = 21;
    p.mode = static_cast<uint8_t>(LicenseMode::station_share);
  });
  EXPECT_EQ(checkout(1, {.product = 20, .station = "desk"}).in_use, 1u);
  EXPECT_EQ(checkout(2, {.product = 21, .station = "desk"}).in_use, 1u);
  EXPECT_EQ(release(1, 2).in_use, 0u);
  EXPECT_EQ(book_.state().leases().seated(1), 1u);
}

TEST_F(ModesTest, AStationThatIsOverIsNotBusy) {
  exclusive(500);
  for (uint64_t h = 1; h <= 200; ++h) {
    checkout(h, {.lease_ms = 1'000, .station = "s" + std::to_string(h)});
  }
  pass(2'000);
  EXPECT_EQ(code(at("s200", 300)), Code::granted) << "though 199 others were over before it";
  EXPECT_EQ(code(at("s200", 301)), Code::station_busy);
}

TEST_F(ModesTest, ASeatLastsAsLongAsTheLastLeaseOfItsStation) {
  share(1);
  checkout(1, {.lease_ms = 1'000, .station = "desk"});
  checkout(2, {.lease_ms = 5'000, .station = "desk"});
  pass(2'000);
  EXPECT_EQ(tick(), 1u);
  EXPECT_EQ(in_use(), 1u);
  EXPECT_EQ(code(at("bench", 3)), Code::no_free_seat);
  EXPECT_EQ(renew(2, 2).in_use, 1u);
  pass(6'000);
  EXPECT_EQ(tick(), 1u);
  EXPECT_EQ(in_use(), 0u);
}

TEST_F(ModesTest, WhoHoldsASeatKeepsItAsItWasGranted) {
  license_of(LicenseMode::user_limit, 3);
  checkout(1, {.station = "desk"});
  checkout(2, {.station = "desk"});
  EXPECT_EQ(in_use(), 2u);
  license_of(LicenseMode::station_share, 3, 1, 2);
  EXPECT_EQ(in_use(), 2u);
  EXPECT_EQ(at("desk", 3).in_use, 3u) << "the others' seats are their own";
  EXPECT_EQ(at("desk", 4).in_use, 3u);
  license_of(LicenseMode::exclusive, 3, 1, 3);
  EXPECT_EQ(code(at("desk", 5)), Code::station_busy);
  EXPECT_EQ(renew(4, 2).in_use, 3u);
  EXPECT_EQ(release(3, 2).in_use, 3u);
  EXPECT_EQ(release(4, 3).in_use, 2u);
  license_of(LicenseMode::no_user_limit, 0, 1, 4);
  EXPECT_EQ(at("", 6).in_use, 3u);
  license_of(LicenseMode::user_limit, 3, 1, 5);
  EXPECT_EQ(in_use(), 2u) << "a seat without number takes none";
}

TEST_F(ModesTest, AnUndoneStationIsAsItWas) {
  share(2);
  at("desk", 1);
  at("desk", 2);
  at("bench", 3);
  const Hash128 digest = book_.digest();
  for (uint64_t first = 1; first <= 3; ++first) {
    // All three go in every order and come back.
    for (uint64_t n = 0; n < 3; ++n) {
      release((first + n) % 3 + 1, 2);
    }
    at("third", 10);
    EXPECT_EQ(in_use(), 1u);
    for (int n = 0; n < 4; ++n) {
      ASSERT_TRUE(book_.undo());
    }
    EXPECT_EQ(book_.digest(), digest);
    EXPECT_EQ(in_use(), 2u);
    EXPECT_EQ(code(at("third", 11)), Code::no_free_seat);
    ASSERT_TRUE(book_.undo());
    EXPECT_EQ(code(at("desk", 11)), Code::granted);
    ASSERT_TRUE(book_.undo());
  }
}

}  // namespace
}  // namespace tercet::license
