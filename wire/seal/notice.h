#pragma once
// Notices: what an issuer says of a license that it issued, besides its constituents: that the license is
// withdrawn, or that another container has taken the place of a lost one. A notice travels in a license file
// and is a JWS like a constituent (license_file.h), its payload a canonical text (canonical_json.h):
//
//   {"v":1,"notice":"withdrawn","firm":1000,"product":7,"tmr":1,"issued":MS}
//   {"v":1,"notice":"container","firm":1000,"product":7,"tmr":1,"issued":MS,"slot":2,"activation":"…",
//    "container":"3-1234567","container_key":"<base64url>","revoked":["<base64url>",…]}
//
// `revoked` is the revocation list: the keys of the containers that had the slot before, the last one last.
// Nothing bound to them is taken any more. Pure and total: the license book reads notices in apply.

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "base/time.h"
#include "wire/ids.h"
#include "wire/seal/license_file.h"

namespace tercet::seal {

/// As many keys fit a notice beside the rest (kConstituentMax); an issuer names the newest.
inline constexpr size_t kRevokedPerNoticeMax = 6;

struct NoticeText {
  enum class Kind : uint8_t { withdrawn, container };
  Kind kind = Kind::withdrawn;
  FirmCode firm_code;
  ProductCode product_code;
  TmrId tmr_id;
  WallTime issued_at;
  // Of a container that took another's place.
  Slot slot = Slot::one;
  std::string activation_id;
  std::string container_serial;
  PublicKey container_key;
  std::vector<PublicKey> revoked;  ///< 1 to kRevokedPerNoticeMax
  KeyId issuer;                    ///< stands in the JWS header

  bool operator==(const NoticeText&) const = default;
};

/// The first rule that a notice breaks; or nothing.
std::optional<std::string> fault_of(const NoticeText& notice);
/// A notice signed by `issuer`, whatever `notice.issuer` says.
tl::expected<std::string, LicenseError> sign(const NoticeText& notice, const SigningKey& issuer);
/// The notice, if one of `issuers` signed it.
tl::expected<NoticeText, LicenseError> parse_and_verify_notice(Bytes jws, std::span<const PublicKey> issuers);
/// Whoever signed it: to show it, never to trust it.
tl::expected<NoticeText, LicenseError> parse_unverified_notice(Bytes jws);

}  // namespace tercet::seal
