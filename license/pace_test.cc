// How the work that can wait is spread: ends and purges by operations of one millisecond of cell time.

#include "license/book_fixture.h"

namespace tercet::license {
namespace {

class PaceTest : public BookFixture {
 protected:
  PaceTest() : BookFixture({.leases_max = 1'000, .tombstones_max = 5'000}) {}
  void SetUp() override { genesis(); }
  /// Leases of handles 1 … `n` that are over together.
  void over(uint64_t n, LicenseMode mode = LicenseMode::user_limit) {
    license(static_cast<uint32_t>(n), 1, [&](PlainConstituent& p) { p.mode = static_cast<uint8_t>(mode); });
    for (uint64_t h = 1; h <= n; ++h) {
      ASSERT_EQ(code(checkout(h, {.lease_ms = 1'000, .station = "s" + std::to_string(h)})), Code::granted);
    }
    pass(2'000);
  }
  /// An operation that wants nothing ended.
  void operation() { ASSERT_EQ(code(renew(10'000 + operations_++, 1)), Code::unknown_handle); }
  [[nodiscard]] uint32_t leases() const { return book_.state().leases().size(); }
  [[nodiscard]] uint32_t tombstones() const { return book_.state().tombstones().size(); }
  uint64_t operations_ = 0;
};

TEST_F(PaceTest, OperationsOfOneMillisecondEndSixtyFourTogether) {
  over(300);
  operation();
  EXPECT_EQ(leases(), 300u - kExpiriesPerMs);
  for (int n = 0; n < 50; ++n) {
    operation();
  }
  EXPECT_EQ(leases(), 300u - kExpiriesPerMs);
  EXPECT_TRUE(book_.more_due());
  pass(1);
  operation();
  operation();
  EXPECT_EQ(leases(), 300u - 2 * kExpiriesPerMs);
}

TEST_F(PaceTest, ATickEndsSixtyFourWhateverOperationsDid) {
  over(300);
  operation();
  EXPECT_EQ(tick(), kExpiriesPerEntry);
  EXPECT_EQ(tick(), kExpiriesPerEntry);
  operation();
  EXPECT_EQ(leases(), 300u - 3 * kExpiriesPerEntry);
}

TEST_F(PaceTest, WhatAnOperationWaitsForEndsAllTheSame) {
  over(300);
  operation();
  ASSERT_EQ(leases(), 300u - kExpiriesPerMs);
  EXPECT_EQ(code(renew(300, 2)), Code::unknown_handle) << "its own lease";
  EXPECT_EQ(leases(), 299u - kExpiriesPerMs);
  for (uint64_t h = 1; h <= 2 * kExpiriesPerMs; ++h) {
    EXPECT_EQ(code(checkout(1'000 + h)), Code::granted) << "a seat of a full license";
  }
  EXPECT_LE(book_.state().leases().seated(0), 300u);
}

TEST_F(PaceTest, OneSeatIsEndedForACheckoutAndNoMore) {
  over(300);
  operation();
  for (uint64_t h = 1; h <= kExpiriesPerMs; ++h) {
    ASSERT_EQ(code(checkout(1'000 + h)), Code::granted);
  }
  EXPECT_EQ(leases(), 300u) << "the seats that were free already";
  ASSERT_EQ(code(checkout(2'000)), Code::granted);
  EXPECT_EQ(leases(), 300u) << "one for one";
}

TEST_F(PaceTest, AStationThatIsOverIsFreeAllTheSame) {
  over(300, LicenseMode::exclusive);
  operation();
  EXPECT_EQ(code(checkout(1'000, {.station = "s300"})), Code::granted);
  EXPECT_EQ(code(checkout(1'001, {.station = "s300"})), Code::station_busy);
}

TEST_F(PaceTest, WhatIsTakenBackMayBeDoneAgain) {
  over(300);
  operation();
  const Hash128 digest = book_.digest();
  ASSERT_TRUE(book_.undo());
  --operations_;
  operation();
  EXPECT_EQ(leases(), 300u - kExpiriesPerMs);
  EXPECT_EQ(book_.digest(), digest);
}

TEST_F(PaceTest, TombstonesGoAtThePaceOfOperationsAndNoSlowerThanTheyCome) {
  for (int n = 0; n < 1'000; ++n) {
    operation();
  }
  pass(kReplayWindow.ms());
  operation();
  EXPECT_EQ(tombstones(), 1'001u - kPurgesPerMs);
  for (int n = 0; n < 100; ++n) {
    operation();
  }
  EXPECT_EQ(tombstones(), 1'101u - kPurgesPerMs - 100 * kPurgesAlways);
  pass(1);
  operation();
  EXPECT_EQ(tombstones(), 1'102u - 2 * kPurgesPerMs - 100 * kPurgesAlways);
  tick();
  EXPECT_EQ(tombstones(), 1'102u - 3 * kPurgesPerMs - 100 * kPurgesAlways);
}

}  // namespace
}  // namespace tercet::license
