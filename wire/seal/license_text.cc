#include "wire/seal/license_text.h"

#include <array>
#include <charconv>

#include "wire/seal/canonical_json.h"
#include "wire/utf8.h"

namespace tercet::seal {
namespace {

constexpr std::array<const char*, 4> kModeNames{"user-limit", "no-user-limit", "station-share", "exclusive"};

std::string hex16(uint64_t value) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text(16, '0');
  for (size_t i = 0; i < 16; ++i) {
    text[15 - i] = kHex[(value >> (4 * i)) & 0xFU];
  }
  return text;
}
std::optional<uint64_t> from_hex16(std::string_view text) {
  uint64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc{} || hex16(value) != text) {
    return std::nullopt;
  }
  return value;
}

uint64_t ms_of(WallTime time) { return static_cast<uint64_t>(time.ms); }
bool is_time(WallTime time) { return time.ms >= 0 && ms_of(time) <= kLicenseNumberMax; }
std::string too_long(const char* property, size_t size, size_t max) {
  return std::string(property) + " is " + std::to_string(size) + " bytes long; at most " +
         std::to_string(max) + " fit";
}

}  // namespace

const char* name_of(LicenseMode mode) { return kModeNames[static_cast<size_t>(mode)]; }

tl::expected<LicenseMode, std::string> parse_license_mode(std::string_view text) {
  for (size_t i = 0; i < kModeNames.size(); ++i) {
    if (text == kModeNames[i]) {
      return static_cast<LicenseMode>(i);
    }
  }
  return tl::unexpected(
      std::string("the mode must be user-limit, no-user-limit, station-share or exclusive"));
}

std::optional<std::string> fault_of(const LicenseText& t) {
  if (t.name.empty() || !is_clean_text(t.name)) {
    return "name must be UTF-8 text without control characters, and not empty";
  }
  if (t.name.size() > kLicenseNameMax) {
    return too_long("name", t.name.size(), kLicenseNameMax);
  }
  if (t.container_serial.empty() || !is_clean_text(t.container_serial)) {
    return "container serial must be text without control characters, and not empty";
  }
  if (t.container_serial.size() > kContainerSerialMax) {
    return too_long("container serial", t.container_serial.size(), kContainerSerialMax);
  }
  if (t.activation_id.empty() || !is_clean_text(t.activation_id)) {
    return "activation id must be text without control characters, and not empty";
  }
  if (t.activation_id.size() > kActivationIdMax) {
    return too_long("activation id", t.activation_id.size(), kActivationIdMax);
  }
  if (static_cast<size_t>(t.mode) >= kModeNames.size()) {
    return "mode is unknown";
  }
  if ((t.quantity == 0) != (t.mode == LicenseMode::no_user_limit)) {
    return t.quantity == 0 ? "quantity must be at least 1"
                           : "quantity must be 0 when the mode is no-user-limit";
  }
  if (t.tmr_id.value == 0) {
    return "tmr id must be at least 1";
  }
  if (t.revision == 0) {
    return "revision must be at least 1";
  }
  if (t.lease_min_ms < kLeaseMsMin || t.lease_min_ms > t.lease_default_ms ||
      t.lease_default_ms > t.lease_max_ms || t.lease_max_ms > kLeaseMsMax) {
    return "leases must keep 1 s ≤ shortest ≤ default ≤ longest ≤ 24 h";
  }
  if (!is_time(t.issued_at) || (t.valid_from && !is_time(*t.valid_from)) ||
      (t.valid_until && !is_time(*t.valid_until))) {
    return "times must be from 1970 on and below 2^53 ms";
  }
  if (t.valid_from && t.valid_until && *t.valid_from >= *t.valid_until) {
    return "valid until must be later than valid from";
  }
  if (t.usage_period_ms && (*t.usage_period_ms == 0 || *t.usage_period_ms > kLicenseNumberMax)) {
    return "usage period must be at least 1 ms and below 2^53 ms";
  }
  if (t.units && *t.units > kLicenseNumberMax) {
    return "units must be below 2^53";
  }
  if (index(t.slot) >= kBackends) {
    return "slot must be 1, 2 or 3";
  }
  return std::nullopt;
}

std::string canonical(const LicenseText& t) {
  std::string out = "{\"v\":1";
  put_number(out, "firm", t.firm_code.value);
  put_number(out, "product", t.product_code.value);
  put_number(out, "tmr", t.tmr_id.value);
  put_string(out, "name", t.name);
  put_string(out, "mode", name_of(t.mode));
  put_number(out, "quantity", t.quantity);
  put_string(out, "features", hex16(t.features));
  if (t.valid_from) {
    put_number(out, "from", ms_of(*t.valid_from));
  }
  if (t.valid_until) {
    put_number(out, "until", ms_of(*t.valid_until));
  }
  put_number(out, "lease", t.lease_default_ms);
  put_number(out, "lease_min", t.lease_min_ms);
  put_number(out, "lease_max", t.lease_max_ms);
  if (t.usage_period_ms) {
    put_number(out, "usage", *t.usage_period_ms);
  }
  if (t.units) {
    put_number(out, "units", *t.units);
  }
  put_number(out, "revision", t.revision);
  put_number(out, "issued", ms_of(t.issued_at));
  put_number(out, "slot", index(t.slot) + 1);
  put_string(out, "container", t.container_serial);
  put_string(out, "container_key", text_of(t.container_key));
  put_string(out, "activation", t.activation_id);
  out += '}';
  return out;
}

tl::expected<LicenseText, std::string> parse_canonical(std::string_view json) {
  const auto wall = [](uint64_t ms) { return WallTime{static_cast<int64_t>(ms)}; };
  CanonicalReader in(json);
  LicenseText t;
  in.literal("{\"v\":1");
  t.firm_code.value = static_cast<uint32_t>(in.number(",\"firm\":", UINT32_MAX));
  t.product_code.value = static_cast<uint32_t>(in.number(",\"product\":", UINT32_MAX));
  t.tmr_id.value = static_cast<uint32_t>(in.number(",\"tmr\":", UINT32_MAX));
  t.name = in.string(",\"name\":", kLicenseNameMax);
  if (const auto mode = parse_license_mode(in.string(",\"mode\":", 16))) {
    t.mode = *mode;
  } else {
    in.fail();
  }
  t.quantity = static_cast<uint32_t>(in.number(",\"quantity\":", UINT32_MAX));
  if (const auto features = from_hex16(in.string(",\"features\":", 16))) {
    t.features = *features;
  } else {
    in.fail();
  }
  if (const auto from = in.optional_number(",\"from\":")) {
    t.valid_from = wall(*from);
  }
  if (const auto until = in.optional_number(",\"until\":")) {
    t.valid_until = wall(*until);
  }
  t.lease_default_ms = static_cast<uint32_t>(in.number(",\"lease\":", kLeaseMsMax));
  t.lease_min_ms = static_cast<uint32_t>(in.number(",\"lease_min\":", kLeaseMsMax));
  t.lease_max_ms = static_cast<uint32_t>(in.number(",\"lease_max\":", kLeaseMsMax));
  t.usage_period_ms = in.optional_number(",\"usage\":");
  t.units = in.optional_number(",\"units\":");
  t.revision = static_cast<uint32_t>(in.number(",\"revision\":", UINT32_MAX));
  t.issued_at = wall(in.number(",\"issued\":", kLicenseNumberMax));
  const uint64_t slot = in.number(",\"slot\":", kBackends);
  t.slot = static_cast<Slot>(slot == 0 ? kBackends : slot - 1);  // 0: fault_of refuses it
  t.container_serial = in.string(",\"container\":", kContainerSerialMax);
  if (const auto key = parse_public_key(in.string(",\"container_key\":", 43))) {
    t.container_key = *key;
  } else {
    in.fail();
  }
  t.activation_id = in.string(",\"activation\":", kActivationIdMax);
  in.literal("}");
  if (!in.finished()) {
    return tl::unexpected(std::string("is not a license text in canonical form (of a newer version?)"));
  }
  if (auto fault = fault_of(t)) {
    return tl::unexpected(*fault);
  }
  return t;
}

std::string_view first_difference(const LicenseText& a, const LicenseText& b) {
  if (a.firm_code != b.firm_code) {
    return "firm code";
  }
  if (a.product_code != b.product_code) {
    return "product code";
  }
  if (a.tmr_id != b.tmr_id) {
    return "tmr id";
  }
  if (a.name != b.name) {
    return "name";
  }
  if (a.mode != b.mode) {
    return "mode";
  }
  if (a.quantity != b.quantity) {
    return "quantity";
  }
  if (a.features != b.features) {
    return "features";
  }
  if (a.valid_from != b.valid_from) {
    return "valid from";
  }
  if (a.valid_until != b.valid_until) {
    return "valid until";
  }
  if (a.lease_default_ms != b.lease_default_ms || a.lease_min_ms != b.lease_min_ms ||
      a.lease_max_ms != b.lease_max_ms) {
    return "lease";
  }
  if (a.usage_period_ms != b.usage_period_ms) {
    return "usage period";
  }
  if (a.units != b.units) {
    return "units";
  }
  if (a.revision != b.revision) {
    return "revision";
  }
  if (a.issued_at != b.issued_at) {
    return "issued at";
  }
  if (a.activation_id != b.activation_id) {
    return "activation id";
  }
  if (a.issuer != b.issuer) {
    return "issuer";
  }
  return {};
}

}  // namespace tercet::seal
