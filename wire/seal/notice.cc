#include "wire/seal/notice.h"

#include <algorithm>

#include "wire/seal/canonical_json.h"
#include "wire/utf8.h"

namespace tercet::seal {
namespace {

constexpr std::string_view kWithdrawn = "withdrawn";
constexpr std::string_view kContainer = "container";

bool is_word(std::string_view text, size_t max) {
  return !text.empty() && text.size() <= max && is_clean_text(text);
}

std::string canonical_notice(const NoticeText& n) {
  std::string out = "{\"v\":1";
  put_string(out, "notice", n.kind == NoticeText::Kind::withdrawn ? kWithdrawn : kContainer);
  put_number(out, "firm", n.firm_code.value);
  put_number(out, "product", n.product_code.value);
  put_number(out, "tmr", n.tmr_id.value);
  put_number(out, "issued", static_cast<uint64_t>(n.issued_at.ms));
  if (n.kind == NoticeText::Kind::container) {
    put_number(out, "slot", index(n.slot) + 1);
    put_string(out, "activation", n.activation_id);
    put_string(out, "container", n.container_serial);
    put_string(out, "container_key", text_of(n.container_key));
    out += ",\"revoked\":[";
    for (size_t i = 0; i < n.revoked.size(); ++i) {
      out += i == 0 ? "" : ",";
      put_quoted(out, text_of(n.revoked[i]));
    }
    out += ']';
  }
  out += '}';
  return out;
}

PublicKey read_key(CanonicalReader& in, std::string_view before) {
  const auto key = parse_public_key(in.string(before, 43));
  if (!key) {
    in.fail();
    return {};
  }
  return *key;
}

void read_container(CanonicalReader& in, NoticeText& n) {
  const uint64_t slot = in.number(",\"slot\":", kBackends);
  n.slot = static_cast<Slot>(slot == 0 ? kBackends : slot - 1);  // 0: fault_of refuses it
  n.activation_id = in.string(",\"activation\":", kActivationIdMax);
  n.container_serial = in.string(",\"container\":", kContainerSerialMax);
  n.container_key = read_key(in, ",\"container_key\":");
  in.literal(",\"revoked\":[");
  while (in.good() && !in.next_is("]") && n.revoked.size() <= kRevokedPerNoticeMax) {
    n.revoked.push_back(read_key(in, n.revoked.empty() ? "" : ","));
  }
  in.literal("]");
}

tl::expected<NoticeText, LicenseError> notice_in(const SignedText& text) {
  const auto refused = [](std::string why) {
    return tl::unexpected(LicenseError{LicenseFault::malformed, std::move(why)});
  };
  CanonicalReader in(text.payload);
  NoticeText n;
  in.literal("{\"v\":1");
  const std::string kind = in.string(",\"notice\":", 16);
  n.kind = kind == kWithdrawn ? NoticeText::Kind::withdrawn : NoticeText::Kind::container;
  if (kind != kWithdrawn && kind != kContainer) {
    in.fail();
  }
  n.firm_code.value = static_cast<uint32_t>(in.number(",\"firm\":", UINT32_MAX));
  n.product_code.value = static_cast<uint32_t>(in.number(",\"product\":", UINT32_MAX));
  n.tmr_id.value = static_cast<uint32_t>(in.number(",\"tmr\":", UINT32_MAX));
  n.issued_at = WallTime{static_cast<int64_t>(in.number(",\"issued\":", kCanonicalNumberMax))};
  if (n.kind == NoticeText::Kind::container) {
    read_container(in, n);
  }
  in.literal("}");
  if (!in.finished()) {
    return refused("is not a notice in canonical form (of a newer version?)");
  }
  if (auto fault = fault_of(n)) {
    return refused(*fault);
  }
  n.issuer = text.issuer;
  return n;
}

}  // namespace

std::optional<std::string> fault_of(const NoticeText& n) {
  if (n.tmr_id.value == 0) {
    return "tmr id must be at least 1";
  }
  if (n.issued_at.ms < 0 || static_cast<uint64_t>(n.issued_at.ms) > kCanonicalNumberMax) {
    return "times must be from 1970 on and below 2^53 ms";
  }
  if (n.kind == NoticeText::Kind::withdrawn) {
    return std::nullopt;
  }
  if (index(n.slot) >= kBackends) {
    return "slot must be 1, 2 or 3";
  }
  if (!is_word(n.activation_id, kActivationIdMax) || !is_word(n.container_serial, kContainerSerialMax)) {
    return "activation id and container serial must be text without control characters";
  }
  if (n.revoked.empty() || n.revoked.size() > kRevokedPerNoticeMax) {
    return "1 to " + std::to_string(kRevokedPerNoticeMax) + " keys are revoked";
  }
  if (std::ranges::find(n.revoked, n.container_key) != n.revoked.end()) {
    return "the container that takes the place is revoked itself";
  }
  return std::nullopt;
}

tl::expected<std::string, LicenseError> sign(const NoticeText& notice, const SigningKey& issuer) {
  if (auto fault = fault_of(notice)) {
    return tl::unexpected(LicenseError{LicenseFault::property, *fault});
  }
  return sign_payload(canonical_notice(notice), issuer);
}

tl::expected<NoticeText, LicenseError> parse_and_verify_notice(Bytes jws,
                                                               std::span<const PublicKey> issuers) {
  const auto text = verify_signed(jws, issuers);
  if (!text) {
    return tl::unexpected(text.error());
  }
  return notice_in(*text);
}

tl::expected<NoticeText, LicenseError> parse_unverified_notice(Bytes jws) {
  const auto text = read_signed(jws);
  if (!text) {
    return tl::unexpected(text.error());
  }
  return notice_in(*text);
}

}  // namespace tercet::seal
