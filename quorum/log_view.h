#pragma once
// The acceptor's picture of its log: every entry with L, S and when it became durable. In memory, so that a
// peer that lags can be served and a book that is built anew reads from here. It begins behind its base: seq
// 0, or a checkpoint, from which the book is built.

#include <vector>

#include "base/chunked.h"
#include "quorum/members.h"
#include "wire/record.h"

namespace tercet::quorum {

class LogView {
 public:
  struct Options {
    size_t entries_max = 64U << 20U;  ///< address space, not memory: pages come as they are touched
    size_t bytes_max = size_t{16} << 30U;
  };
  /// What stands before the first entry that is here.
  struct Base {
    Seq seq;
    Epoch epoch;  ///< of the entry at `seq` …
    Hash128 l;
    Hash128 s;
    CellTime cell;
    WallTime wall;
    Members members;
  };
  explicit LogView(const Options& options)
      : options_(options), slots_(options.entries_max), bytes_(options.bytes_max) {}

  [[nodiscard]] const Base& base() const { return base_; }
  [[nodiscard]] Seq last() const { return Seq{slots_.end()}; }
  /// Not even a checkpoint: this log never had an entry.
  [[nodiscard]] bool empty() const { return last().value == 0; }
  [[nodiscard]] bool has(Seq seq) const { return seq > base_.seq && seq <= last(); }
  /// L(seq), of an entry that is here or of the base; zero for seq 0.
  [[nodiscard]] Hash128 l_at(Seq seq) const { return seq == base_.seq ? base_.l : slot(seq).l; }
  [[nodiscard]] Hash128 s_at(Seq seq) const { return seq == base_.seq ? base_.s : slot(seq).s; }
  [[nodiscard]] Lsn lsn_at(Seq seq) const { return slot(seq).lsn; }
  [[nodiscard]] Epoch epoch_at(Seq seq) const { return seq == base_.seq ? base_.epoch : slot(seq).epoch; }
  [[nodiscard]] CellTime cell_at(Seq seq) const { return seq == base_.seq ? base_.cell : slot(seq).cell; }
  [[nodiscard]] WallTime wall_at(Seq seq) const { return seq == base_.seq ? base_.wall : slot(seq).wall; }
  /// True if this log holds exactly the entries up to `seq` that hash to `l`, as far as it can tell: what is
  /// below its base it cannot.
  [[nodiscard]] bool matches(Seq seq, const Hash128& l) const {
    return seq >= base_.seq && seq <= last() && l_at(seq) == l;
  }
  /// The entry, its operation borrowed until the log is cut or appended to.
  [[nodiscard]] EntryView entry(Seq seq) const;
  [[nodiscard]] const Members& members() const {
    return members_.empty() ? base_.members : members_.back().table;
  }
  /// As of that entry, which is here or the base.
  [[nodiscard]] Members members_at(Seq seq) const;
  [[nodiscard]] bool full(size_t op_size) const {
    return slots_.end() - slots_.first() >= options_.entries_max || !slots_.has_room(1) ||
           bytes_.end() - bytes_.first() + op_size > options_.bytes_max || !bytes_.has_room(op_size);
  }

  /// `entry.seq` is last() + 1.
  void append(const EntryView& entry, const Hash128& l, Lsn lsn);
  void set_s(Seq seq, const Hash128& s) { (seq == base_.seq ? base_.s : slots_[index_of(seq)].s) = s; }
  /// Drops `first` and all later entries.
  void cut(Seq first);
  /// Entries up to `seq` go: the base stands there. They are applied, so their S is known.
  void drop_through(Seq seq);
  /// All go, and the log begins behind `base`.
  void restart(const Base& base);

 private:
  struct Slot {
    Hash128 l;
    Hash128 s;
    uint64_t offset = 0;
    Epoch epoch;
    CellTime cell;
    WallTime wall;
    Lsn lsn;
    uint16_t size = 0;
    EntryKind kind = EntryKind::op;
  };
  struct MembersAt {
    Seq seq;
    Members table;
  };
  [[nodiscard]] static uint64_t index_of(Seq seq) { return seq.value - 1; }
  [[nodiscard]] const Slot& slot(Seq seq) const {
    TERCET_CHECK(has(seq), "an entry that is in the log");
    return slots_[index_of(seq)];
  }
  Options options_;
  Base base_;
  Chunked<Slot, 1024> slots_;  ///< by seq − 1
  Chunked<uint8_t, 65536> bytes_;
  std::vector<MembersAt> members_;  ///< one per entry that names members: a handful in a cell's life
};

}  // namespace tercet::quorum
