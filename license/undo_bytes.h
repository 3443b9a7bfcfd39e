#pragma once
// The bytes of undo records: appended at one end, forgotten at the other, and taken back from where they were
// appended. In chunks of a pool, of which the one given back last is taken first: so what is ever touched is
// what undecided entries take, not all that they may take, and it stays in the processor's cache.

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/zeroed.h"

namespace tercet::license {

class UndoBytes {
 public:
  static constexpr size_t kChunk = 16U << 10U;

  /// At most `capacity` bytes are between what is forgotten and the end.
  explicit UndoBytes(size_t capacity)
      : capacity_(capacity),
        chunks_(capacity / kChunk + 2),
        numbers_(chunks_.size()),
        free_(chunks_.size()) {}

  [[nodiscard]] size_t capacity() const { return capacity_; }
  [[nodiscard]] uint64_t end() const { return end_; }
  /// Chunks that were ever touched.
  [[nodiscard]] size_t touched() const { return fresh_; }

  void append(const uint8_t* from, size_t size) {
    while (size != 0) {
      if (end_ == high_ * kChunk) {
        number(high_++) = take();
      }
      const size_t at = end_ % kChunk;
      const size_t part = std::min(size, kChunk - at);
      std::memcpy(&chunks_[number(end_ / kChunk)].bytes[at], from, part);
      from += part;
      size -= part;
      end_ += part;
    }
  }
  /// Of what was appended and neither forgotten nor cut.
  void read(uint64_t at, uint8_t* to, size_t size) const {
    while (size != 0) {
      const size_t part = std::min(size, kChunk - at % kChunk);
      std::memcpy(to, &chunks_[number(at / kChunk)].bytes[at % kChunk], part);
      to += part;
      size -= part;
      at += part;
    }
  }
  /// The end is at `at` again.
  void cut(uint64_t at) {
    end_ = at;
    while (high_ > low_ && (high_ - 1) * kChunk >= end_) {
      free_[freed_++] = number(--high_);
    }
  }
  /// What is before `at` is not read any more.
  void forget(uint64_t at) {
    while (low_ < high_ && (low_ + 1) * kChunk <= at) {
      free_[freed_++] = number(low_++);
    }
  }

 private:
  struct Chunk {
    uint8_t bytes[kChunk];
  };
  uint32_t& number(uint64_t n) { return numbers_[n % numbers_.size()]; }
  [[nodiscard]] const uint32_t& number(uint64_t n) const { return numbers_[n % numbers_.size()]; }
  uint32_t take() {
    if (freed_ != 0) {
      return free_[--freed_];
    }
    TERCET_CHECK(fresh_ < chunks_.size(), "undo bytes: within their capacity");
    return fresh_++;
  }

  size_t capacity_;
  Zeroed<Chunk> chunks_;
  Zeroed<uint32_t> numbers_;  ///< of the chunks that are held, by place / kChunk
  Zeroed<uint32_t> free_;     ///< a stack
  uint32_t freed_ = 0;
  uint32_t fresh_ = 0;
  uint64_t low_ = 0;  ///< chunks low_ … high_ - 1 are held
  uint64_t high_ = 0;
  uint64_t end_ = 0;
};

}  // namespace tercet::license
