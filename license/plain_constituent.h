#pragma once
// For tests and the simulator: constituents without signatures, a struct instead of a JWS, and the check that
// takes them. Never linked into a server.

#include <cstring>
#include <vector>

#include "license/book.h"

namespace tercet::license {

struct PlainConstituent {
  char magic[5] = {'p', 'l', 'a', 'i', 'n'};
  uint8_t issuer = 0;  ///< which of the cell's issuers' keys "signed" it: the first byte of that key
  uint8_t good = 1;    ///< 0: "altered after it was signed"
  uint8_t mode = static_cast<uint8_t>(LicenseMode::user_limit);
  uint8_t container_key[32] = {};
  Le32 firm;
  Le32 product;
  Le32 tmr_id;
  Le32 revision = 1;
  Le32 quantity;
  Le32 lease_ms = kLeaseDefaultMs;
  Le32 lease_min_ms = 1'000;
  Le32 lease_max_ms = 24 * 3'600'000;
  Le64 features;
  Le64 valid_from_ms;
  Le64 valid_until_ms;
  Le64 usage_period_ms;
  Le64 units;
  uint8_t metered = 0;
  char name[16] = {};
};
static_assert(alignof(PlainConstituent) == 1);

/// Which of the issuers it is; their number if it is none.
inline uint8_t issuer_number(std::span<const PublicKey> issuers, uint8_t first_byte) {
  uint8_t n = 0;
  while (n < issuers.size() && issuers[n][0] != first_byte) {
    ++n;
  }
  return n;
}

inline Code check_plain(Bytes text, std::span<const PublicKey> issuers, CheckedConstituent& out) {
  PlainConstituent p;
  if (text.size() != sizeof p || std::memcmp(text.data(), p.magic, sizeof p.magic) != 0) {
    return Code::malformed;
  }
  std::memcpy(static_cast<void*>(&p), text.data(), sizeof p);
  if (issuer_number(issuers, p.issuer) == issuers.size()) {
    return Code::unknown_issuer;
  }
  if (p.good != 1) {
    return Code::bad_signature;
  }
  Terms& t = out.terms;
  t = Terms{};
  t.features = p.features;
  t.valid_from_ms = p.valid_from_ms;
  t.valid_until_ms = p.valid_until_ms;
  t.usage_period_ms = p.usage_period_ms;
  t.units = p.units;
  t.metered = p.metered;
  t.firm = p.firm;
  t.product = p.product;
  t.tmr_id = p.tmr_id;
  t.revision = p.revision;
  t.quantity = p.quantity;
  t.lease_ms = p.lease_ms;
  t.lease_min_ms = p.lease_min_ms;
  t.lease_max_ms = p.lease_max_ms;
  t.mode = p.mode;
  t.name_size = static_cast<uint8_t>(strnlen(p.name, sizeof p.name));
  std::memcpy(t.name, p.name, t.name_size);
  std::memcpy(out.container_key.data(), p.container_key, sizeof p.container_key);
  std::memset(p.container_key, 0, sizeof p.container_key);
  p.revision = 0;
  t.properties = hash128(bytes_of(p));
  t.issuer = issuer_number(issuers, p.issuer);
  return Code::granted;
}

/// A notice without a signature.
struct PlainNotice {
  char magic[6] = {'n', 'o', 't', 'i', 'c', 'e'};
  uint8_t issuer = 0;
  uint8_t good = 1;
  uint8_t kind = 0;  ///< CheckedNotice::Kind
  uint8_t slot = 0;
  uint8_t container = 0;  ///< its key is filled with this; 0x33: slot 3's at first
  uint8_t revoked[kRevokedPerNotice] = {};
  uint8_t others_cell = 0;  ///< 1: the activation id is another one
  Le32 firm;
  Le32 product;
  Le32 tmr_id;
};
static_assert(alignof(PlainNotice) == 1);

inline Code check_plain_notice(Bytes text, std::span<const PublicKey> issuers, CheckedNotice& out) {
  PlainNotice n;
  if (text.size() != sizeof n || std::memcmp(text.data(), n.magic, sizeof n.magic) != 0) {
    return Code::malformed;
  }
  std::memcpy(static_cast<void*>(&n), text.data(), sizeof n);
  if (n.kind > 1 || n.slot >= kBackends) {
    return Code::malformed;
  }
  out.issuer = issuer_number(issuers, n.issuer);
  if (out.issuer == issuers.size()) {
    return Code::unknown_issuer;
  }
  if (n.good != 1) {
    return Code::bad_signature;
  }
  const auto key_of = [](uint8_t byte) {
    PublicKey key;
    key.fill(byte);
    return key;
  };
  out.kind = static_cast<CheckedNotice::Kind>(n.kind);
  out.firm = n.firm;
  out.product = n.product;
  out.tmr_id = n.tmr_id;
  out.slot = n.slot;
  std::memcpy(out.activation_id.data(), n.others_cell != 0 ? "fedcba9876543210" : "0123456789abcdef", 16);
  out.container.key = key_of(n.container);
  out.container.serial_size = 3;
  std::memcpy(out.container.serial, "3-7", 3);
  for (const uint8_t byte : n.revoked) {
    if (byte != 0) {
      out.revoked.push_back(key_of(byte));
    }
  }
  return Code::granted;
}

inline Checks plain_checks() { return {check_plain, check_plain_notice}; }

/// Bytes of entries and operations, as they are ordered.
using Buffer = std::vector<uint8_t>;

inline Buffer make_op(OpKind kind, const Handle& handle, uint32_t request, int64_t sent_ms, Bytes body) {
  OpHeader h{};
  h.kind = static_cast<uint8_t>(kind);
  h.length = static_cast<uint16_t>(sizeof h + body.size());
  h.request = request;
  h.sent_cell_ms = static_cast<uint64_t>(sent_ms);
  std::memcpy(h.handle, handle.bytes.data(), sizeof h.handle);
  Buffer out(sizeof h + body.size());
  std::memcpy(out.data(), &h, sizeof h);
  if (!body.empty()) {
    std::memcpy(out.data() + sizeof h, body.data(), body.size());
  }
  return out;
}

/// A Genesis whose containers' keys are filled with 0x11, 0x22, 0x33 and whose issuers' keys are filled with
/// `issuers`.
inline Buffer make_genesis(std::initializer_list<uint8_t> issuers = {0xA1}) {
  GenesisBody body{};
  body.cell = 7;
  for (unsigned slot = 0; slot < kBackends; ++slot) {
    body.incarnation[slot] = slot + 1;
  }
  std::memcpy(body.activation_id, "0123456789abcdef", sizeof body.activation_id);
  Buffer keys;
  for (const uint8_t issuer : issuers) {
    keys.insert(keys.end(), sizeof(PublicKey), issuer);
  }
  std::array<std::array<uint8_t, kIntroductionMax>, kBackends> room{};
  std::array<Bytes, kBackends> introductions;
  for (unsigned slot = 0; slot < kBackends; ++slot) {
    const PublicKey key = [&] {
      PublicKey k;
      k.fill(static_cast<uint8_t>(0x11 * (slot + 1)));
      return k;
    }();
    const std::string serial = "3-000000" + std::to_string(slot + 1);
    introductions[slot] = Bytes(room[slot]).first(write_introduction(key, serial, room[slot]));
  }
  Buffer out(kOpMax);
  out.resize(write_genesis(body, keys, introductions, out));
  return out;
}

}  // namespace tercet::license
