#include "client/listing.h"

#include <gtest/gtest.h>

namespace tercet::client {
namespace {

using Buffer = std::vector<uint8_t>;

void append(Buffer& out, Bytes bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

Buffer page(OpKind kind, uint16_t rows, const Buffer& body, uint64_t next = 0) {
  PageHeader header{};
  header.kind = static_cast<uint8_t>(kind);
  header.rows = rows;
  header.next = next;
  Buffer out;
  append(out, bytes_of(header));
  append(out, body);
  return out;
}

Buffer license(std::string_view name) {
  LicenseRow row{};
  row.length = static_cast<uint16_t>(sizeof row + name.size());
  row.mode = static_cast<uint8_t>(LicenseMode::user_limit);
  row.constituents = 0b011;
  row.firm = 1000;
  row.product = 7;
  row.tmr_id = 3;
  row.quantity = 5;
  row.in_use = 2;
  row.valid_until_ms = 1'000;
  row.valid = 1;
  row.name_size = static_cast<uint8_t>(name.size());
  Buffer out;
  append(out, bytes_of(row));
  append(out, as_bytes(name));
  return out;
}

TEST(Listing, ReadsLicenses) {
  Buffer rows = license("CAD");
  append(rows, license("a\x1B[31m"));
  const auto parsed = parse_licenses(OpKind::read_licenses, page(OpKind::read_licenses, 2, rows, 9));
  ASSERT_TRUE(parsed.has_value()) << parsed.error();
  EXPECT_EQ(parsed->next, 9U);
  ASSERT_EQ(parsed->rows.size(), 2U);
  const License& first = parsed->rows[0];
  EXPECT_EQ(first.name, "CAD");
  EXPECT_EQ(first.firm, 1000U);
  EXPECT_EQ(first.in_use, 2U);
  EXPECT_EQ(first.constituents, (std::array<bool, 3>{true, true, false}));
  EXPECT_FALSE(first.valid_from.has_value());
  EXPECT_EQ(first.valid_until->ms, 1'000);
  EXPECT_EQ(parsed->rows[1].name, "a?[31m");  // no escape reaches a terminal
}

TEST(Listing, EveryTruncationAndEveryWrongLengthIsRefused) {
  const Buffer whole = page(OpKind::read_licenses, 1, license("CAD"));
  for (size_t size = 0; size < whole.size(); ++size) {
    const Buffer cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(parse_licenses(OpKind::read_licenses, cut).has_value()) << size;
  }
  Buffer longer = whole;
  longer.push_back(0);
  EXPECT_FALSE(parse_licenses(OpKind::read_licenses, longer).has_value());
  EXPECT_FALSE(parse_licenses(OpKind::read_leases, whole).has_value());
  Buffer wrong = whole;
  wrong[sizeof(PageHeader) + offsetof(LicenseRow, name_size)] = 200;
  EXPECT_FALSE(parse_licenses(OpKind::read_licenses, wrong).has_value());
  wrong = whole;
  wrong[sizeof(PageHeader)] = 1;  // the row's own length
  EXPECT_FALSE(parse_licenses(OpKind::read_licenses, wrong).has_value());
}

TEST(Listing, ReadsContainersWithEitherFormOfActivationId) {
  const std::string serial = "131-42";
  ContainerRow row{};
  row.length = static_cast<uint16_t>(sizeof row + serial.size());
  row.serial_size = static_cast<uint8_t>(serial.size());
  row.licenses = 2;
  std::memcpy(row.activation_id, "0123456789abcdef", 16);
  Buffer rows;
  append(rows, bytes_of(row));
  append(rows, as_bytes(serial));
  row.slot = 3;
  std::memset(row.activation_id, 0, sizeof row.activation_id);
  row.activation_id[0] = 0xAB;
  append(rows, bytes_of(row));
  append(rows, as_bytes(serial));
  const auto parsed = parse_containers(OpKind::read_containers, page(OpKind::read_containers, 2, rows));
  ASSERT_TRUE(parsed.has_value()) << parsed.error();
  EXPECT_EQ(parsed->rows[0].serial, serial);
  EXPECT_EQ(parsed->rows[0].activation_id, "0123-4567-89ab-cdef");
  EXPECT_EQ(parsed->rows[1].activation_id, "ab00-0000-0000-0000");
  EXPECT_EQ(parsed->rows[1].slot, 3U);
  rows[2] = 4;  // no such slot
  EXPECT_FALSE(parse_containers(OpKind::read_containers, page(OpKind::read_containers, 2, rows)).has_value());
}

TEST(Listing, ReadsLeases) {
  LeaseRow row{};
  row.user_size = 3;
  row.host_size = 1;
  row.station_size = 2;
  row.length = static_cast<uint16_t>(sizeof row + 6);
  row.handle_prefix[0] = 0xAB;
  row.last_request = 4;
  Buffer rows;
  append(rows, bytes_of(row));
  append(rows, as_bytes("annhs1"));
  const auto parsed = parse_leases(OpKind::read_lease, page(OpKind::read_lease, 1, rows));
  ASSERT_TRUE(parsed.has_value()) << parsed.error();
  EXPECT_EQ(parsed->rows[0].handle_prefix, "ab000000");
  EXPECT_EQ(parsed->rows[0].user, "ann");
  EXPECT_EQ(parsed->rows[0].host, "h");
  EXPECT_EQ(parsed->rows[0].station, "s1");
  EXPECT_EQ(parsed->rows[0].last_request, 4U);
}

TEST(Listing, ReadsUsage) {
  UsageRow row{};
  row.mode = 3;
  row.denied = 2;
  row.units_used = 5;
  row.usage_from_ms = 1'000;
  row.name_size = 3;
  row.length = static_cast<uint16_t>(sizeof row + 2 * sizeof(DenialCount) + 3);
  DenialCount denied{};
  denied.code = static_cast<uint8_t>(Code::station_busy);
  denied.count = uint64_t{1} << 40U;
  Buffer rows;
  append(rows, bytes_of(row));
  append(rows, bytes_of(denied));
  append(rows, bytes_of(denied));
  append(rows, as_bytes("CAD"));
  const auto parsed = parse_usage(OpKind::read_usage, page(OpKind::read_usage, 1, rows));
  ASSERT_TRUE(parsed.has_value()) << parsed.error();
  const UsageInfo& use = parsed->rows[0];
  EXPECT_EQ(use.name, "CAD");
  EXPECT_EQ(use.mode, LicenseMode::station_share);
  EXPECT_FALSE(use.of_no_license);
  EXPECT_FALSE(use.units.has_value());
  EXPECT_EQ(use.usage_from, WallTime{1'000});
  EXPECT_FALSE(use.usage_until.has_value());
  ASSERT_EQ(use.denied.size(), 2U);
  EXPECT_EQ(use.denied[1], std::pair(Code::station_busy, uint64_t{1} << 40U));
  rows[offsetof(UsageRow, denied)] = 200;
  EXPECT_FALSE(parse_usage(OpKind::read_usage, page(OpKind::read_usage, 1, rows)).has_value());
}

TEST(Listing, AHolderThatCallsItselfNoTextIsShownAsText) {
  LeaseRow row{};
  row.user_size = 2;
  row.host_size = 3;
  row.station_size = 2;
  row.length = static_cast<uint16_t>(sizeof row + 7);
  Buffer rows;
  append(rows, bytes_of(row));
  append(rows, as_bytes("\xFF\xFE\xC2\x9Bm\xC3\xA9"));
  const auto parsed = parse_leases(OpKind::read_leases, page(OpKind::read_leases, 1, rows));
  ASSERT_TRUE(parsed.has_value()) << parsed.error();
  EXPECT_EQ(parsed->rows[0].user, "??");
  EXPECT_EQ(parsed->rows[0].host, "??m");
  EXPECT_EQ(parsed->rows[0].station, "\xC3\xA9");
}

TEST(HandleText, GoesBothWays) {
  const std::string text = "00112233445566778899aabbccddeeff";
  EXPECT_EQ(text_of(*parse_handle(text)), text);
  EXPECT_EQ(text_of(*parse_handle("00112233445566778899AABBCCDDEEFF")), text);
  for (const char* bad :
       {"", "0011", "00112233445566778899aabbccddeefg", "00112233445566778899aabbccddeeff00"}) {
    EXPECT_FALSE(parse_handle(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace tercet::client
