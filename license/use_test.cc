// What use makes of a license: its usage period, its units, its peak, and the denials that are counted.

#include <map>
#include <numeric>

#include "license/book_fixture.h"

namespace tercet::license {
namespace {

class UseTest : public BookFixture {
 protected:
  void SetUp() override { genesis(); }
  void with_period(int64_t ms, uint32_t revision = 1) {
    license(5, 1, [&](PlainConstituent& p) {
      p.usage_period_ms = static_cast<uint64_t>(ms);
      p.revision = revision;
    });
  }
  void with_units(uint64_t units, uint32_t revision = 1, uint32_t tmr_id = 1) {
    license(5, tmr_id, [&](PlainConstituent& p) {
      p.metered = 1;
      p.units = units;
      p.revision = revision;
    });
  }
  OpResult consume(uint64_t handle, uint32_t request, uint64_t total) {
    ConsumeBody body{};
    body.total = total;
    return apply_op(make_op(OpKind::consume, handle_of(handle), request, now_, bytes_of(body)));
  }
  [[nodiscard]] const Usage& usage(uint32_t license = 0) const { return book_.state().usage(license); }

  struct Row {
    UsageRow row;
    std::string name;
    std::map<Code, uint64_t> denied;
  };
  std::vector<Row> rows() const {
    std::vector<Row> out;
    uint64_t cursor = 0;
    do {
      const Buffer bytes = read(OpKind::read_usage, cursor);
      const PageView page = page_of(bytes);
      Bytes rest = page.rows;
      UsageItem item;
      while (next_usage(rest, item)) {
        Row row{*item.row, std::string(item.name), {}};
        for (const DenialCount& d : item.denied) {
          row.denied[static_cast<Code>(d.code)] = d.count;
        }
        out.push_back(row);
      }
      cursor = page.header->next;
    } while (cursor != 0);
    return out;
  }
};

TEST_F(UseTest, AUsagePeriodBeginsWithTheFirstCheckout) {
  with_period(10'000);
  pass(1'000'000);
  const uint64_t until = static_cast<uint64_t>(wall_) + 10'000;
  EXPECT_EQ(code(checkout(1, {.features = 0x10})), Code::feature_not_licensed);
  EXPECT_EQ(usage().started_wall_ms, 0u) << "a denied one is no use";
  EXPECT_EQ(code(checkout(2)), Code::granted);
  pass(9'999);
  EXPECT_EQ(code(checkout(3)), Code::granted);
  EXPECT_EQ(code(renew(2, 2)), Code::granted);
  pass(1);
  OpResult r = checkout(4);
  EXPECT_EQ(code(r), Code::usage_period_over);
  EXPECT_EQ(r.features, until);
  EXPECT_EQ(r.in_use, 2u);
  EXPECT_EQ(r.quantity, 5u);
  EXPECT_EQ(r.tmr_id, 1u);
  r = renew(3, 2);
  EXPECT_EQ(code(r), Code::usage_period_over);
  EXPECT_EQ(r.features, until);
  EXPECT_NE(r.lease_end_wall_ms, 0u) << "its lease's";
  EXPECT_EQ(book_.state().leases().size(), 2u) << "running leases go on to their end";
  EXPECT_EQ(code(release(3, 3)), Code::granted);
}

TEST_F(UseTest, ANewRevisionDoesNotBeginItAnew) {
  with_period(10'000);
  checkout(1, {.lease_ms = 1'000});
  pass(10'000);
  with_period(10'000, 2);
  EXPECT_EQ(code(checkout(2)), Code::usage_period_over);
  with_period(0, 3);
  EXPECT_EQ(code(checkout(3)), Code::granted) << "this one has no end";
  with_period(15'000, 4);
  EXPECT_EQ(code(checkout(4)), Code::granted) << "longer, from the same beginning";
  pass(5'000);
  EXPECT_EQ(code(checkout(5)), Code::usage_period_over);
  EXPECT_EQ(usage().started_wall_ms, static_cast<uint64_t>(kWall));
}

TEST_F(UseTest, UseUnderTermsWithoutAPeriodBeginsNone) {
  license(5);
  checkout(1);
  pass(50'000);
  with_period(10'000, 2);
  EXPECT_EQ(code(checkout(2)), Code::granted);
  EXPECT_EQ(usage().started_wall_ms, static_cast<uint64_t>(wall_));
}

TEST_F(UseTest, AfterItsUsagePeriodALicenseIsNotValid) {
  with_period(10'000);
  checkout(1);
  const auto shown = [&] { return page_of(read(OpKind::read_licenses)).header->rows.get(); };
  EXPECT_EQ(shown(), 1u);
  pass(10'000);
  tick();
  EXPECT_EQ(shown(), 0u);
  const Buffer bytes = read(OpKind::read_licenses, 0, true);
  const PageView page = page_of(bytes);
  Bytes rest = page.rows;
  LicenseItem item;
  ASSERT_TRUE(next_license(rest, item));
  EXPECT_EQ(item.row->valid, 0);
}

TEST_F(UseTest, UnitsAreUsedByRunningTotals) {
  with_units(100);
  checkout(1);
  checkout(2);
  OpResult r = consume(1, 2, 30);
  EXPECT_EQ(code(r), Code::granted);
  EXPECT_EQ(r.flags, kUnitsLeft);
  EXPECT_EQ(r.features, 70u);
  EXPECT_EQ(r.lease_ms, 0u) << "it is no renewal";
  EXPECT_EQ(r.in_use, 2u);
  EXPECT_EQ(r.seats_left, 3u);
  EXPECT_EQ(r.tmr_id, 1u);
  EXPECT_NE(r.lease_end_cell_ms, 0u);
  EXPECT_EQ(consume(2, 2, 20).features, 50u) << "each handle has a total of its own";
  EXPECT_EQ(consume(1, 3, 30).features, 50u) << "the same total uses none";
  EXPECT_EQ(consume(1, 4, 7).features, 50u) << "nor does a lower one";
  EXPECT_EQ(consume(1, 5, 0).features, 50u);
  EXPECT_EQ(consume(1, 6, 31).features, 49u) << "and it did not take anything back";
  EXPECT_EQ(usage().units_used, 51u);
  release(1, 7);
  EXPECT_EQ(usage().units_used, 51u) << "what was used stays used";
  checkout(3);
  EXPECT_EQ(consume(3, 2, 49).features, 0u) << "a fresh handle begins at 0";
}

TEST_F(UseTest, WhoTakesAHandleOverIsToldItsTotal) {
  with_units(100);
  checkout(1);
  const auto row = [&](OpKind kind) {
    const Buffer bytes = read(kind, 0, false, 1);
    const PageView page = page_of(bytes);
    Bytes rest = page.rows;
    LeaseItem item;
    EXPECT_TRUE(next_lease(rest, item));
    return *item.row;
  };
  EXPECT_EQ(row(OpKind::read_lease).units, 0u);
  consume(1, 2, 30);
  EXPECT_EQ(row(OpKind::read_lease).units, 30u);
  EXPECT_EQ(row(OpKind::read_lease).last_request, 2u);
  EXPECT_EQ(row(OpKind::read_leases).units, 0u) << "nobody else";
}

TEST_F(UseTest, WhatIsNotThereWholeIsDeniedWhole) {
  with_units(100);
  checkout(1);
  consume(1, 2, 90);
  const OpResult r = consume(1, 3, 101);
  EXPECT_EQ(code(r), Code::no_units_left);
  EXPECT_EQ(r.features, 10u);
  EXPECT_EQ(r.flags, 0);
  EXPECT_EQ(r.quantity, 5u);
  EXPECT_EQ(r.in_use, 1u);
  EXPECT_EQ(usage().units_used, 90u);
  EXPECT_EQ(code(consume(1, 4, UINT64_MAX)), Code::no_units_left);
  EXPECT_EQ(consume(1, 5, 100).features, 0u) << "the rest is there";
  EXPECT_EQ(code(consume(1, 6, 101)), Code::no_units_left);
  EXPECT_EQ(code(consume(1, 7, 100)), Code::granted);
  EXPECT_EQ(code(renew(1, 8)), Code::granted) << "the seat is not lost by it";
}

TEST_F(UseTest, ALicenseWithoutUnitsLeftSeatsNobody) {
  with_units(10, 1, 1);
  EXPECT_EQ(checkout(1).tmr_id, 1u);
  consume(1, 2, 10);
  const OpResult r = checkout(2);
  EXPECT_EQ(code(r), Code::no_units_left);
  EXPECT_EQ(r.features, 0u);
  EXPECT_EQ(r.in_use, 1u);
  EXPECT_EQ(r.quantity, 5u);
  EXPECT_EQ(r.tmr_id, 1u);
  EXPECT_EQ(code(checkout(3, {.features = 0x10})), Code::feature_not_licensed) << "comes before it";
  with_units(5, 1, 2);
  EXPECT_EQ(checkout(4).tmr_id, 2u);
}

TEST_F(UseTest, ANewRevisionAddsUnitsAndForgetsNone) {
  with_units(10);
  checkout(1);
  consume(1, 2, 10);
  with_units(25, 2);
  EXPECT_EQ(consume(1, 3, 12).features, 13u);
  with_units(5, 3);
  const OpResult r = consume(1, 4, 13);
  EXPECT_EQ(code(r), Code::no_units_left);
  EXPECT_EQ(r.features, 0u) << "fewer than were used: none is left, and none is owed";
  EXPECT_EQ(code(consume(1, 5, 12)), Code::granted);
}

TEST_F(UseTest, WithoutUnitsNothingCanBeUsed) {
  license(5, 1);
  checkout(1);
  for (const uint64_t total : {0, 1}) {
    const OpResult r = consume(1, static_cast<uint32_t>(total) + 2, total);
    EXPECT_EQ(code(r), Code::no_units_left);
    EXPECT_EQ(r.features, 0u);
  }
  EXPECT_EQ(code(consume(2, 1, 1)), Code::unknown_handle);
  EXPECT_EQ(code(checkout(2)), Code::unknown_handle) << "the consume's answer";
}

TEST_F(UseTest, ALicenseThatDoesNotServeGivesNoUnits) {
  license(5, 1, [&](PlainConstituent& p) {
    p.metered = 1;
    p.units = 10;
    p.valid_until_ms = static_cast<uint64_t>(wall_) + 1'000;
  });
  checkout(1);
  pass(1'000);
  EXPECT_EQ(code(consume(1, 2, 1)), Code::expired);
  EXPECT_EQ(usage().units_used, 0u);
}

TEST_F(UseTest, UnitsAndPeriodsHaveBounds) {
  const auto import_with = [&](uint8_t metered, uint64_t units, uint64_t period) {
    PlainConstituent p = constituent(0, 5, 9);
    p.metered = metered;
    p.units = units;
    p.usage_period_ms = period;
    return code(import(p));
  };
  EXPECT_EQ(import_with(2, 1, 0), Code::malformed);
  EXPECT_EQ(import_with(0, 1, 0), Code::malformed);
  EXPECT_EQ(import_with(1, kUsageMax + 1, 0), Code::malformed);
  EXPECT_EQ(import_with(1, 1, kUsageMax + 1), Code::malformed);
  EXPECT_EQ(import_with(1, kUsageMax, kUsageMax), Code::granted);
  license(5, 9, [](PlainConstituent& p) {
    p.metered = 1;
    p.units = kUsageMax;
    p.revision = 2;
  });
  checkout(1);
  EXPECT_EQ(consume(1, 2, kUsageMax).features, 0u);
  EXPECT_EQ(book_.state().leases().units_of(0), kUsageMax);
}

TEST_F(UseTest, TheMostSeatsAtOnceAreKept) {
  license(5);
  for (uint64_t h = 1; h <= 4; ++h) {
    checkout(h);
  }
  for (uint64_t h = 1; h <= 3; ++h) {
    release(h, 2);
  }
  checkout(10);
  const auto row = rows().at(0).row;
  EXPECT_EQ(row.peak, 4u);
  EXPECT_EQ(row.in_use, 2u);
  EXPECT_EQ(row.handles, 2u);
  EXPECT_EQ(row.quantity, 5u);
}

TEST_F(UseTest, DenialsAreCountedByReasonOncePerRequest) {
  license(1, 1, [](PlainConstituent& p) { std::memcpy(p.name, "CAD", 3); });
  license(1, 2);
  checkout(1);
  checkout(2);
  for (int copy = 0; copy < 3; ++copy) {
    checkout(3);
  }
  checkout(4, {.tmr_id = 2});
  checkout(5, {.features = 0x10});
  checkout(6, {.product = 99});
  renew(77, 1);
  checkout(1, {}, 2);
  checkout(8, {.lease_ms = 1});
  const auto all = rows();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].name, "CAD");
  EXPECT_EQ(all[0].row.tmr_id, 1u);
  EXPECT_EQ(all[0].denied, (std::map<Code, uint64_t>{
                               {Code::no_free_seat, 1}, {Code::feature_not_licensed, 1}, {Code::stale, 1}}))
      << "of several, the lowest; what does not parse, nowhere";
  EXPECT_EQ(all[1].denied, (std::map<Code, uint64_t>{{Code::no_free_seat, 1}}));
  EXPECT_EQ(all[2].row.mode, 0);
  EXPECT_EQ(all[2].row.tmr_id, 0u);
  EXPECT_EQ(all[2].denied, (std::map<Code, uint64_t>{{Code::no_such_license, 1}, {Code::unknown_handle, 1}}));
}

TEST_F(UseTest, EveryReasonCanBeCountedAndShown) {
  license(1);
  for (const Code reason : kCounted) {
    Usage use{};
    use.count(reason);
    EXPECT_EQ(std::accumulate(std::begin(use.denied), std::end(use.denied), uint64_t{0}), 1u)
        << name_of(reason);
  }
  Usage use{};
  use.count(Code::granted);
  EXPECT_EQ(use, Usage{});
}

TEST_F(UseTest, ManyLicensesTakeManyPages) {
  for (uint32_t n = 1; n <= 60; ++n) {
    license(n, n, [](PlainConstituent& p) { std::memcpy(p.name, "0123456789abcdef", 16); });
    checkout(n, {.tmr_id = n, .features = 0x10});
  }
  checkout(99, {.product = 99});
  const auto all = rows();
  ASSERT_EQ(all.size(), 61u);
  for (uint32_t n = 1; n <= 60; ++n) {
    EXPECT_EQ(all[n - 1].row.tmr_id, n);
    EXPECT_EQ(all[n - 1].denied.size(), 1u);
  }
  EXPECT_EQ(all[60].row.mode, 0);
  EXPECT_EQ(page_of(read(OpKind::read_usage, 62)).header->rows, 0);
  EXPECT_EQ(page_of(read(OpKind::read_usage, UINT64_MAX)).header->rows, 0);
}

TEST_F(UseTest, AllOfItIsTakenBackExactly) {
  license(5, 1, [](PlainConstituent& p) {
    p.metered = 1;
    p.units = 10;
    p.usage_period_ms = 100'000;
  });
  std::vector<Hash128> digests;
  std::vector<Buffer> shown;
  const auto note = [&] {
    digests.push_back(book_.digest());
    shown.push_back(read(OpKind::read_usage));
    ASSERT_EQ(book_.digest(), book_.recomputed_digest());
  };
  const uint64_t before = book_.applied().value;
  note();
  checkout(1, {.lease_ms = 2'000}), note();
  consume(1, 2, 4), note();
  consume(1, 3, 9), note();
  consume(1, 4, 99), note();
  checkout(2, {.lease_ms = 2'000}), note();
  release(1, 5), note();
  consume(2, 2, 1), note();
  checkout(3), note();
  pass(3'000);
  tick(), note();
  for (size_t i = 0; i < digests.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      EXPECT_NE(digests[i], digests[j]) << i << ' ' << j;
    }
  }
  while (book_.applied().value > before) {
    ASSERT_EQ(book_.digest(), digests.back());
    ASSERT_TRUE(equal(read(OpKind::read_usage), shown.back()));
    digests.pop_back();
    shown.pop_back();
    ASSERT_TRUE(book_.undo());
  }
  EXPECT_EQ(book_.digest(), digests.back());
  EXPECT_EQ(usage(), Usage{});
}

}  // namespace
}  // namespace tercet::license
