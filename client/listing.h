#pragma once
// Pages of listings (wire/listing.h) as values. Every length is checked: a page comes from outside, sealed or
// not.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "wire/listing.h"
#include "wire/op.h"

namespace tercet::client {

struct License {
  uint32_t firm = 0, product = 0, tmr_id = 0;
  std::string name;
  LicenseMode mode{};
  uint32_t quantity = 0;  ///< 0 with no_user_limit
  uint32_t in_use = 0;
  uint64_t features = 0;
  std::array<bool, kBackends> constituents{};
  std::optional<WallTime> valid_from, valid_until;
  uint32_t lease_ms = 0;
  uint32_t revision = 0;
  bool valid = false;
  bool withdrawn = false;
};

struct ContainerInfo {
  unsigned slot = 0;  ///< 0: the virtual container, 1..3: real ones
  std::string serial;
  std::string activation_id;
  uint32_t licenses = 0;
};

struct Lease {
  std::string handle_prefix;  ///< 8 hex digits
  std::string user, host, process, version, station;
  uint32_t tmr_id = 0, firm = 0, product = 0;
  uint32_t lease_ms = 0;
  uint32_t last_request = 0;
  uint64_t units = 0;  ///< that its handle used, by Cell::lease
  WallTime since, end;
  CellTime end_cell;
  CellTime cell;  ///< of what was read, by Cell::lease; compare end_cell with it
};

/// What the use of a license has come to.
struct UsageInfo {
  bool of_no_license = false;  ///< denials that none is to blame for; all but `denied` is empty
  uint32_t firm = 0, product = 0, tmr_id = 0;
  std::string name;
  LicenseMode mode{};
  uint32_t quantity = 0, in_use = 0, peak = 0;
  uint32_t handles = 0;  ///< that hold seats
  std::optional<uint64_t> units;
  uint64_t units_used = 0;
  std::optional<WallTime> usage_from, usage_until;
  std::vector<std::pair<Code, uint64_t>> denied;
};

template <class Row>
struct Page {
  Code code{};
  uint64_t next = 0;  ///< cursor of the page behind it; 0: the last
  CellTime cell;
  WallTime wall;
  std::vector<Row> rows;
};

/// The error says what is malformed. `kind`: the read that was asked.
tl::expected<Page<License>, std::string> parse_licenses(OpKind kind, Bytes body);
tl::expected<Page<ContainerInfo>, std::string> parse_containers(OpKind kind, Bytes body);
tl::expected<Page<Lease>, std::string> parse_leases(OpKind kind, Bytes body);
tl::expected<Page<UsageInfo>, std::string> parse_usage(OpKind kind, Bytes body);

/// "user-limit" …; "unknown" for a number that is no mode.
const char* name_of_mode(LicenseMode mode);
/// 32 hex digits, and back (upper case is taken too).
std::string text_of(const Handle& handle);
tl::expected<Handle, std::string> parse_handle(std::string_view text);
std::string hex(Bytes bytes);

}  // namespace tercet::client
