#pragma once
// License files. A constituent is a JWS (RFC 7515 compact serialisation, EdDSA with Ed25519 as RFC 8037
// says): header
// `{"alg":"EdDSA","kid":"<issuer's key id>"}`, payload the canonical license text, bound to one container's
// key. The file holds the constituents of one TMR license, and notices about it (notice.h), if there are any:
//
//   {"tercet_license": 1, "constituents": ["<jws>", "<jws>", "<jws>"], "notices": ["<jws>"]}
//
// sign and parse_and_verify are pure and total: the license book calls the latter in apply, on ordered bytes.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "wire/seal/license_text.h"
#include "wire/seal/signing.h"

namespace tercet::seal {

/// Longest constituent, in bytes: whatever is ordered fits one datagram of 1,200 bytes (DESIGN §2).
inline constexpr size_t kConstituentMax = 1'000;

enum class LicenseFault : uint8_t {
  too_long,        ///< a property, or the constituent as a whole
  malformed,       ///< cut off, not base64url, not the canonical form
  algorithm,       ///< not EdDSA; "none" among them
  unknown_issuer,  ///< signed by a key that is not among the issuers
  bad_signature,   ///< altered after it was signed
  property,        ///< a property breaks a rule, or constituents differ in one
  file,            ///< the file cannot be read or written, or is no license file
};
/// "too-long", "malformed", …
const char* name_of(LicenseFault fault);

struct LicenseError {
  LicenseFault code{};
  std::string text;
};

/// What a JWS of ours says, and who says so.
struct SignedText {
  KeyId issuer;
  std::string payload;
};
/// A JWS over a canonical text.
std::string sign_payload(std::string_view payload, const SigningKey& issuer);
/// Its payload, if one of `issuers` signed it. Same bytes and issuers, same answer, on every machine.
tl::expected<SignedText, LicenseError> verify_signed(Bytes jws, std::span<const PublicKey> issuers);
/// Whoever signed it.
tl::expected<SignedText, LicenseError> read_signed(Bytes jws);

/// A constituent for `text`; its issuer is the key's, whatever `text.issuer` says. An error names the
/// property.
tl::expected<std::string, LicenseError> sign(const LicenseText& text, const SigningKey& issuer);

/// The text, if one of `issuers` signed it. Same bytes and issuers, same answer, on every machine.
tl::expected<LicenseText, LicenseError> parse_and_verify(Bytes jws, std::span<const PublicKey> issuers);

/// What a constituent says, whoever signed it: to compare it with others, never to trust it.
tl::expected<LicenseText, LicenseError> parse_unverified(Bytes jws);

struct LicenseFile {
  std::vector<std::string> constituents;  ///< 1 to 3; none where there is a notice
  std::vector<std::string> notices;       ///< at most kNoticesMax (notice.h), to be imported first
};
inline constexpr size_t kNoticesMax = 8;
tl::expected<LicenseFile, LicenseError> parse_license_file(std::string_view text);
std::string text_of(const LicenseFile& file);
tl::expected<LicenseFile, LicenseError> read_license_file(const std::string& path);
tl::expected<void, LicenseError> write_license_file(const std::string& path, const LicenseFile& file);

/// Why `text` does not belong into one file with the constituents `before` it, as in "constituent 2 …": they
/// differ in a property, or are for one slot or container. Nothing when it does.
std::optional<std::string> why_apart(std::span<const LicenseText> before, const LicenseText& text);

/// Verifies each constituent and that they are of one license, of different slots and containers.
tl::expected<std::vector<LicenseText>, LicenseError> verify_license_file(const LicenseFile& file,
                                                                         std::span<const PublicKey> issuers);

}  // namespace tercet::seal
