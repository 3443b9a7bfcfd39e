#include "wire/seal/license_file.h"

#include <algorithm>
#include <array>

#include "wire/seal/private_file.h"
#include "wire/seal/strict_json.h"

namespace tercet::seal {
namespace {

constexpr std::array<const char*, 7> kFaultNames{"too-long",      "malformed", "algorithm", "unknown-issuer",
                                                 "bad-signature", "property",  "file"};
static_assert(kFaultNames.size() == static_cast<size_t>(LicenseFault::file) + 1);

constexpr std::string_view kHeaderBefore = R"({"alg":"EdDSA","kid":")";
constexpr std::string_view kHeaderAfter = R"("})";

tl::unexpected<LicenseError> refused(LicenseFault code, std::string text) {
  return tl::unexpected(LicenseError{code, std::move(text)});
}

std::string header_of(const KeyId& issuer) {
  return std::string(kHeaderBefore) + text_of(issuer) + std::string(kHeaderAfter);
}

/// The issuer that a header names, or why it is refused.
tl::expected<KeyId, LicenseError> parse_header(std::string_view header) {
  if (!header.starts_with(R"({"alg":")")) {
    return refused(LicenseFault::malformed, "the header is not a JWS header of ours");
  }
  if (!header.starts_with(kHeaderBefore)) {
    return refused(LicenseFault::algorithm, "is not signed with EdDSA, the only algorithm that is taken");
  }
  header.remove_prefix(kHeaderBefore.size());
  if (!header.ends_with(kHeaderAfter)) {
    return refused(LicenseFault::malformed, "the header is not a JWS header of ours");
  }
  header.remove_suffix(kHeaderAfter.size());
  const auto id = parse_key_id(header);
  if (!id) {
    return refused(LicenseFault::malformed, id.error());
  }
  return *id;
}

struct Parts {
  std::string_view header, payload, signature;
  std::string_view signed_part;
};
tl::expected<Parts, LicenseError> split(std::string_view jws) {
  const size_t first = jws.find('.');
  const size_t second = first == std::string_view::npos ? first : jws.find('.', first + 1);
  if (second == std::string_view::npos || jws.find('.', second + 1) != std::string_view::npos) {
    return refused(LicenseFault::malformed, "is not header.payload.signature: cut off?");
  }
  return Parts{jws.substr(0, first), jws.substr(first + 1, second - first - 1), jws.substr(second + 1),
               jws.substr(0, second)};
}

/// A JWS's parts, decoded; nothing about them is verified.
struct Decoded {
  SignedText text;
  Signature signature;
  std::string_view signed_part;
};
tl::expected<Decoded, LicenseError> decode(Bytes jws) {
  if (jws.size() > kConstituentMax) {
    return refused(LicenseFault::too_long, "is " + std::to_string(jws.size()) + " bytes long; at most " +
                                               std::to_string(kConstituentMax) + " are taken");
  }
  const auto parts = split(as_text(jws));
  if (!parts) {
    return tl::unexpected(parts.error());
  }
  const auto header = from_base64url(parts->header, kConstituentMax);
  if (!header) {
    return refused(LicenseFault::malformed, "the header is " + header.error());
  }
  const auto issuer = parse_header(*header);
  if (!issuer) {
    return tl::unexpected(issuer.error());
  }
  Signature signature;
  if (!from_base64url(parts->signature, signature.bytes)) {
    return refused(LicenseFault::malformed, "the signature is not 64 bytes in base64url: cut off?");
  }
  auto payload = from_base64url(parts->payload, kConstituentMax);
  if (!payload) {
    return refused(LicenseFault::malformed, "the payload is " + payload.error());
  }
  return Decoded{{*issuer, std::move(*payload)}, signature, parts->signed_part};
}

tl::expected<LicenseText, LicenseError> license_in(const SignedText& text) {
  auto license = parse_canonical(text.payload);
  if (!license) {
    return refused(LicenseFault::malformed, license.error());
  }
  license->issuer = text.issuer;
  return std::move(*license);
}

/// An array of `least` to `most` strings.
bool read_texts(const nlohmann::json& array, size_t least, size_t most, std::vector<std::string>& out) {
  if (!array.is_array() || array.size() < least || array.size() > most) {
    return false;
  }
  for (const auto& text : array) {
    if (!text.is_string()) {
      return false;
    }
    out.push_back(text.get<std::string>());
  }
  return true;
}

}  // namespace

const char* name_of(LicenseFault fault) { return kFaultNames[static_cast<size_t>(fault)]; }

std::string sign_payload(std::string_view payload, const SigningKey& issuer) {
  std::string jws = base64url(as_bytes(header_of(key_id_of(issuer.public_key()))));
  jws += '.';
  jws += base64url(as_bytes(payload));
  const Signature signature = issuer.sign(as_bytes(jws));
  jws += '.';
  jws += base64url(signature.bytes);
  return jws;
}

tl::expected<SignedText, LicenseError> verify_signed(Bytes jws, std::span<const PublicKey> issuers) {
  auto decoded = decode(jws);
  if (!decoded) {
    return tl::unexpected(decoded.error());
  }
  const auto key =
      std::ranges::find_if(issuers, [&](const PublicKey& k) { return key_id_of(k) == decoded->text.issuer; });
  if (key == issuers.end()) {
    return refused(LicenseFault::unknown_issuer,
                   "is signed by " + text_of(decoded->text.issuer) + ", not an issuer of this cell");
  }
  if (!verify(*key, as_bytes(decoded->signed_part), decoded->signature)) {
    return refused(LicenseFault::bad_signature,
                   "was altered after issuer " + text_of(decoded->text.issuer) + " signed it");
  }
  return std::move(decoded->text);
}

tl::expected<SignedText, LicenseError> read_signed(Bytes jws) {
  return decode(jws).map([](Decoded&& decoded) { return std::move(decoded.text); });
}

tl::expected<std::string, LicenseError> sign(const LicenseText& text, const SigningKey& issuer) {
  if (auto fault = fault_of(text)) {
    const bool length = fault->find(" bytes long") != std::string::npos;
    return refused(length ? LicenseFault::too_long : LicenseFault::property, *fault);
  }
  std::string jws = sign_payload(canonical(text), issuer);
  if (jws.size() > kConstituentMax) {
    // Every property has its own limit; only the texts, and their escapes above all, can add up to this.
    return refused(LicenseFault::too_long, "the constituent would be " + std::to_string(jws.size()) +
                                               " bytes long, at most " + std::to_string(kConstituentMax) +
                                               " are ordered: shorten the name (" +
                                               std::to_string(text.name.size()) + " bytes)");
  }
  return jws;
}

tl::expected<LicenseText, LicenseError> parse_and_verify(Bytes jws, std::span<const PublicKey> issuers) {
  return verify_signed(jws, issuers).and_then(license_in);
}

tl::expected<LicenseText, LicenseError> parse_unverified(Bytes jws) {
  return read_signed(jws).and_then(license_in);
}

tl::expected<LicenseFile, LicenseError> parse_license_file(std::string_view text) {
  const auto document = parse_strict(text);
  if (!document) {
    return refused(LicenseFault::file, "no license file: " + document.error());
  }
  JsonReader reader(*document);
  reader.number("tercet_license", 1, 1);
  LicenseFile file;
  const auto* notices = reader.member("notices");
  if (notices != nullptr && !read_texts(*notices, 1, kNoticesMax, file.notices)) {
    reader.fault("\"notices\" must be an array of one to " + std::to_string(kNoticesMax) + " strings");
  }
  const auto* constituents = reader.member("constituents");
  const bool needed = notices == nullptr || constituents != nullptr;
  if (needed && (constituents == nullptr || !read_texts(*constituents, 1, kBackends, file.constituents))) {
    reader.fault("\"constituents\" must be an array of one to three strings");
  }
  if (const std::string fault = reader.finish(); !fault.empty()) {
    return refused(LicenseFault::file, "no license file: " + fault);
  }
  return file;
}

std::string text_of(const LicenseFile& file) {
  std::string out = "{\"tercet_license\": 1";
  if (!file.constituents.empty()) {
    out += ", \"constituents\": " + nlohmann::json(file.constituents).dump(1);
  }
  if (!file.notices.empty()) {
    out += ", \"notices\": " + nlohmann::json(file.notices).dump(1);
  }
  return out + "}\n";
}

tl::expected<LicenseFile, LicenseError> read_license_file(const std::string& path) {
  const auto text = read_plain_file(path, kJsonBytesMax);
  if (!text) {
    return refused(LicenseFault::file, text.error());
  }
  auto file = parse_license_file(*text);
  if (!file) {
    return refused(file.error().code, path + ": " + file.error().text);
  }
  return file;
}

tl::expected<void, LicenseError> write_license_file(const std::string& path, const LicenseFile& file) {
  if (auto written = write_plain_file(path, text_of(file)); !written) {
    return refused(LicenseFault::file, written.error());
  }
  return {};
}

std::optional<std::string> why_apart(std::span<const LicenseText> before, const LicenseText& text) {
  for (const LicenseText& other : before) {
    if (const auto difference = first_difference(other, text); !difference.empty()) {
      return "differs from the first in its " + std::string(difference);
    }
    if (other.slot == text.slot || other.container_serial == text.container_serial ||
        other.container_key == text.container_key) {
      return "is for a slot or container that another one is for";
    }
  }
  return std::nullopt;
}

tl::expected<std::vector<LicenseText>, LicenseError> verify_license_file(const LicenseFile& file,
                                                                         std::span<const PublicKey> issuers) {
  std::vector<LicenseText> texts;
  for (size_t i = 0; i < file.constituents.size(); ++i) {
    const std::string which = "constituent " + std::to_string(i + 1) + " ";
    auto text = parse_and_verify(as_bytes(file.constituents[i]), issuers);
    if (!text) {
      return refused(text.error().code, which + text.error().text);
    }
    if (const auto apart = why_apart(texts, *text)) {
      return refused(LicenseFault::property, which + *apart);
    }
    texts.push_back(std::move(*text));
  }
  if (texts.empty()) {
    return refused(LicenseFault::file, "holds no constituent");
  }
  return texts;
}

}  // namespace tercet::seal
