#pragma once
// Which indexes are in use. The lowest free one is always taken next: a function of the set and not of its
// history, so that an index is a fact of the book which every path to the same state agrees on. Bits in a
// tree of 64-bit words, where a word above says which words below are full: four steps for 16 million.

#include <array>
#include <bit>
#include <cstring>

#include "base/check.h"
#include "base/zeroed.h"
#include "license/limits.h"

namespace tercet::license {

class IndexSet {
 public:
  explicit IndexSet(uint32_t capacity) : capacity_(capacity), words_(words_for(capacity)) {
    size_t level_words = capacity;
    size_t at = 0;
    do {
      level_words = (level_words + 63) / 64;
      TERCET_CHECK(levels_ < kLevelsMax, "index set: too many levels");
      from_[levels_++] = at;
      at += level_words;
    } while (level_words > 1);
  }

  [[nodiscard]] uint32_t size() const { return size_; }
  [[nodiscard]] uint32_t capacity() const { return capacity_; }
  [[nodiscard]] bool full() const { return size_ == capacity_; }
  [[nodiscard]] bool has(uint32_t i) const {
    return i < capacity_ && ((words_[i / 64] >> (i % 64)) & 1U) != 0;
  }
  /// The index that is taken next. Only while not full().
  [[nodiscard]] uint32_t lowest_free() const {
    size_t at = 0;
    for (unsigned level = levels_; level-- > 0;) {
      at = at * 64 + static_cast<unsigned>(std::countr_one(words_[from_[level] + at]));
    }
    return static_cast<uint32_t>(at);
  }
  void take(uint32_t i) {
    TERCET_CHECK(i < capacity_ && !has(i), "index set: taken twice");
    ++size_;
    size_t at = i;
    for (unsigned level = 0; level < levels_; ++level, at /= 64) {
      uint64_t& word = words_[from_[level] + at / 64];
      word |= uint64_t{1} << (at % 64);
      if (word != UINT64_MAX) {
        break;
      }
    }
  }
  void give(uint32_t i) {
    TERCET_CHECK(has(i), "index set: given back twice");
    --size_;
    size_t at = i;
    for (unsigned level = 0; level < levels_; ++level, at /= 64) {
      uint64_t& word = words_[from_[level] + at / 64];
      const bool was_full = word == UINT64_MAX;
      word &= ~(uint64_t{1} << (at % 64));
      if (!was_full) {
        break;
      }
    }
  }
  /// The lowest index in use that is ≥ `from`, or kNone.
  [[nodiscard]] uint32_t next_used(uint32_t from) const {
    for (size_t word = from / 64; word < (size_t{capacity_} + 63) / 64; ++word) {
      uint64_t bits = words_[word];
      if (word == from / 64) {
        bits &= UINT64_MAX << (from % 64);
      }
      if (bits != 0) {
        return static_cast<uint32_t>(word * 64 + static_cast<unsigned>(std::countr_zero(bits)));
      }
    }
    return kNone;
  }
  /// A bit each, from the first word of `out` on, which has as many words as they take.
  void copy_to(Zeroed<uint64_t>& out) const {
    std::memcpy(&out[0], &words_[0], (size_t{capacity_} + 63) / 64 * sizeof(uint64_t));
  }
  void clear() {
    words_.clear();
    size_ = 0;
  }

 private:
  static constexpr unsigned kLevelsMax = 5;
  static size_t words_for(size_t items) {
    size_t words = 0;
    do {
      items = (items + 63) / 64;
      words += items;
    } while (items > 1);
    return words;
  }

  uint32_t capacity_;
  uint32_t size_ = 0;
  unsigned levels_ = 0;
  std::array<size_t, kLevelsMax> from_{};  ///< where each level's words begin
  Zeroed<uint64_t> words_;
};

}  // namespace tercet::license
