#pragma once
// Pages of listings, as backends answer reads. A page is a header and rows; a row begins with its own length.

#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/endian.h"
#include "wire/ids.h"
#include "wire/limits.h"
#include "wire/op.h"

namespace tercet {

struct PageHeader {
  uint8_t kind;  ///< OpKind of the read
  uint8_t code;  ///< Code: granted, or unknown_handle for read_lease
  Le16 rows;
  Le32 reserved;
  Le64 next;     ///< cursor of the next page, 0 when this is the last
  Le64 cell_ms;  ///< cell and wall time of the last entry before the place
  Le64 wall_ms;
};
static_assert(sizeof(PageHeader) == 32);

enum class LicenseMode : uint8_t {
  no_license = 0,  ///< only of a UsageRow: denials that no license is to blame for, and nothing else
  user_limit = 1,
  no_user_limit = 2,
  station_share = 3,
  exclusive = 4,
};

struct LicenseRow {
  Le16 length;           ///< with the name behind it
  uint8_t mode;          ///< LicenseMode
  uint8_t constituents;  ///< bit s: slot s+1's is present
  Le32 firm;
  Le32 product;
  Le32 tmr_id;
  Le32 quantity;
  Le32 in_use;
  Le64 features;
  Le64 valid_from_ms;   ///< wall; 0: always
  Le64 valid_until_ms;  ///< wall; 0: for ever
  Le32 lease_ms;
  Le32 revision;
  uint8_t valid;  ///< 1: ≥ 2 constituents, within its time, not withdrawn
  uint8_t name_size;
  uint8_t withdrawn;  ///< 1: by its issuer
  uint8_t reserved;
};
static_assert(sizeof(LicenseRow) == 60);

struct ContainerRow {
  Le16 length;   ///< with the serial's text behind it
  uint8_t slot;  ///< 0: the virtual container, 1..3: real ones
  uint8_t serial_size;
  Le32 licenses;  ///< how many it holds (virtual: valid ones)
  uint8_t activation_id[16];
};
static_assert(sizeof(ContainerRow) == 24);

struct LeaseRow {
  Le16 length;               ///< with the texts behind it
  uint8_t handle_prefix[4];  ///< never the whole handle: it is what its holder proves itself with
  uint8_t user_size;
  uint8_t host_size;
  uint8_t process_size;
  uint8_t version_size;
  uint8_t station_size;
  uint8_t reserved;
  Le32 tmr_id;
  Le32 firm;
  Le32 product;
  Le32 lease_ms;
  Le32 last_request;  ///< read_lease only; 0 in listings
  Le64 since_wall_ms;
  Le64 end_wall_ms;
  Le64 end_cell_ms;
  Le64 units;  ///< read_lease only: that the handle has used; 0 in listings
};
static_assert(sizeof(LeaseRow) == 64);

/// What the use of a license has come to since its import.
struct UsageRow {
  Le16 length;     ///< with the denials and the name behind it
  uint8_t mode;    ///< LicenseMode
  uint8_t denied;  ///< how many DenialCount follow
  Le32 firm;
  Le32 product;
  Le32 tmr_id;
  Le32 quantity;
  Le32 in_use;   ///< seats
  Le32 peak;     ///< most seats in use at once
  Le32 handles;  ///< that hold them: more than seats where stations share one
  Le64 units;    ///< if it has any (metered)
  Le64 units_used;
  Le64 usage_period_ms;  ///< 0: it has none
  Le64 usage_from_ms;    ///< wall: when that began; 0: not yet
  uint8_t metered;
  uint8_t name_size;
  uint8_t reserved[2];
};
static_assert(sizeof(UsageRow) == 68);

/// How many requests were denied for one reason.
struct DenialCount {
  uint8_t code;  ///< Code
  uint8_t reserved[3];
  Le64 count;
};
static_assert(sizeof(DenialCount) == 12);

/// A checked page: its header, and rows for the next_… function of its kind.
struct PageView {
  const PageHeader* header = nullptr;
  Bytes rows;
};
/// Reads a read's answer; false unless every row that it announces is whole and nothing is left over. Views
/// borrow.
bool parse_page(Bytes answer, PageView& out);

struct LicenseItem {
  const LicenseRow* row = nullptr;
  std::string_view name;
};
struct ContainerItem {
  const ContainerRow* row = nullptr;
  std::string_view serial;
};
struct LeaseItem {
  const LeaseRow* row = nullptr;
  HolderText holder;  ///< texts follow a row in the order of its sizes
};
struct UsageItem {
  const UsageRow* row = nullptr;
  std::span<const DenialCount> denied;
  std::string_view name;
};
/// Take the next row off the front of `rest`; false at the end or when malformed.
bool next_license(Bytes& rest, LicenseItem& out);
bool next_container(Bytes& rest, ContainerItem& out);
bool next_lease(Bytes& rest, LeaseItem& out);
bool next_usage(Bytes& rest, UsageItem& out);

}  // namespace tercet
