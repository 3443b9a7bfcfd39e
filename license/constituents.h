#pragma once
// Constituents and containers: what an imported text says, and whom the cell's Genesis lets say it. How a
// text's signature is checked is handed in (backend/book_machine.h hands in wire/seal's), so that the book
// can be driven without keys.

#include <array>
#include <functional>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/bytes.h"
#include "base/fixed.h"
#include "license/limits.h"
#include "wire/entry.h"
#include "wire/ids.h"
#include "wire/introduction.h"
#include "wire/listing.h"
#include "wire/op.h"

namespace tercet::license {

using PublicKey = std::array<uint8_t, 32>;

/// The properties of a license: equal in its constituents of one revision.
struct Terms {
  uint64_t features;
  uint64_t valid_from_ms;   ///< wall; 0: always
  uint64_t valid_until_ms;  ///< wall, first moment at which it is over; 0: never
  /// Of all that must be equal in the constituents, also what the book does not use; not of the revision: one
  /// that was only bound to another container serves together with the others.
  Hash128 properties;
  uint64_t usage_period_ms;  ///< wall, from the first checkout; 0: for ever
  uint64_t units;            ///< if it is metered: how many can be used in all
  uint32_t firm;
  uint32_t product;
  uint32_t tmr_id;
  uint32_t revision;
  uint32_t quantity;      ///< 0: seats without number
  uint32_t lease_ms;      ///< of a checkout that asks for none
  uint32_t lease_min_ms;  ///< a checkout's wish is moved between these
  uint32_t lease_max_ms;
  uint8_t mode;  ///< LicenseMode of wire/listing.h
  uint8_t name_size;
  char name[kNameMax];  ///< zero behind it
  uint8_t metered;      ///< 1: it has units
  uint8_t issuer;       ///< which of the cell's issuers signed it
  uint8_t reserved[4];

  [[nodiscard]] bool is(LicenseMode m) const { return mode == static_cast<uint8_t>(m); }
  /// Seats are stations', not handles'.
  [[nodiscard]] bool by_station() const {
    return is(LicenseMode::station_share) || is(LicenseMode::exclusive);
  }
};
static_assert(std::has_unique_object_representations_v<Terms>);

/// One constituent as its issuer signed it.
struct CheckedConstituent {
  Terms terms{};
  PublicKey container_key{};
};

struct Container {
  PublicKey key;
  uint8_t serial_size;  ///< 0: its backend introduced none
  char serial[kIntroductionSerialMax];
};

/// What an issuer says of a license that it issued (wire/seal/notice.h).
struct CheckedNotice {
  enum class Kind : uint8_t {
    withdrawn,
    container,  ///< `container` has taken the place of the `revoked` ones in `slot`
  };
  Kind kind = Kind::withdrawn;
  uint8_t issuer = 0;  ///< which of the cell's
  uint32_t firm = 0;
  uint32_t product = 0;
  uint32_t tmr_id = 0;
  unsigned slot = 0;
  std::array<uint8_t, 16> activation_id{};
  Container container{};
  FixedVector<PublicKey, kRevokedPerNotice> revoked;
};

/// Judges the bytes of an import against the issuers' keys: Code::granted and `out`, or bad_signature,
/// unknown_issuer, malformed, unsupported_mode. A pure function: same bytes and issuers, same answer, on
/// every machine; must not throw.
using ConstituentCheck =
    std::function<Code(Bytes jws, std::span<const PublicKey> issuers, CheckedConstituent& out)>;

/// The same of a notice.
using NoticeCheck = std::function<Code(Bytes jws, std::span<const PublicKey> issuers, CheckedNotice& out)>;
/// Who looks at what is imported.
struct Checks {
  ConstituentCheck constituent;
  NoticeCheck notice;
};

/// What the book itself asks of terms, whoever signed them: granted, malformed or unsupported_mode.
Code judge(const Terms& terms);

/// What Genesis wrote down, and which container took another's place since: zero before it.
struct Cell {
  uint8_t started;
  uint8_t issuers;
  uint8_t activation_id[16];
  PublicKey issuer_keys[kIssuersMax];
  Container containers[kBackends];
  uint8_t virtual_serial_size;
  char virtual_serial[31];
  uint8_t generations[kBackends];  ///< how many containers a slot had before: what was bound to them is void
  uint8_t revoked_size;
  PublicKey revoked[kRevokedMax];

  [[nodiscard]] std::span<const PublicKey> keys() const { return {issuer_keys, issuers}; }
  [[nodiscard]] bool is_revoked(const PublicKey& container_key) const;
  /// kBackends when it is none of the cell's.
  [[nodiscard]] unsigned slot_of(const PublicKey& container_key) const;
};
static_assert(std::has_unique_object_representations_v<Cell>);
Hash128 hash_of(const Cell& cell);

/// False, and nothing written, when the body is malformed: another size, too many issuers, or an introduction
/// that is neither absent nor well-formed.
bool read_genesis(Bytes op, Cell& out);

}  // namespace tercet::license
