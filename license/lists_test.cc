// Listings: what is shown, page by page, while things come and go.

#include "license/lists.h"

#include <set>

#include "license/book_fixture.h"

namespace tercet::license {
namespace {

class ListsTest : public BookFixture {
 protected:
  void SetUp() override { genesis(); }
  std::vector<LicenseRow> licenses(bool all) {
    std::vector<LicenseRow> rows;
    uint64_t cursor = 0;
    do {
      const Buffer bytes = read(OpKind::read_licenses, cursor, all);
      const PageView page = page_of(bytes);
      Bytes rest = page.rows;
      LicenseItem item;
      while (next_license(rest, item)) {
        rows.push_back(*item.row);
      }
      cursor = page.header->next;
    } while (cursor != 0);
    return rows;
  }
};

TEST_F(ListsTest, OnlyValidLicensesAreShownUnlessAllAreAskedFor) {
  license(5, 1);
  ASSERT_EQ(code(import(constituent(0, 5, 2))), Code::granted);
  license(5, 3, [&](PlainConstituent& p) { p.valid_until_ms = static_cast<uint64_t>(wall_) - 1; });
  license(0, 4);
  checkout(1);
  checkout(2);
  const auto shown = licenses(false);
  ASSERT_EQ(shown.size(), 2u);
  EXPECT_EQ(shown[0].tmr_id, 1u);
  EXPECT_EQ(shown[0].quantity, 5u);
  EXPECT_EQ(shown[0].in_use, 2u);
  EXPECT_EQ(shown[0].valid, 1);
  EXPECT_EQ(shown[0].constituents, 7);
  EXPECT_EQ(shown[1].mode, static_cast<uint8_t>(LicenseMode::no_user_limit));
  const auto all = licenses(true);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[1].constituents, 1);
  EXPECT_EQ(all[1].valid, 0);
  EXPECT_EQ(all[2].valid, 0);
}

TEST_F(ListsTest, ManyLicensesTakeManyPages) {
  for (uint32_t n = 1; n <= 100; ++n) {
    license(n, n, [](PlainConstituent& p) { std::memcpy(p.name, "0123456789abcdef", 16); });
  }
  const auto rows = licenses(false);
  ASSERT_EQ(rows.size(), 100u);
  for (uint32_t n = 1; n <= 100; ++n) {
    EXPECT_EQ(rows[n - 1].tmr_id, n);
  }
}

TEST_F(ListsTest, TheVirtualContainerAndTheRealOnes) {
  license(5, 1);
  ASSERT_EQ(code(import(constituent(2, 5, 2))), Code::granted);
  Buffer bytes = read(OpKind::read_containers);
  PageView page = page_of(bytes);
  ContainerItem item;
  ASSERT_EQ(page.header->rows, 1);
  ASSERT_TRUE(next_container(page.rows, item));
  EXPECT_EQ(item.row->slot, 0);
  EXPECT_EQ(item.row->licenses, 1u);
  EXPECT_TRUE(item.serial.starts_with("131-")) << item.serial;
  EXPECT_EQ(item.serial.size(), 14u);
  bytes = read(OpKind::read_containers, 0, true);
  page = page_of(bytes);
  ASSERT_EQ(page.header->rows, 4);
  ASSERT_TRUE(next_container(page.rows, item));
  for (unsigned slot = 1; slot <= kBackends; ++slot) {
    ASSERT_TRUE(next_container(page.rows, item));
    EXPECT_EQ(item.row->slot, slot);
    EXPECT_EQ(item.row->licenses, slot == 3 ? 2u : 1u);
    EXPECT_EQ(item.serial, "3-000000" + std::to_string(slot));
    EXPECT_EQ(0, std::memcmp(item.row->activation_id, "0123456789abcdef", 16));
  }
}

TEST_F(ListsTest, ALeaseIsShownToWhoKnowsItsHandle) {
  license(5);
  checkout(1, {.lease_ms = 30'000, .user = "ann"});
  pass(1'000);
  renew(1, 4);
  const Buffer bytes = read(OpKind::read_lease, 0, false, 1);
  const PageView page = page_of(bytes);
  ASSERT_EQ(page.header->rows, 1);
  EXPECT_EQ(page.header->code, 0);
  EXPECT_EQ(page.header->cell_ms, static_cast<uint64_t>(now_));
  Bytes rest = page.rows;
  LeaseItem item;
  ASSERT_TRUE(next_lease(rest, item));
  EXPECT_EQ(item.row->last_request, 4u);
  EXPECT_EQ(item.row->lease_ms, 30'000u);
  EXPECT_EQ(item.row->since_wall_ms, static_cast<uint64_t>(kWall));
  EXPECT_EQ(item.row->end_cell_ms, static_cast<uint64_t>(now_) + 30'000);
  EXPECT_EQ(item.holder.user, "ann");
  EXPECT_EQ(page_of(read(OpKind::read_lease, 0, false, 2)).header->code,
            static_cast<uint8_t>(Code::unknown_handle));
  release(1, 5);
  EXPECT_EQ(page_of(read(OpKind::read_lease, 0, false, 1)).header->rows, 0);
}

TEST_F(ListsTest, NoListingShowsAWholeHandle) {
  license(5);
  checkout(1);
  const auto handle = handle_of(1).bytes;
  for (const OpKind kind : {OpKind::read_leases, OpKind::read_lease}) {
    const Buffer page = read(kind, 0, true, 1);
    EXPECT_EQ(std::search(page.begin(), page.end(), handle.begin(), handle.begin() + 5), page.end());
  }
}

TEST_F(ListsTest, WhatLivesThroughAListingIsSeenOnce) {
  license(900);
  for (uint64_t h = 1; h <= 500; ++h) {
    checkout(h);
  }
  std::multiset<uint32_t> seen;
  uint64_t cursor = 0;
  uint64_t fresh = 10'000;
  uint64_t gone = 0;
  do {
    const Buffer bytes = read(OpKind::read_leases, cursor);
    const PageView page = page_of(bytes);
    Bytes rest = page.rows;
    LeaseItem item;
    while (next_lease(rest, item)) {
      uint32_t prefix;
      std::memcpy(&prefix, item.row->handle_prefix, sizeof prefix);
      seen.insert(prefix);
      EXPECT_EQ(item.row->last_request, 0u);
    }
    cursor = page.header->next;
    for (int i = 0; i < 4; ++i) {  // every tenth goes, others come in its place, all are renewed now and then
      gone += 10;
      release(gone, 2);
      checkout(fresh++);
    }
    renew(1 + fresh % 500, static_cast<uint32_t>(fresh));
  } while (cursor != 0);
  for (uint64_t h = 1; h <= 500; ++h) {
    uint32_t prefix;
    const Handle handle = handle_of(h);
    std::memcpy(&prefix, handle.bytes.data(), sizeof prefix);
    if (h % 10 != 0) {
      EXPECT_EQ(seen.count(prefix), 1u) << h;
    } else {
      EXPECT_LE(seen.count(prefix), 1u) << h;
    }
  }
}

TEST_F(ListsTest, HostileReadsGetAnEmptyPage) {
  license(5);
  checkout(1);
  ReadBody body{};
  body.cursor = UINT64_MAX;
  Buffer out(kReadAnswerMax);
  for (const OpKind kind : {OpKind::read_licenses, OpKind::read_containers, OpKind::read_leases}) {
    out.resize(kReadAnswerMax);
    out.resize(book_.read(make_op(kind, Handle{}, 0, 0, bytes_of(body)), out));
    EXPECT_EQ(page_of(out).header->rows, 0);
    EXPECT_EQ(page_of(out).header->next, 0u);
  }
  const Buffer good = make_op(OpKind::read_leases, Handle{}, 0, 0, bytes_of(body));
  for (size_t n = 0; n < good.size(); ++n) {
    out.resize(kReadAnswerMax);
    out.resize(book_.read(Bytes(good).first(n), out));
    EXPECT_EQ(page_of(out).header->code, static_cast<uint8_t>(Code::bad_request));
  }
  out.resize(kReadAnswerMax);
  out.resize(book_.read(checkout_op(1, 2, now_, {}), out));
  EXPECT_EQ(page_of(out).header->code, static_cast<uint8_t>(Code::bad_request));
}

TEST_F(ListsTest, AnEmptyBookHasEmptyLists) {
  book_.reset();
  for (const OpKind kind : {OpKind::read_licenses, OpKind::read_containers, OpKind::read_leases}) {
    EXPECT_EQ(page_of(read(kind, 0, true)).header->rows, 0);
  }
}

}  // namespace
}  // namespace tercet::license
