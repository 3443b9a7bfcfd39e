#include "quorum/log_view.h"

namespace tercet::quorum {

const Members LogView::kNobody{};

EntryView LogView::entry(Seq seq) const {
  const Slot& s = slot(seq);
  return {seq, s.epoch, s.cell, s.wall, s.kind, {bytes_.data() + s.offset, s.size}};
}

void LogView::append(const EntryView& entry, const Hash128& l, Lsn lsn) {
  TERCET_CHECK(entry.seq == next(last()), "I1: entries are appended in order");
  const size_t offset = bytes_.size();
  bytes_.append(entry.op.data(), entry.op.size());
  slots_.push_back({l,
                    {},
                    offset,
                    entry.epoch,
                    entry.cell,
                    entry.wall,
                    lsn,
                    static_cast<uint16_t>(entry.op.size()),
                    entry.kind});
  Members table = members();
  note_members(table, entry);
  if (table != members()) {
    members_.push_back({entry.seq, table});
  }
}

void LogView::cut(Seq first) {
  if (!has(first)) {
    return;
  }
  bytes_.resize_down(slot(first).offset);
  slots_.resize_down(first.value - 1);
  while (!members_.empty() && members_.back().seq >= first) {
    members_.pop_back();
  }
}

}  // namespace tercet::quorum
