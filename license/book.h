#pragma once
// The license book: a deterministic state machine. The same entries in the same order give the same state,
// results and digest on every machine. Total: an entry that breaks a rule gets a denial and changes nothing
// (but what is remembered of its handle). It reads no clock, no configuration and no randomness; one thread;
// after construction it never allocates, but for an import's check.
//
// Invariants, checked in every build: I3 no grant raises the seats in use above the quantity · I7 no grant
// with fewer than two constituents present · I8 cell time never goes back.
//
// What becomes of an operation (DESIGN §2 "Idempotence"), in this order:
//   form       no operation, or a lease that is neither 0 nor within 1 s..24 h: BAD_REQUEST, nothing is
//              remembered
//   expiry     what is over ends first (expire.cc)
//   repeat     the handle is known and the request number is not above its last: the last answer, the same
//              bytes; flag kLaterAnswer if the number is below its last
//   too late   sent more than kSentAgeMax ago, or a checkout from before what had to be forgotten: STALE,
//              nothing is remembered: it can only become staler
//   too early  sent more than kSentAheadMax ahead: STALE, remembered, as a later copy would pass
//   done with  the handle has a tombstone: a checkout is STALE (a handle is used once), renew, release and
//              consume are UNKNOWN_HANDLE, or REVOKED where its lease ended so
//   held       the handle has a lease: a second checkout, or an import, is STALE
//   new        renew, release and consume are UNKNOWN_HANDLE
//   the rule   checkout.cc, renew.cc, release.cc, consume.cc, import.cc

#include "base/fixed.h"
#include "base/hash.h"
#include "license/constituents.h"
#include "license/limits.h"
#include "license/state.h"
#include "wire/entry.h"
#include "wire/limits.h"

namespace tercet::license {

/// The result of one entry, by value: OpResult (wire/op.h) for an operation, else EntryResult.
using Result = FixedVector<uint8_t, kResultMax>;

/// Of an entry that is no operation.
struct EntryResult {
  Le32 expired;  ///< leases that the entry ended
  uint8_t code;  ///< granted; malformed; genesis: repeated for a second one; bad_request for a kind not known
  uint8_t reserved[3];
};
static_assert(sizeof(EntryResult) == 8);

class Book {
 public:
  explicit Book(Checks checks, const BookOptions& options = {});

  /// Applies the next entry (seq = last applied + 1), and writes its result. Keeps what undo() needs until
  /// settle().
  void apply(const EntryView& entry, Result& result);
  /// Takes back the last applied entry, exactly. False, and nothing changed, if its record is gone.
  bool undo() { return state_.undo(); }
  /// Entries up to `through` are decided: their undo records may go.
  void settle(Seq through) { state_.settle(through); }
  /// Back to before the first entry.
  void reset() { state_.clear(); }
  /// Of the whole state; O(1).
  [[nodiscard]] Hash128 digest() const { return state_.digest(); }
  /// The same, from every object anew: what the incremental one must be. O(n).
  [[nodiscard]] Hash128 recomputed_digest() const { return state_.recomputed_digest(); }
  /// Answers a read (a whole operation) at the present state: a page (wire/listing.h) of ≤ kReadAnswerMax
  /// bytes. Returns its size; `out` has room for kReadAnswerMax.
  size_t read(Bytes query, MutBytes out) const;

  /// Leases exist: an idle LB ticks.
  [[nodiscard]] bool leases_live() const { return state_.leases().size() > 0; }
  /// A lease is over that the last entry did not end.
  [[nodiscard]] bool more_due() const;
  [[nodiscard]] Seq applied() const { return state_.applied(); }
  /// Touches the memory of `leases` leases ahead, so that no page fault meets them later.
  void reserve(uint32_t leases) { state_.prefault(leases); }
  /// For lists, checks and status; every fact of the book.
  [[nodiscard]] const State& state() const { return state_; }
  /// Captures the book as it is now (image_writer.h); `image` is done with, or gone, before the book is.
  void capture(ImageWriter& image);
  /// To be built from an image (image_reader.h).
  [[nodiscard]] State& to_load() { return state_; }

 private:
  OpResult apply_op(const OpView& op);

  State state_;
  Checks checks_;
};

}  // namespace tercet::license
