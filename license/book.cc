#include "license/book.h"

#include "base/mutant.h"
#include "license/image_writer.h"
#include "license/lists.h"
#include "license/rules.h"

namespace tercet::license {
namespace {

template <class T>
void put(Result& result, const T& value) {
  result.resize(sizeof value);
  std::memcpy(result.data(), &value, sizeof value);
}

bool lease_fits(uint32_t lease_ms) {
  return lease_ms == 0 || (lease_ms >= kLeaseMin.ms() && lease_ms <= kLeaseMax.ms());
}

/// What the book asks of an operation's own fields, whatever its state.
bool read_op(Bytes bytes, OpView& op) {
  if (!parse_op(bytes, op) || !is_mutating(op.kind) || op.all.size() != bytes.size()) {
    return false;
  }
  if (op.kind == OpKind::checkout) {
    return lease_fits(reinterpret_cast<const CheckoutBody*>(op.body.data())->lease_ms);
  }
  return op.kind != OpKind::renew || lease_fits(reinterpret_cast<const RenewBody*>(op.body.data())->lease_ms);
}

/// The entry's form is checked where entries are read; again here, as the book is total.
Code note_presence(State& state, Bytes op) {
  if (!body_fits(EntryKind::constituent_gone, op)) {
    return Code::malformed;
  }
  const auto* body = reinterpret_cast<const ConstituentGoneBody*>(op.data());
  state.set_absent(body->slot, body->gone != 0);
  return Code::granted;
}

/// Of a handle without a lease.
OpResult no_lease(const State& state, const Standpoint& at) {
  if (at.tombstone == kNone || state.tombstones()[at.tombstone].revoked == 0) {
    return denial(Code::unknown_handle);
  }
  OpResult out = denial(Code::revoked);
  out.tmr_id = state.tombstones()[at.tombstone].answer.tmr_id;
  return out;
}

OpResult repeat(OpResult answer, bool older) {
  if (older) {
    answer.flags |= kLaterAnswer;
  }
  return answer;
}

}  // namespace

Book::Book(Checks checks, const BookOptions& options) : state_(options), checks_(std::move(checks)) {}

void Book::apply(const EntryView& entry, Result& result) {
  TERCET_CHECK(entry.seq == next(state_.applied()), "book: entries come one after another");
  state_.begin(entry.seq, entry.cell, entry.wall);
  purge(state_, entry.kind == EntryKind::op);
  if (entry.kind == EntryKind::op) {
    OpView op;
    const bool good = read_op(entry.op, op);
    expire(state_, good ? &op : nullptr);
    put(result, good ? apply_op(op) : denial(Code::bad_request));
    return;
  }
  EntryResult out{};
  out.expired = expire(state_, nullptr);
  Code code = Code::granted;
  if (entry.kind == EntryKind::genesis) {
    Cell cell;
    if (state_.cell().started != 0) {
      code = Code::repeated;
    } else if (!read_genesis(entry.op, cell)) {
      code = Code::malformed;
    } else {
      state_.set_cell(cell);
    }
  } else if (entry.kind == EntryKind::constituent_gone) {
    code = note_presence(state_, entry.op);
  } else if (entry.kind != EntryKind::tick && entry.kind != EntryKind::epoch_start &&
             entry.kind != EntryKind::rejoin && entry.kind != EntryKind::checkpoint &&
             entry.kind != EntryKind::usable) {
    code = Code::bad_request;
  }
  out.code = static_cast<uint8_t>(code);
  put(result, out);
}

OpResult Book::apply_op(const OpView& op) {
  const Standpoint at = find(state_, op.handle);
  if (at.lease != kNone) {
    const Lease& lease = state_.leases()[at.lease];
    if (op.request <= lease.last.request && !planted(Mutant::duplicate_answered_twice)) {
      return repeat(last_answer(lease, state_.licenses().tmr_id(lease.license)),
                    op.request < lease.last.request);
    }
  } else if (at.tombstone != kNone) {
    const Tombstone& tombstone = state_.tombstones()[at.tombstone];
    if (op.request <= tombstone.request && !planted(Mutant::duplicate_answered_twice)) {
      return repeat(tombstone.answer, op.request < tombstone.request);
    }
  }
  const bool late = state_.now_ms() - op.sent.ms > kSentAgeMax.ms() ||
                    (op.kind == OpKind::checkout && op.sent.ms < state_.forgotten_ms());
  if (late) {
    return denial(Code::stale);
  }
  const bool early = op.sent.ms - state_.now_ms() > kSentAheadMax.ms();
  if (early) {
    return deny(state_, op, at, denial(Code::stale));
  }
  switch (op.kind) {
    case OpKind::checkout:
      return at.lease == kNone && at.tombstone == kNone ? checkout(state_, op)
                                                        : deny(state_, op, at, denial(Code::stale));
    case OpKind::renew:
      return at.lease != kNone ? renew(state_, op, at.lease) : deny(state_, op, at, no_lease(state_, at));
    case OpKind::release:
      return at.lease != kNone ? release(state_, op, at.lease) : deny(state_, op, at, no_lease(state_, at));
    case OpKind::consume:
      return at.lease != kNone ? consume(state_, op, at.lease) : deny(state_, op, at, no_lease(state_, at));
    case OpKind::import_constituent:
      return at.lease == kNone ? import_constituent(state_, op, checks_.constituent)
                               : deny(state_, op, at, denial(Code::stale));
    case OpKind::import_notice:
      return at.lease == kNone ? import_notice(state_, op, checks_.notice)
                               : deny(state_, op, at, denial(Code::stale));
    default:
      return denial(Code::bad_request);  // parse_op knows no other
  }
}

void Book::capture(ImageWriter& image) { image.begin(state_); }

size_t Book::read(Bytes query, MutBytes out) const { return write_page(state_, query, out); }

bool Book::more_due() const {
  const uint32_t first = state_.leases().earliest();
  return first != kNone && state_.leases().is_over(first, static_cast<uint64_t>(state_.now_ms()));
}

}  // namespace tercet::license
