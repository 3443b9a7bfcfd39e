#include "quorum/window.h"

#include <algorithm>

#include "base/prefetch.h"
#include "quorum/chain.h"

namespace tercet::quorum {

Window::Window(size_t entries, size_t undecided)
    : entries_(entries), mask_(entries - 1), undecided_max_(undecided), arena_(entries * 256 + 4 * kOpMax) {
  TERCET_CHECK((entries & mask_) == 0 && undecided * 2 <= entries,
               "a window of a power of two, half of it undecided");
}

void Window::restart(Seq first, const Hash128& l_before) {
  oldest_ = next_ = first;
  answered_ = previous(first);
  l_before_oldest_ = l_before;
  arena_head_ = 0;
}

void Window::drop_oldest() {
  l_before_oldest_ = at(oldest_).l;
  oldest_ = tercet::next(oldest_);
}

/// Drops answered entries from the front until `bytes` fit at arena_head_ without touching one that stays.
bool Window::make_room(size_t bytes) {
  while (true) {
    if (oldest_ == next_) {
      arena_head_ = 0;
      return true;
    }
    const size_t tail = at(oldest_).op_offset;
    // Used is [tail, head) or, wrapped, [tail, end) + [0, head). Equal never means empty here: entries exist.
    if (arena_head_ > tail) {
      if (arena_.size() - arena_head_ >= bytes) {
        return true;
      }
      if (tail > bytes) {
        arena_head_ = 0;
        return true;
      }
    } else if (tail - arena_head_ > bytes) {
      return true;
    }
    if (oldest_ > answered_) {
      return false;
    }
    drop_oldest();
  }
}

/// What soon will be written. Two streams, one with gaps: the hardware follows them in some builds and not in
/// others, which was 30 ns of an operation.
void Window::prefetch_ahead() {
  constexpr uint64_t kEntriesAhead = 8;
  constexpr size_t kBytesAhead = 512;
  constexpr size_t kLine = 64;
  const auto* entry = reinterpret_cast<const uint8_t*>(&at(Seq{next_.value + kEntriesAhead}));
  for (size_t line = 0; line < sizeof(Entry); line += kLine) {
    prefetch_to_write(entry + line);
  }
  prefetch_to_write(&arena_[std::min(arena_head_ + kBytesAhead, arena_.size() - 1)]);
}

bool Window::push(const EntryView& entry, Tag tag) {
  TERCET_CHECK(entry.seq == next_, "I1: entries are ordered one after the other");
  if (room() == 0) {
    return false;
  }
  if (distance(oldest_, next_) == entries_.size()) {
    if (oldest_ > answered_) {
      return false;
    }
    drop_oldest();
  }
  // An operation takes at least one byte of the arena, so that head == tail is never ambiguous.
  const size_t bytes = entry.op.size() + 1;
  if (!make_room(bytes)) {
    return false;
  }
  const Hash128 before = l_at(previous(next_));
  Entry& slot = at(next_);
  slot.kind = entry.kind;
  slot.op_size = static_cast<uint16_t>(entry.op.size());
  slot.op_offset = static_cast<uint32_t>(arena_head_);
  slot.epoch = entry.epoch;
  slot.cell = entry.cell;
  slot.wall = entry.wall;
  slot.l = next_l(before, entry);
  slot.tag = tag;
  slot.sent_at = {};
  slot.tally.clear();
  if (!entry.op.empty()) {
    std::memcpy(arena_.data() + arena_head_, entry.op.data(), entry.op.size());
  }
  arena_head_ += bytes;
  next_ = tercet::next(next_);
  prefetch_ahead();
  return true;
}

size_t Window::room() const {
  const uint64_t undecided = distance(answered_, next_) - 1;
  return undecided >= undecided_max_ ? 0 : undecided_max_ - undecided;
}

Hash128 Window::l_at(Seq seq) const {
  if (tercet::next(seq) == oldest_) {
    return l_before_oldest_;
  }
  TERCET_CHECK(has(seq), "an entry that is in the window");
  return at(seq).l;
}

EntryView Window::view(Seq seq) const {
  TERCET_CHECK(has(seq), "an entry that is in the window");
  const Entry& e = at(seq);
  return {seq, e.epoch, e.cell, e.wall, e.kind, {arena_.data() + e.op_offset, e.op_size}};
}

}  // namespace tercet::quorum
