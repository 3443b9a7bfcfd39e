#pragma once
// A bounded double-ended queue with its storage allocated once.

#include <cstddef>
#include <vector>

#include "base/check.h"

namespace tercet {

template <class T>
class Ring {
 public:
  explicit Ring(size_t capacity) : items_(capacity) {}
  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] bool full() const { return size_ == items_.size(); }
  /// A place at the back, holding whatever an earlier use left there: the caller overwrites it.
  T& push_back() {
    TERCET_CHECK(!full(), "Ring overflow");
    ++size_;
    return back();
  }
  void pop_front() {
    TERCET_CHECK(!empty(), "Ring underflow");
    head_ = (head_ + 1) % items_.size();
    --size_;
  }
  void pop_back() {
    TERCET_CHECK(!empty(), "Ring underflow");
    --size_;
  }
  void clear() { head_ = size_ = 0; }
  T& front() { return items_[head_]; }
  T& back() { return at(size_ - 1); }
  T& at(size_t i) { return items_[(head_ + i) % items_.size()]; }
  const T& at(size_t i) const { return items_[(head_ + i) % items_.size()]; }

 private:
  std::vector<T> items_;
  size_t head_ = 0;
  size_t size_ = 0;
};

}  // namespace tercet
