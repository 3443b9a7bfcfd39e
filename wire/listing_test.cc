#include "wire/listing.h"

#include <gtest/gtest.h>

#include "tests/golden/golden.h"

namespace tercet {
namespace {

TEST(Listing, ReadsGoldenLicenses) {
  const auto bytes = golden::load("page_licenses");
  PageView page;
  ASSERT_TRUE(parse_page(bytes, page));
  EXPECT_EQ(page.header->next, 2U);
  EXPECT_EQ(page.header->wall_ms, uint64_t{golden::kWallMs});
  LicenseItem first;
  LicenseItem second;
  LicenseItem none;
  ASSERT_TRUE(next_license(page.rows, first));
  ASSERT_TRUE(next_license(page.rows, second));
  EXPECT_FALSE(next_license(page.rows, none));
  EXPECT_EQ(first.name, "Solver");
  EXPECT_EQ(first.row->constituents, 0b101);
  EXPECT_EQ(first.row->quantity, 5U);
  EXPECT_EQ(first.row->in_use, 4U);
  EXPECT_EQ(first.row->valid_until_ms, 253402300799000U);
  EXPECT_EQ(first.row->revision, 2U);
  EXPECT_EQ(second.name, "");
  EXPECT_EQ(second.row->mode, static_cast<uint8_t>(LicenseMode::no_user_limit));
}

TEST(Listing, ReadsGoldenContainers) {
  const auto bytes = golden::load("page_containers");
  PageView page;
  ASSERT_TRUE(parse_page(bytes, page));
  ContainerItem item;
  ASSERT_TRUE(next_container(page.rows, item));
  EXPECT_EQ(item.serial, "131-1234567890");
  EXPECT_EQ(item.row->activation_id[0], 0x80);
  ASSERT_TRUE(next_container(page.rows, item));
  EXPECT_EQ(item.row->slot, 3);
  EXPECT_EQ(item.serial, "3-77");
  EXPECT_FALSE(next_container(page.rows, item));
}

TEST(Listing, ReadsGoldenLeases) {
  const auto bytes = golden::load("page_leases");
  PageView page;
  ASSERT_TRUE(parse_page(bytes, page));
  LeaseItem item;
  ASSERT_TRUE(next_lease(page.rows, item));
  EXPECT_EQ(item.row->handle_prefix[3], 0x43);
  EXPECT_EQ(item.row->tmr_id, 17U);
  EXPECT_EQ(item.row->end_cell_ms, uint64_t{golden::kCellMs + 60'000});
  EXPECT_EQ(item.row->units, 42U);
  EXPECT_EQ(item.holder.user, "ada");
  EXPECT_EQ(item.holder.host, "ws-17");
  EXPECT_EQ(item.holder.process, "solver");
  EXPECT_EQ(item.holder.version, "4.2");
  EXPECT_EQ(item.holder.station, "st");
  EXPECT_FALSE(next_lease(page.rows, item));
}

TEST(Listing, ReadsGoldenUsage) {
  const auto bytes = golden::load("page_usage");
  PageView page;
  ASSERT_TRUE(parse_page(bytes, page));
  UsageItem item;
  ASSERT_TRUE(next_usage(page.rows, item));
  EXPECT_EQ(item.name, "Solver");
  EXPECT_EQ(item.row->mode, static_cast<uint8_t>(LicenseMode::station_share));
  EXPECT_EQ(item.row->tmr_id, 17U);
  EXPECT_EQ(item.row->quantity, 5U);
  EXPECT_EQ(item.row->in_use, 4U);
  EXPECT_EQ(item.row->peak, 5U);
  EXPECT_EQ(item.row->handles, 9U);
  EXPECT_EQ(item.row->units, 100U);
  EXPECT_EQ(item.row->units_used, 42U);
  EXPECT_EQ(item.row->usage_period_ms, 86'400'000U);
  EXPECT_EQ(item.row->usage_from_ms, uint64_t{golden::kWallMs});
  EXPECT_EQ(item.row->metered, 1);
  ASSERT_EQ(item.denied.size(), 2U);
  EXPECT_EQ(static_cast<Code>(item.denied[0].code), Code::no_free_seat);
  EXPECT_EQ(item.denied[0].count, 7U);
  EXPECT_EQ(static_cast<Code>(item.denied[1].code), Code::station_busy);
  EXPECT_EQ(item.denied[1].count, uint64_t{1} << 32U);
  ASSERT_TRUE(next_usage(page.rows, item));
  EXPECT_EQ(item.row->mode, 0);
  EXPECT_EQ(item.name, "");
  ASSERT_EQ(item.denied.size(), 1U);
  EXPECT_EQ(static_cast<Code>(item.denied[0].code), Code::unknown_handle);
  EXPECT_FALSE(next_usage(page.rows, item));
}

template <class Row>
bool parses_with(const char* name, void (*change)(PageHeader&, Row&)) {
  auto bytes = golden::load(name);
  change(*reinterpret_cast<PageHeader*>(bytes.data()),
         *reinterpret_cast<Row*>(bytes.data() + sizeof(PageHeader)));
  PageView page;
  return parse_page(bytes, page);
}

TEST(Listing, RefusesBrokenPages) {
  const auto page = [](void (*change)(PageHeader&, LicenseRow&)) {
    return parses_with("page_licenses", change);
  };
  EXPECT_TRUE(page([](PageHeader&, LicenseRow&) {}));
  EXPECT_FALSE(page([](PageHeader& h, LicenseRow&) { h.kind = 63; }));
  EXPECT_FALSE(page([](PageHeader& h, LicenseRow&) { h.kind = 66; }));  // license rows are no lease rows
  EXPECT_FALSE(page([](PageHeader& h, LicenseRow&) { h.rows = 1; }));
  EXPECT_FALSE(page([](PageHeader& h, LicenseRow&) { h.rows = 3; }));
  EXPECT_FALSE(page([](PageHeader& h, LicenseRow&) { h.reserved = 1; }));
  EXPECT_FALSE(page([](PageHeader& h, LicenseRow&) { h.cell_ms = UINT64_MAX; }));
  EXPECT_FALSE(page([](PageHeader&, LicenseRow& r) { r.length = 0; }));  // would never end
  EXPECT_FALSE(page([](PageHeader&, LicenseRow& r) { r.length = 0xFFFF; }));
  EXPECT_FALSE(page([](PageHeader&, LicenseRow& r) { r.name_size = 5; }));
  EXPECT_FALSE(page([](PageHeader&, LicenseRow& r) { r.valid = 2; }));
  EXPECT_FALSE(page([](PageHeader&, LicenseRow& r) { r.constituents = 8; }));
  EXPECT_FALSE(page([](PageHeader&, LicenseRow& r) { r.reserved = 1; }));
  EXPECT_FALSE(page([](PageHeader&, LicenseRow& r) { r.withdrawn = 2; }));
}

TEST(Listing, RefusesBrokenRows) {
  const auto container = [](void (*change)(PageHeader&, ContainerRow&)) {
    return parses_with("page_containers", change);
  };
  EXPECT_TRUE(container([](PageHeader&, ContainerRow&) {}));
  EXPECT_FALSE(container([](PageHeader&, ContainerRow& r) { r.slot = 4; }));
  EXPECT_FALSE(container([](PageHeader&, ContainerRow& r) { r.serial_size = 15; }));
  const auto lease = [](void (*change)(PageHeader&, LeaseRow&)) {
    return parses_with("page_leases", change);
  };
  EXPECT_TRUE(lease([](PageHeader&, LeaseRow&) {}));
  EXPECT_TRUE(lease([](PageHeader& h, LeaseRow&) { h.kind = 67; }));
  EXPECT_FALSE(lease([](PageHeader&, LeaseRow& r) { r.user_size = 4; }));
  EXPECT_FALSE(lease([](PageHeader&, LeaseRow& r) { r.station_size = 255; }));
  EXPECT_FALSE(lease([](PageHeader&, LeaseRow& r) { r.reserved = 1; }));
  EXPECT_FALSE(lease([](PageHeader&, LeaseRow& r) { r.end_cell_ms = UINT64_MAX; }));
  const auto usage = [](void (*change)(PageHeader&, UsageRow&)) { return parses_with("page_usage", change); };
  EXPECT_TRUE(usage([](PageHeader&, UsageRow&) {}));
  EXPECT_FALSE(usage([](PageHeader&, UsageRow& r) { r.name_size = 7; }));
  EXPECT_FALSE(usage([](PageHeader&, UsageRow& r) { r.denied = 1; }));
  EXPECT_FALSE(usage([](PageHeader&, UsageRow& r) { r.denied = 255; }));
  EXPECT_FALSE(usage([](PageHeader&, UsageRow& r) { r.metered = 2; }));
  EXPECT_FALSE(usage([](PageHeader&, UsageRow& r) { r.reserved[0] = 1; }));
  EXPECT_FALSE(usage([](PageHeader&, UsageRow& r) { r.usage_from_ms = UINT64_MAX; }));
  EXPECT_FALSE(
      usage([](PageHeader&, UsageRow& r) { reinterpret_cast<DenialCount*>(&r + 1)->reserved[2] = 1; }));
}

}  // namespace
}  // namespace tercet
