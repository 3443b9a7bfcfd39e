// Notices: an issuer says of a license that it issued that it is withdrawn, or that another container has
// taken the place of a lost one. The first ends the license for ever, and its leases with it (expire.cc). The
// second replaces the slot's container, whichever licenses are bound to it: what was bound to the one before
// counts no more, for any license, until it is reissued; and the keys on the notice's revocation list are
// refused from then on. No lease is touched.

#include <algorithm>

#include "license/rules.h"

namespace tercet::license {
namespace {

Code withdraw(State& state, uint32_t index) {
  License license = state.licenses()[index];
  if (license.withdrawn != 0) {
    return Code::repeated;
  }
  license.withdrawn = 1;
  state.change_license(index, license);
  return Code::granted;
}

/// Whether the new container may have the slot: granted, or why not.
Code may_replace(const Cell& cell, const CheckedNotice& notice) {
  if (!std::ranges::equal(cell.activation_id, notice.activation_id)) {
    return Code::foreign_container;
  }
  if (cell.is_revoked(notice.container.key)) {
    return Code::container_revoked;
  }
  const Container& here = cell.containers[notice.slot];
  if (here.serial_size != 0 && here.key == notice.container.key) {
    return Code::repeated;
  }
  if (cell.slot_of(notice.container.key) != kBackends) {
    return Code::foreign_container;  // another slot's
  }
  bool names_ours = here.serial_size == 0;
  for (const PublicKey& key : notice.revoked) {
    const unsigned slot = cell.slot_of(key);
    if (slot != kBackends && slot != notice.slot) {
      return Code::foreign_container;  // it would revoke another slot's
    }
    names_ours = names_ours || slot == notice.slot;
  }
  return names_ours ? Code::granted : Code::foreign_container;
}

Code replace_container(State& state, const CheckedNotice& notice) {
  Cell cell = state.cell();
  if (const Code code = may_replace(cell, notice); code != Code::granted) {
    return code;
  }
  for (const PublicKey& key : notice.revoked) {
    if (cell.is_revoked(key)) {
      continue;
    }
    if (cell.revoked_size == kRevokedMax) {
      return Code::book_full;
    }
    cell.revoked[cell.revoked_size++] = key;
  }
  cell.containers[notice.slot] = notice.container;
  ++cell.generations[notice.slot];  // each has revoked a key: kRevokedMax bounds it
  state.change_cell(cell);
  return Code::granted;
}
static_assert(kRevokedMax < UINT8_MAX, "generations fit a byte, also of a slot that began without container");

OpResult judged_notice(State& state, const OpView& op, const NoticeCheck& check) {
  CheckedNotice notice;
  OpResult out = denial(check(op.body, state.cell().keys(), notice));
  out.tmr_id = notice.tmr_id;  // 0 unless it could be read
  if (static_cast<Code>(out.code) != Code::granted) {
    return out;
  }
  out.slot =
      notice.kind == CheckedNotice::Kind::container ? static_cast<uint8_t>(notice.slot + 1) : uint8_t{0};
  if (notice.tmr_id == 0) {
    out.code = static_cast<uint8_t>(Code::malformed);
    return out;
  }
  const uint32_t index = state.licenses().find(notice.firm, notice.product, notice.tmr_id);
  Code code = Code::granted;
  if (index == kNone) {
    code = Code::no_such_license;
  } else if (state.licenses()[index].shown().issuer != notice.issuer) {
    code = Code::unknown_issuer;  // of this license it is none
  } else if (notice.kind == CheckedNotice::Kind::withdrawn) {
    code = withdraw(state, index);
  } else {
    code = state.withdrawn(index) ? Code::revoked : replace_container(state, notice);
  }
  out.code = static_cast<uint8_t>(code);
  if (index != kNone) {
    put_seats(out, seats(state, index, state.licenses()[index].shown()));
  }
  return out;
}

}  // namespace

OpResult import_notice(State& state, const OpView& op, const NoticeCheck& check) {
  return remember(state, op, find(state, op.handle), judged_notice(state, op, check));
}

}  // namespace tercet::license
