#pragma once
// Chunked: an array that grows at its end and goes at both: items keep their index for ever, and the room of
// what went is used again, so that an array which is dropped at the front as fast as it grows stays as small
// as what it holds. Without the allocator: chunks come from reserved address space. What is appended in one
// piece stands in one piece.
//
//      gone │ chunk │ chunk │ chunk │ free
//           └ first()            └ end()

#include <bit>
#include <span>
#include <vector>

#include "base/region.h"

namespace tercet {

template <class T, size_t kPerChunk>
class Chunked {
  static_assert(std::has_single_bit(kPerChunk));

 public:
  /// For at most `capacity` items at once.
  explicit Chunked(size_t capacity)
      : chunks_(capacity / kPerChunk + 2), order_(std::bit_ceil(capacity / kPerChunk + 2)) {
    free_.reserve(capacity / kPerChunk + 2);
  }

  [[nodiscard]] uint64_t first() const { return first_; }
  [[nodiscard]] uint64_t end() const { return end_; }
  /// Whether `n` items more (≤ kPerChunk) have room.
  [[nodiscard]] bool has_room(size_t n) const {
    return left_in_chunk() >= n || !free_.empty() || chunks_.room() > 0;
  }
  T& operator[](uint64_t i) { return chunks_[order_[chunk_of(i)]].items[i % kPerChunk]; }
  const T& operator[](uint64_t i) const { return chunks_[order_[chunk_of(i)]].items[i % kPerChunk]; }

  void push_back(const T& item) { append({&item, 1}); }
  /// Appends ≤ kPerChunk items in one piece; the index of the first. What does not fit the last chunk begins
  /// the next.
  uint64_t append(std::span<const T> items) {
    TERCET_CHECK(items.size() <= kPerChunk && has_room(items.size()), "Chunked is full");
    if (left_in_chunk() < items.size()) {
      end_ = (end_ + kPerChunk - 1) / kPerChunk * kPerChunk;
      order_[chunk_of(end_)] = take();
    }
    const uint64_t at = end_;
    if (!items.empty()) {
      std::memcpy(static_cast<void*>(&(*this)[at]), items.data(), items.size() * sizeof(T));
    }
    end_ += items.size();
    return at;
  }
  /// Items from `end` on go.
  void cut(uint64_t end) {
    TERCET_CHECK(end >= first_ && end <= end_, "Chunked: cut outside");
    give_back((end + kPerChunk - 1) / kPerChunk, (end_ + kPerChunk - 1) / kPerChunk);
    end_ = end;
    first_ = first_ < end ? first_ : end;
  }
  /// Items before `first` go.
  void drop_front(uint64_t first) {
    TERCET_CHECK(first >= first_ && first <= end_, "Chunked: dropped outside");
    give_back(first_ / kPerChunk, first / kPerChunk);
    first_ = first;
  }
  /// All go; the next item gets index `first`.
  void restart(uint64_t first) {
    cut(first_);
    if (first_ % kPerChunk != 0) {
      free_.push_back(order_[chunk_of(first_)]);
    }
    first_ = end_ = first;
    if (first % kPerChunk != 0) {
      order_[chunk_of(first)] = take();
    }
  }

 private:
  struct Chunk {
    T items[kPerChunk];
  };
  static_assert(std::is_trivially_copyable_v<T>);
  [[nodiscard]] size_t chunk_of(uint64_t i) const { return i / kPerChunk & (order_.size() - 1); }
  [[nodiscard]] size_t left_in_chunk() const { return (kPerChunk - end_ % kPerChunk) % kPerChunk; }
  uint32_t take() {
    if (!free_.empty()) {
      const uint32_t chunk = free_.back();
      free_.pop_back();
      return chunk;
    }
    chunks_.grow();
    return static_cast<uint32_t>(chunks_.size() - 1);
  }
  /// Chunks [from, to), counted from index 0.
  void give_back(uint64_t from, uint64_t to) {
    for (; from < to; ++from) {
      free_.push_back(order_[from & (order_.size() - 1)]);
    }
  }

  Region<Chunk> chunks_;
  std::vector<uint32_t> order_;  ///< which chunk holds the n-th kPerChunk items, modulo its size
  std::vector<uint32_t> free_;
  uint64_t first_ = 0;
  uint64_t end_ = 0;
};

}  // namespace tercet
