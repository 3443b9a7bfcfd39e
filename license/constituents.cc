#include "license/constituents.h"

#include <algorithm>
#include <cstring>

#include "wire/seal/container.h"

namespace tercet::license {

Code judge(const Terms& t) {
  const auto mode = static_cast<LicenseMode>(t.mode);
  if (mode < LicenseMode::user_limit || mode > LicenseMode::exclusive) {
    return Code::unsupported_mode;
  }
  const bool counted = mode != LicenseMode::no_user_limit;
  const bool lease_fits = t.lease_min_ms >= kLeaseMin.ms() && t.lease_max_ms <= kLeaseMax.ms() &&
                          t.lease_min_ms <= t.lease_ms && t.lease_ms <= t.lease_max_ms;
  const bool window_fits = t.valid_until_ms == 0 || t.valid_from_ms < t.valid_until_ms;
  const bool use_fits = t.usage_period_ms <= kUsageMax && t.units <= kUsageMax && t.metered <= 1 &&
                        (t.metered == 1 || t.units == 0);
  if (t.tmr_id == 0 || counted != (t.quantity > 0) || !lease_fits || !window_fits || !use_fits ||
      t.name_size > kNameMax) {
    return Code::malformed;
  }
  return Code::granted;
}

Hash128 hash_of(const Cell& cell) {
  return hash128({reinterpret_cast<const uint8_t*>(&cell), sizeof cell}, 0x63656c6c);
}

unsigned Cell::slot_of(const PublicKey& container_key) const {
  for (unsigned slot = 0; slot < kBackends; ++slot) {
    if (containers[slot].serial_size != 0 && containers[slot].key == container_key) {
      return slot;
    }
  }
  return kBackends;
}

bool Cell::is_revoked(const PublicKey& container_key) const {
  return std::ranges::find(revoked, revoked + revoked_size, container_key) != revoked + revoked_size;
}

namespace {
/// The activation id as people write it: "xxxx-xxxx-xxxx-xxxx".
std::string written(const uint8_t (&id)[16]) {
  std::string text;
  for (unsigned i = 0; i < sizeof id; ++i) {
    if (i != 0 && i % 4 == 0) {
      text += '-';
    }
    text += static_cast<char>(id[i]);
  }
  return text;
}
}  // namespace

bool read_genesis(Bytes op, Cell& out) {
  GenesisView genesis;
  if (!parse_genesis(op, genesis) || genesis.issuers.size() > kIssuersMax * sizeof(PublicKey)) {
    return false;
  }
  Cell cell{};
  cell.started = 1;
  cell.issuers = genesis.body->issuers;
  std::memcpy(cell.activation_id, genesis.body->activation_id, sizeof cell.activation_id);
  if (!genesis.issuers.empty()) {
    std::memcpy(cell.issuer_keys, genesis.issuers.data(), genesis.issuers.size());
  }
  for (unsigned slot = 0; slot < kBackends; ++slot) {
    if (genesis.introductions[slot].empty()) {
      continue;  // a backend without a container: no constituent can be bound to it
    }
    IntroductionView introduction;
    if (!parse_introduction(genesis.introductions[slot], introduction)) {
      return false;
    }
    Container& container = cell.containers[slot];
    std::memcpy(container.key.data(), introduction.header->container_key, container.key.size());
    container.serial_size = static_cast<uint8_t>(introduction.serial.size());
    std::memcpy(container.serial, introduction.serial.data(), introduction.serial.size());
  }
  const std::string serial = seal::virtual_serial_of(written(cell.activation_id));
  cell.virtual_serial_size = static_cast<uint8_t>(std::min(serial.size(), sizeof cell.virtual_serial));
  std::memcpy(cell.virtual_serial, serial.data(), cell.virtual_serial_size);
  out = cell;
  return true;
}

}  // namespace tercet::license
