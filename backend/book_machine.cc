#include "backend/book_machine.h"

#include <algorithm>
#include <cstring>

#include "wire/seal/license_file.h"
#include "wire/seal/notice.h"

namespace tercet::backend {
namespace {

Code code_of(seal::LicenseFault fault) {
  switch (fault) {
    case seal::LicenseFault::algorithm:
    case seal::LicenseFault::bad_signature:
      return Code::bad_signature;
    case seal::LicenseFault::unknown_issuer:
      return Code::unknown_issuer;
    case seal::LicenseFault::too_long:
    case seal::LicenseFault::malformed:
    case seal::LicenseFault::property:
    case seal::LicenseFault::file:
      break;
  }
  return Code::malformed;
}

LicenseMode mode_of(seal::LicenseMode mode) {
  switch (mode) {
    case seal::LicenseMode::user_limit:
      return LicenseMode::user_limit;
    case seal::LicenseMode::no_user_limit:
      return LicenseMode::no_user_limit;
    case seal::LicenseMode::station_share:
      return LicenseMode::station_share;
    case seal::LicenseMode::exclusive:
      break;
  }
  return LicenseMode::exclusive;
}

uint64_t ms_of(const std::optional<WallTime>& time) {
  return time && time->ms > 0 ? static_cast<uint64_t>(time->ms) : 0;
}

/// Of all that must be equal in the three constituents: everything but what binds one to its container, and
/// which revision it is.
Hash128 properties_of(seal::LicenseText text) {
  text.revision = 1;
  text.issued_at = {};
  text.slot = Slot::one;
  text.container_serial.clear();
  text.container_key = {};
  std::string equal = seal::canonical(text);
  equal += seal::text_of(text.issuer);
  return hash128(as_bytes(equal));
}

license::Terms terms_of(const seal::LicenseText& text) {
  license::Terms t{};
  t.features = text.features;
  t.valid_from_ms = ms_of(text.valid_from);
  t.valid_until_ms = ms_of(text.valid_until);
  t.properties = properties_of(text);
  static_assert(seal::kLicenseNumberMax <= license::kUsageMax);
  t.usage_period_ms = text.usage_period_ms.value_or(0);
  t.units = text.units.value_or(0);
  t.metered = text.units ? 1 : 0;
  t.firm = text.firm_code.value;
  t.product = text.product_code.value;
  t.tmr_id = text.tmr_id.value;
  t.revision = text.revision;
  t.quantity = text.quantity;
  t.lease_ms = text.lease_default_ms;
  t.lease_min_ms = text.lease_min_ms;
  t.lease_max_ms = text.lease_max_ms;
  t.mode = static_cast<uint8_t>(mode_of(text.mode));
  static_assert(seal::kLicenseNameMax <= license::kNameMax);
  t.name_size = static_cast<uint8_t>(std::min(text.name.size(), license::kNameMax));
  std::memcpy(t.name, text.name.data(), t.name_size);
  return t;
}

using Keys = FixedVector<seal::PublicKey, license::kIssuersMax>;
Keys keys_of(std::span<const license::PublicKey> issuers) {
  Keys keys;
  for (const license::PublicKey& key : issuers) {
    keys.push_back(seal::PublicKey{key});
  }
  return keys;
}
uint8_t number_of(const Keys& keys, const seal::KeyId& issuer) {
  const auto* const at =
      std::ranges::find_if(keys, [&](const seal::PublicKey& key) { return key_id_of(key) == issuer; });
  return static_cast<uint8_t>(at - keys.begin());
}

/// What a backend would say that does not count seats.
void distort(const EntryView& entry, quorum::Result& result) {
  if (result.size() == sizeof(OpResult)) {
    OpResult r;
    std::memcpy(&r, result.data(), sizeof r);
    OpView op;
    const bool checkout = parse_op(entry.op, op) && op.kind == OpKind::checkout;
    if (checkout && static_cast<Code>(r.code) != Code::granted) {
      r.code = static_cast<uint8_t>(Code::granted);
      r.tmr_id = std::max<uint32_t>(r.tmr_id, 1);
      r.lease_ms = license::kLeaseDefaultMs;
      r.in_use = r.in_use + 1;
      r.lease_end_cell_ms = static_cast<uint64_t>(entry.cell.ms) + license::kLeaseDefaultMs;
      r.lease_end_wall_ms = static_cast<uint64_t>(entry.wall.ms) + license::kLeaseDefaultMs;
    }
    r.seats_left = r.seats_left + 1;
    std::memcpy(result.data(), &r, sizeof r);
  } else if (!result.empty()) {
    result[0] = static_cast<uint8_t>(result[0] + 1);
  }
}

}  // namespace

Code check_constituent(Bytes jws, std::span<const license::PublicKey> issuers,
                       license::CheckedConstituent& out) {
  const auto keys = keys_of(issuers);
  const auto text = seal::parse_and_verify(jws, {keys.data(), keys.size()});
  if (!text) {
    return code_of(text.error().code);
  }
  out.terms = terms_of(*text);
  out.terms.issuer = number_of(keys, text->issuer);
  out.container_key = text->container_key.bytes;
  return Code::granted;
}

Code check_notice(Bytes jws, std::span<const license::PublicKey> issuers, license::CheckedNotice& out) {
  const auto keys = keys_of(issuers);
  const auto text = seal::parse_and_verify_notice(jws, {keys.data(), keys.size()});
  if (!text) {
    return code_of(text.error().code);
  }
  out.kind = text->kind == seal::NoticeText::Kind::withdrawn ? license::CheckedNotice::Kind::withdrawn
                                                             : license::CheckedNotice::Kind::container;
  out.issuer = number_of(keys, text->issuer);
  out.firm = text->firm_code.value;
  out.product = text->product_code.value;
  out.tmr_id = text->tmr_id.value;
  if (out.kind == license::CheckedNotice::Kind::withdrawn) {
    return Code::granted;
  }
  out.slot = index(text->slot);
  std::string id = text->activation_id;
  std::erase(id, '-');  // as Genesis has it; one of another length is no cell's
  if (id.size() == out.activation_id.size()) {
    std::ranges::copy(id, out.activation_id.begin());
  }
  out.container.key = text->container_key.bytes;
  static_assert(seal::kContainerSerialMax <= sizeof out.container.serial);
  out.container.serial_size = static_cast<uint8_t>(text->container_serial.size());
  std::ranges::copy(text->container_serial, out.container.serial);
  static_assert(seal::kRevokedPerNoticeMax == license::kRevokedPerNotice);
  for (const seal::PublicKey& key : text->revoked) {
    out.revoked.push_back(key.bytes);
  }
  return Code::granted;
}

BookMachine::BookMachine(const BookMachineOptions& options)
    : BookMachine(options, {check_constituent, check_notice}) {}

BookMachine::BookMachine(const BookMachineOptions& options, license::Checks checks)
    : book_(std::move(checks), options.book), image_(options.book), lies_(options.lies) {}

void BookMachine::apply(const EntryView& entry, quorum::Result& result) {
  static_assert(std::is_same_v<license::Result, quorum::Result>);
  book_.apply(entry, result);
  if (lies_) {
    distort(entry, result);
  }
}

void BookMachine::begin_load() {
  image_.stop();
  reader_.emplace(book_.to_load());
}

bool BookMachine::end_load() {
  const bool whole = reader_ && reader_->finish();
  reader_.reset();
  return whole;
}

Hash128 BookMachine::digest() const {
  const Hash128 right = book_.digest();
  return lies_ ? right ^ Hash128 { 1, 0 } : right;
}

ContainerState BookMachine::container(Slot slot, Bytes introduction) const {
  IntroductionView own;
  if (!parse_introduction(introduction, own)) {
    return ContainerState::gone;
  }
  const license::Cell& cell = book_.state().cell();
  if (cell.started == 0) {
    return ContainerState::here;  // Genesis will write it down
  }
  license::PublicKey key;
  std::ranges::copy(own.header->container_key, key.begin());
  if (cell.is_revoked(key)) {
    return ContainerState::revoked;
  }
  return cell.slot_of(key) == index(slot) ? ContainerState::here : ContainerState::foreign;
}

}  // namespace tercet::backend
