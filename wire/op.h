#pragma once
// Operations: what clients ask for, exactly as it is ordered, logged and applied. An LB looks at the header
// only.
//
//    0                   1                   2                   3
//    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//   +---------------+---------------+-------------------------------+
//   | kind          | flags (0)     | length, with this header      |
//   +---------------+---------------+-------------------------------+
//   | request number on the handle, from 1                          |
//   +---------------------------------------------------------------+
//   | cell time of the first transmission, ms (8 bytes)             |
//   +---------------------------------------------------------------+
//   | handle (16 bytes)                                             |
//   +---------------------------------------------------------------+
//   | body                                                          |

#include "base/bytes.h"
#include "base/endian.h"
#include "base/time.h"
#include "wire/ids.h"
#include "wire/limits.h"

namespace tercet {

enum class OpKind : uint8_t {
  // mutating: ordered
  checkout = 1,
  renew = 2,
  release = 3,
  consume = 4,
  import_constituent = 5,
  import_notice = 6,
  // reads: answered by two backends at a place in the log, never ordered
  read_licenses = 64,
  read_containers = 65,
  read_leases = 66,
  read_lease = 67,
  read_usage = 68,
  // the LB's own view, no quorum
  status = 96,
};
constexpr bool is_read(OpKind kind) { return kind >= OpKind::read_licenses && kind <= OpKind::read_usage; }
constexpr bool is_mutating(OpKind kind) { return kind >= OpKind::checkout && kind <= OpKind::import_notice; }

struct OpHeader {
  uint8_t kind;
  uint8_t flags;
  Le16 length;
  Le32 request;
  Le64 sent_cell_ms;
  uint8_t handle[16];
};
static_assert(sizeof(OpHeader) == 32 && alignof(OpHeader) == 1);

struct CheckoutBody {
  Le32 firm;
  Le32 product;
  Le32 tmr_id;        ///< 0: any that matches
  Le32 lease_ms;      ///< 0: the license's default
  Le64 features;      ///< all of these bits must be licensed; 0 asks for none
  uint8_t user_size;  ///< clean texts (wire/utf8.h) follow in this order, together ≤ kHolderTextMax
  uint8_t host_size;
  uint8_t process_size;
  uint8_t version_size;
  uint8_t station_size;
  uint8_t reserved[3];  ///< 0
};
static_assert(sizeof(CheckoutBody) == 32);
inline constexpr size_t kCheckoutMax = sizeof(OpHeader) + sizeof(CheckoutBody) + kHolderTextMax;

struct RenewBody {
  Le32 lease_ms;  ///< 0: as at checkout
};
static_assert(sizeof(OpHeader) + sizeof(RenewBody) <= 48, "bytes here are speed");
/// Where the wish for a lease (lease_ms) stands in a whole operation; 0: its kind has none.
constexpr size_t lease_at(OpKind kind) {
  switch (kind) {
    case OpKind::checkout:
      return sizeof(OpHeader) + offsetof(CheckoutBody, lease_ms);
    case OpKind::renew:
      return sizeof(OpHeader) + offsetof(RenewBody, lease_ms);
    default:
      return 0;
  }
}
/// That wish moved between two limits, the lower one first; 0, the license's own, stays so.
constexpr uint32_t bounded_lease(uint32_t wish_ms, uint32_t least_ms, uint32_t most_ms) {
  return wish_ms == 0 ? 0 : wish_ms < least_ms ? least_ms : wish_ms > most_ms ? most_ms : wish_ms;
}

/// Units of the lease's license.
struct ConsumeBody {
  Le64 total;  ///< the handle's running total: all that it has used so far; less than before, or the same,
               ///< uses none
};
static_assert(sizeof(OpHeader) + sizeof(ConsumeBody) <= 48, "bytes here are speed");
// release: no body. import_constituent: the body is one constituent's JWS (wire/seal/license_file.h);
// import_notice: one notice's (wire/seal/notice.h).

/// A read of one page. Listings start at cursor 0 and go on from the answer's `next` until that is 0.
struct ReadBody {
  Le64 cursor;
  uint8_t handle[16];  ///< read_lease: whose
  uint8_t all;         ///< licenses, containers: 1 = invalid and real ones too
  uint8_t reserved[7];
};
static_assert(sizeof(ReadBody) == 32);

struct StatusBody {
  Le32 offset;   ///< the answer is a document of many pages: bytes from here
  Le32 version;  ///< of the document whose page is asked for; 0: the newest
};

/// A checked view of one operation: its lengths are right, its texts inside it.
struct OpView {
  OpKind kind{};
  uint32_t request = 0;
  CellTime sent;
  Handle handle;
  Bytes all;  ///< header and body
  Bytes body;
};
/// False if `bytes` does not begin with a whole operation of a known kind and of a length that its kind can
/// have. Bytes behind it are not looked at (all.size() tells where the next begins).
bool parse_op(Bytes bytes, OpView& out);

/// The texts of a checkout, views into it. Only of a parsed checkout.
struct HolderText {
  std::string_view user, host, process, version, station;
};
HolderText holder_text(const OpView& checkout);

/// Why an operation was or was not done; stable numbers. JSON and people see name_of().
enum class Code : uint8_t {
  granted = 0,
  // denials: facts of the book
  no_such_license = 1,
  only_one_constituent = 2,
  no_free_seat = 3,
  expired = 4,
  not_yet_valid = 5,
  usage_period_over = 6,
  feature_not_licensed = 7,
  no_units_left = 8,
  station_busy = 9,
  unknown_handle = 10,
  revoked = 11,
  stale = 12,
  bad_request = 13,  ///< a field out of its range (lease too long, reserved bits)
  // refusals of imports
  bad_signature = 20,
  unknown_issuer = 21,
  foreign_container = 22,
  repeated = 23,
  properties_differ = 24,
  older_revision = 25,
  malformed = 26,
  book_full = 27,
  unsupported_mode = 28,   ///< an allocation mode that this level does not serve
  container_revoked = 29,  ///< another container has taken its place
  // not denials: not taken in, or outcome unknown
  busy = 40,
  not_active = 41,
  unavailable = 42,
};
const char* name_of(Code code);  ///< "NO_FREE_SEAT"; "UNKNOWN_CODE" for a number that is none

/// The result of an ordered operation, the same bytes from every honest backend. `features` of a denial:
/// FEATURE_NOT_LICENSED the bits asked for that the license lacks; EXPIRED and NOT_YET_VALID (of checkout,
/// renew and consume) the license's valid until or from (wall, ms); USAGE_PERIOD_OVER when that was (wall,
/// ms); NO_UNITS_LEFT how many are left; ONLY_ONE_CONSTITUENT which of the three are there (bit s: slot
/// s+1's).
struct OpResult {
  uint8_t code;
  uint8_t flags;  ///< kLaterAnswer, kUnitsLeft
  uint8_t slot;   ///< import: the constituent's slot, 1..3
  uint8_t reserved;
  Le32 tmr_id;
  Le32 lease_ms;    ///< granted: as granted; a release's and a consume's is 0
  Le32 in_use;      ///< seats of the license in use after this operation; a denial tells them, too, …
  Le32 quantity;    ///< … if a license is what it is about
  Le32 seats_left;  ///< no-user-limit: 0xFFFFFFFF
  Le64 features;    ///< granted: the license's; a consume's: units left (kUnitsLeft)
  Le64 lease_end_cell_ms;
  Le64 lease_end_wall_ms;  ///< for people: wall time of the entry + lease
};
static_assert(sizeof(OpResult) == 48 && sizeof(OpResult) <= kResultMax);
/// OpResult::flags, bit 0: the answer is that of a later request of this handle.
inline constexpr uint8_t kLaterAnswer = 1;
/// Bit 1: a granted consume: `features` says how many units of the license are left, and no lease was
/// granted.
inline constexpr uint8_t kUnitsLeft = 2;

}  // namespace tercet
