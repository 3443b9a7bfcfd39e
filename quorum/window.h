#pragma once
// Window: the entries of this LB's epoch, from its EpochStart on: undecided ones with their ballots and
// clients, then for a while decided ones, for resends. Bounded: entries by its size, bytes by an arena; both
// allocated once.

#include "base/huge_vector.h"
#include "quorum/tally.h"
#include "wire/entry.h"

namespace tercet::quorum {

/// Finds the client of a query: an index into the caller's table, and its use.
struct Tag {
  uint32_t slot = UINT32_MAX;
  uint32_t generation = 0;
  constexpr bool operator==(const Tag&) const = default;
  [[nodiscard]] constexpr bool none() const { return slot == UINT32_MAX; }
};

class Window {
 public:
  struct Entry {
    EntryKind kind = EntryKind::op;
    uint16_t op_size = 0;
    uint32_t op_offset = 0;
    Epoch epoch;
    CellTime cell;
    WallTime wall;
    Hash128 l;
    Tag tag;
    MonoTime sent_at;
    Tally tally;
  };
  /// Holds `entries` (a power of two) of which at most `undecided` are undecided.
  Window(size_t entries, size_t undecided);

  /// Empties it: the next entry is `first`, behind a log that ends with `l_before`.
  void restart(Seq first, const Hash128& l_before);
  /// Adds the next entry; false when the window is full: nothing changed.
  bool push(const EntryView& entry, Tag tag);
  /// Undecided entries that could still be pushed now, if small.
  [[nodiscard]] size_t room() const;

  [[nodiscard]] Seq next() const { return next_; }
  /// Oldest entry that is still here.
  [[nodiscard]] Seq oldest() const { return oldest_; }
  [[nodiscard]] bool has(Seq seq) const { return seq >= oldest_ && seq < next_; }
  /// L(seq), for seq from oldest − 1 to next − 1.
  [[nodiscard]] Hash128 l_at(Seq seq) const;
  Entry& at(Seq seq) { return entries_[seq.value & mask_]; }
  [[nodiscard]] const Entry& at(Seq seq) const { return entries_[seq.value & mask_]; }
  [[nodiscard]] EntryView view(Seq seq) const;
  /// Entries up to `seq` are answered: they may be overwritten.
  void answered(Seq seq) { answered_ = seq; }

 private:
  [[nodiscard]] bool make_room(size_t bytes);
  void drop_oldest();
  void prefetch_ahead();

  HugeVector<Entry> entries_;
  size_t mask_;
  size_t undecided_max_;
  HugeVector<uint8_t> arena_;  ///< operations, first in, first out
  size_t arena_head_ = 0;      ///< where the next one goes
  Seq oldest_{1};
  Seq next_{1};
  Seq answered_{0};
  Hash128 l_before_oldest_;
};

}  // namespace tercet::quorum
