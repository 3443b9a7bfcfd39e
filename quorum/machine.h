#pragma once
// What entries drive: the license book, behind the few calls that the acceptor needs. Deterministic: the same
// entries in the same order give the same results and digests on every machine. Total: nothing in an entry
// makes it fail.

#include "base/fixed.h"
#include "base/hash.h"
#include "wire/entry.h"
#include "wire/limits.h"
#include "wire/vote.h"

namespace tercet::quorum {

/// The result of one entry, by value: a few of them cross borders, none is large.
using Result = FixedVector<uint8_t, kResultMax>;

class Machine {
 public:
  Machine() = default;
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  virtual ~Machine() = default;

  /// Applies the next entry (seq = last applied + 1) and writes its result. Keeps what undo() needs until
  /// settle().
  virtual void apply(const EntryView& entry, Result& result) = 0;
  /// Takes back the last applied entry. False, and nothing changed, if its undo record is gone (settled or
  /// too many): then the acceptor resets and replays.
  virtual bool undo() = 0;
  /// Entries up to `through` are decided: their undo records may go.
  virtual void settle(Seq through) = 0;
  /// Back to before the first entry.
  virtual void reset() = 0;
  /// Incremental digest of the whole state; O(1).
  [[nodiscard]] virtual Hash128 digest() const = 0;
  /// Answers a read (wire/op.h, the whole operation) at the present state; writes ≤ kReadAnswerMax bytes,
  /// returns the size.
  virtual size_t read(Bytes query, MutBytes out) const = 0;
  /// Begins to capture the state as it is now, if it can do that; whoever owns the machine has the rest done.
  virtual void capture() {}
  /// From an image, whose bytes come in pieces. False: it is none; then the machine is of use only after
  /// reset() or another load.
  virtual void begin_load() {}
  virtual bool load(Bytes) { return false; }
  virtual bool end_load() { return false; }
  /// For the LB: leases exist (tick while idle); more expiries are due than one entry may do.
  [[nodiscard]] virtual bool leases_live() const = 0;
  [[nodiscard]] virtual bool more_due() const = 0;
  /// For the LB: bits of the slots whose constituents are absent; what is known of the container that the
  /// backend of `slot` introduces itself with (wire/introduction.h; empty: it has none).
  [[nodiscard]] virtual uint8_t absent() const = 0;
  [[nodiscard]] virtual ContainerState container(Slot slot, Bytes introduction) const = 0;
};

}  // namespace tercet::quorum
