#include "license/undo.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"

namespace tercet::license {

UndoLog::UndoLog(const BookOptions& options)
    : marks_(std::bit_ceil(std::max(options.undo_entries, 1U))),
      bytes_(std::bit_ceil(std::max(options.undo_bytes, 4096U))) {}

void UndoLog::begin(const Standing& before) {
  if (end_ - first_ == marks_.size()) {
    ++first_;
  }
  mark(end_++) = {before, bytes_end_};
}

void UndoLog::append(Change change, uint32_t number, const uint8_t* image, uint32_t size) {
  const uint64_t needed = size + sizeof(Trailer);
  while (!empty() && bytes_end_ + needed - mark(first_).bytes_from > bytes_.size()) {
    ++first_;  // the oldest entry can no longer be taken back; at worst the newest, if it alone is too large
  }
  if (empty()) {
    return;
  }
  copy_in(bytes_end_, image, size);
  const Trailer trailer{change, number, size, 0};
  copy_in(bytes_end_ + size, reinterpret_cast<const uint8_t*>(&trailer), sizeof trailer);
  bytes_end_ += needed;
}

bool UndoLog::take(Noted& out) {
  TERCET_CHECK(!empty(), "undo: nothing to take back");
  if (bytes_end_ == mark(end_ - 1).bytes_from) {
    return false;
  }
  Trailer trailer;
  copy_out(bytes_end_ - sizeof trailer, reinterpret_cast<uint8_t*>(&trailer), sizeof trailer);
  bytes_end_ -= sizeof trailer + trailer.size;
  out = {trailer.change, trailer.number};
  return true;
}

Standing UndoLog::finish() { return mark(--end_).before; }

void UndoLog::settle(uint64_t seq) {
  while (!empty() && mark(first_).before.seq < seq) {
    ++first_;
  }
}

void UndoLog::copy_in(uint64_t at, const uint8_t* from, size_t size) {
  if (size == 0) {
    return;
  }
  const size_t place = at & (bytes_.size() - 1);
  const size_t head = std::min(size, bytes_.size() - place);
  std::memcpy(&bytes_[place], from, head);
  if (size > head) {
    std::memcpy(&bytes_[0], from + head, size - head);
  }
}

void UndoLog::copy_out(uint64_t at, uint8_t* to, size_t size) const {
  const size_t place = at & (bytes_.size() - 1);
  const size_t head = std::min(size, bytes_.size() - place);
  std::memcpy(to, &bytes_[place], head);
  if (size > head) {
    std::memcpy(to + head, &bytes_[0], size - head);
  }
}

}  // namespace tercet::license
