#include "quorum/log_view.h"

#include <algorithm>

namespace tercet::quorum {

EntryView LogView::entry(Seq seq) const {
  const Slot& s = slot(seq);
  return {seq, s.epoch, s.cell, s.wall, s.kind, {s.size == 0 ? nullptr : &bytes_[s.offset], s.size}};
}

void LogView::append(const EntryView& entry, const Hash128& l, Lsn lsn) {
  TERCET_CHECK(entry.seq == next(last()), "I1: entries are appended in order");
  const uint64_t offset = bytes_.append({entry.op.data(), entry.op.size()});
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
  bytes_.cut(slot(first).offset);
  slots_.cut(index_of(first));
  while (!members_.empty() && members_.back().seq >= first) {
    members_.pop_back();
  }
}

Members LogView::members_at(Seq seq) const {
  const auto later = std::ranges::find_if(members_, [seq](const MembersAt& at) { return at.seq > seq; });
  return later == members_.begin() ? base_.members : std::prev(later)->table;
}

void LogView::drop_through(Seq seq) {
  if (!has(seq)) {
    return;
  }
  const Members table = members_at(seq);
  std::erase_if(members_, [seq](const MembersAt& at) { return at.seq <= seq; });
  const Slot& s = slot(seq);
  base_ = {seq, s.epoch, s.l, s.s, s.cell, s.wall, table};
  bytes_.drop_front(s.offset + s.size);
  slots_.drop_front(index_of(seq) + 1);
}

void LogView::restart(const Base& base) {
  base_ = base;
  members_.clear();
  slots_.restart(base.seq.value);
  bytes_.restart(0);
}

}  // namespace tercet::quorum
