#pragma once
// The acceptor's picture of its log: every entry with L, S and when it became durable. In memory, so that a
// peer that lags can be served and a restart replays from here. (Checkpoints, a later issue, cut it at the
// front.)

#include <vector>

#include "base/region.h"
#include "quorum/members.h"
#include "wire/record.h"

namespace tercet::quorum {

class LogView {
 public:
  struct Options {
    size_t entries_max = 64U << 20U;  ///< address space, not memory: pages come as they are touched
    size_t bytes_max = size_t{16} << 30U;
  };
  explicit LogView(const Options& options) : slots_(options.entries_max), bytes_(options.bytes_max) {}

  [[nodiscard]] Seq last() const { return Seq{slots_.size()}; }
  [[nodiscard]] bool empty() const { return slots_.empty(); }
  [[nodiscard]] bool has(Seq seq) const { return seq.value >= 1 && seq.value <= slots_.size(); }
  /// L(seq); zero for seq 0. `seq` ≤ last().
  [[nodiscard]] Hash128 l_at(Seq seq) const { return seq.value == 0 ? Hash128{} : slot(seq).l; }
  [[nodiscard]] Hash128 s_at(Seq seq) const { return seq.value == 0 ? Hash128{} : slot(seq).s; }
  [[nodiscard]] Lsn lsn_at(Seq seq) const { return slot(seq).lsn; }
  [[nodiscard]] Epoch epoch_at(Seq seq) const { return seq.value == 0 ? Epoch{} : slot(seq).epoch; }
  /// True if this log holds exactly the entries up to `seq` that hash to `l`.
  [[nodiscard]] bool matches(Seq seq, const Hash128& l) const { return seq <= last() && l_at(seq) == l; }
  /// The entry, its operation borrowed until the log is cut or appended to.
  [[nodiscard]] EntryView entry(Seq seq) const;
  [[nodiscard]] const Members& members() const { return members_.empty() ? kNobody : members_.back().table; }
  [[nodiscard]] bool full(size_t op_size) const { return slots_.room() == 0 || bytes_.room() < op_size; }

  /// `entry.seq` is last() + 1.
  void append(const EntryView& entry, const Hash128& l, Lsn lsn);
  void set_s(Seq seq, const Hash128& s) { slots_[seq.value - 1].s = s; }
  /// Drops `first` and all later entries.
  void cut(Seq first);

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
  static const Members kNobody;
  [[nodiscard]] const Slot& slot(Seq seq) const {
    TERCET_CHECK(has(seq), "an entry that is in the log");
    return slots_[seq.value - 1];
  }
  Region<Slot> slots_;
  Region<uint8_t> bytes_;
  std::vector<MembersAt> members_;  ///< one per entry that names members: a handful in a cell's life
};

}  // namespace tercet::quorum
