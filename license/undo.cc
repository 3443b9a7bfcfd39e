#include "license/undo.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace tercet::license {

UndoLog::UndoLog(const BookOptions& options)
    : marks_(std::bit_ceil(std::max(options.undo_entries, 1U))),
      bytes_(std::max(options.undo_bytes, 4096U)) {}

void UndoLog::begin(const Standing& before) {
  if (end_ - first_ == marks_.size()) {
    drop_oldest();
  }
  mark(end_++) = {before, bytes_.end()};
}

void UndoLog::append(Change change, uint32_t number, const uint8_t* image, uint32_t size) {
  const uint64_t needed = size + sizeof(Trailer);
  while (!empty() && bytes_.end() + needed - mark(first_).bytes_from > bytes_.capacity()) {
    drop_oldest();  // it can no longer be taken back; at worst the newest, if it alone is too large
  }
  if (empty()) {
    return;
  }
  bytes_.append(image, size);
  const Trailer trailer{change, number, size, 0};
  bytes_.append(reinterpret_cast<const uint8_t*>(&trailer), sizeof trailer);
}

bool UndoLog::take(Noted& out) {
  TERCET_CHECK(!empty(), "undo: nothing to take back");
  const uint64_t at = bytes_.end() - taken_;
  if (at == mark(end_ - 1).bytes_from) {
    return false;
  }
  Trailer trailer;
  bytes_.read(at - sizeof trailer, reinterpret_cast<uint8_t*>(&trailer), sizeof trailer);
  taken_ += sizeof trailer + trailer.size;
  out = {trailer.change, trailer.number};
  return true;
}

Standing UndoLog::finish() {
  const Mark& newest = mark(--end_);
  bytes_.cut(newest.bytes_from);
  taken_ = 0;
  return newest.before;
}

void UndoLog::settle(uint64_t seq) {
  while (!empty() && mark(first_).before.seq < seq) {
    drop_oldest();
  }
}

void UndoLog::drop_oldest() {
  ++first_;
  bytes_.forget(empty() ? bytes_.end() : mark(first_).bytes_from);
}

void UndoLog::clear() {
  first_ = end_;
  bytes_.forget(bytes_.end());
}

}  // namespace tercet::license
