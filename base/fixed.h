#pragma once
// A vector with its storage inside: no allocation, a bound that is part of its type. Trivially copyable when T is.

#include <array>
#include <cstddef>
#include <initializer_list>

#include "base/check.h"

namespace tercet {

template <class T, size_t kCapacity>
class FixedVector {
 public:
  FixedVector() = default;
  FixedVector(std::initializer_list<T> items) {
    for (const T& item : items) {
      push_back(item);
    }
  }
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] bool full() const { return size_ == kCapacity; }
  static constexpr size_t capacity() { return kCapacity; }
  void clear() { size_ = 0; }
  void push_back(const T& item) {
    TERCET_CHECK(size_ < kCapacity, "FixedVector overflow");
    items_[size_++] = item;
  }
  /// One more, to be written field by field where it is; it holds what was there before. (push_back() of
  /// several small fields copies them in large pieces, and a load that wants two stores under way waits for
  /// both.)
  T& add() {
    TERCET_CHECK(size_ < kCapacity, "FixedVector overflow");
    return items_[size_++];
  }
  /// False, and nothing changed, when full.
  [[nodiscard]] bool try_push(const T& item) {
    if (full()) {
      return false;
    }
    items_[size_++] = item;
    return true;
  }
  void pop_back() {
    TERCET_CHECK(size_ > 0, "FixedVector underflow");
    --size_;
  }
  void resize(size_t n) {
    TERCET_CHECK(n <= kCapacity, "FixedVector overflow");
    size_ = n;
  }
  T& operator[](size_t i) { return items_[i]; }
  const T& operator[](size_t i) const { return items_[i]; }
  T& back() { return items_[size_ - 1]; }
  T* begin() { return items_.data(); }
  T* end() { return items_.data() + size_; }
  const T* begin() const { return items_.data(); }
  const T* end() const { return items_.data() + size_; }
  T* data() { return items_.data(); }
  const T* data() const { return items_.data(); }

 private:
  size_t size_ = 0;
  std::array<T, kCapacity> items_{};
};

}  // namespace tercet
