#pragma once
// What a constituent says, and its one canonical form: a flat JSON object, its members in a fixed order, no
// white space, absent members left out. There is one text for one LicenseText and nothing else parses; so a
// reader needs no general JSON parser, and two machines cannot understand the same bytes differently. Pure:
// the license book calls it in apply.
//
//   {"v":1,"firm":1000,"product":7,"tmr":1,"name":"…","mode":"user-limit","quantity":5,"features":"00000000000000ff",
//    "from":MS,"until":MS,"lease":MS,"lease_min":MS,"lease_max":MS,"usage":MS,"units":N,"revision":1,"issued":MS,
//    "slot":1,"container":"3-1234567","container_key":"<base64url>","activation":"…"}
//
// "from", "until", "usage" and "units" may be absent. Strings are UTF-8 without control characters; `"` and
// `\` are escaped with `\`, nothing else is. Whole numbers stay below 2^53 (RFC 8259 §6), the feature mask is
// hex.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/time.h"
#include "wire/ids.h"
#include "wire/seal/canonical_json.h"
#include "wire/seal/signing.h"

namespace tercet::seal {

enum class LicenseMode : uint8_t { user_limit = 0, no_user_limit = 1, station_share = 2, exclusive = 3 };
/// "user-limit", "no-user-limit", "station-share", "exclusive".
const char* name_of(LicenseMode mode);
tl::expected<LicenseMode, std::string> parse_license_mode(std::string_view text);

inline constexpr uint64_t kLicenseNumberMax = kCanonicalNumberMax;
inline constexpr size_t kLicenseNameMax = 96;      ///< bytes
inline constexpr size_t kContainerSerialMax = 24;  ///< bytes
inline constexpr size_t kActivationIdMax = 32;     ///< bytes
inline constexpr uint32_t kLeaseMsMin = 1'000;
inline constexpr uint32_t kLeaseMsMax = 24 * 3'600'000;

struct LicenseText {
  FirmCode firm_code;
  ProductCode product_code;
  TmrId tmr_id;
  std::string name;
  LicenseMode mode = LicenseMode::user_limit;
  uint32_t quantity = 0;  ///< seats; 0 exactly when the mode is no_user_limit
  uint64_t features = 0;
  std::optional<WallTime> valid_from;
  std::optional<WallTime> valid_until;
  uint32_t lease_default_ms = 60'000;
  uint32_t lease_min_ms = kLeaseMsMin;
  uint32_t lease_max_ms = kLeaseMsMax;
  std::optional<uint64_t> usage_period_ms;
  std::optional<uint64_t> units;
  uint32_t revision = 1;
  WallTime issued_at;
  // The constituent's own; all above is equal in the three.
  Slot slot = Slot::one;
  std::string container_serial;
  PublicKey container_key;
  std::string activation_id;  ///< equal in the three, too
  KeyId issuer;               ///< stands in the JWS header

  bool operator==(const LicenseText&) const = default;
};

/// The first rule that a text breaks, naming the property and its limit; or nothing.
std::optional<std::string> fault_of(const LicenseText& text);
/// The canonical form. `text` breaks no rule (fault_of).
std::string canonical(const LicenseText& text);
/// Only the canonical form of a text that breaks no rule; `issuer` is left zero. Never throws for what it
/// reads.
tl::expected<LicenseText, std::string> parse_canonical(std::string_view json);
/// The first property in which constituents of one license differ though they must not, or "".
std::string_view first_difference(const LicenseText& a, const LicenseText& b);

}  // namespace tercet::seal
