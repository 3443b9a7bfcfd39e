#pragma once
// Zeroed: an array of fixed size whose items all start as zero bytes. Only address space is taken at
// construction; pages come as items are first touched, so that a table can be sized for its worst case and
// cost what is used. For tables on the polling path: no allocator, no growth, no moving.

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "base/check.h"
#include "base/region.h"

namespace tercet {

template <class T>
class Zeroed {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  explicit Zeroed(size_t size)
      : size_(size),
        bytes_((size == 0 ? 1 : size) * sizeof(T)),
        items_(reinterpret_cast<T*>(detail::reserve_pages(bytes_))) {}
  ~Zeroed() { detail::release_pages(reinterpret_cast<uint8_t*>(items_), bytes_); }
  Zeroed(const Zeroed&) = delete;
  Zeroed& operator=(const Zeroed&) = delete;

  [[nodiscard]] size_t size() const { return size_; }
  T& operator[](size_t i) { return items_[i]; }
  const T& operator[](size_t i) const { return items_[i]; }
  /// All items are zero again; their pages go back.
  void clear() {
    T* fresh = reinterpret_cast<T*>(detail::reserve_pages(bytes_));
    detail::release_pages(reinterpret_cast<uint8_t*>(items_), bytes_);
    items_ = fresh;
  }
  /// Touches the pages of the first `n` items, so that no page fault meets them later. Changes nothing.
  void prefault(size_t n) {
    auto* raw = reinterpret_cast<volatile uint8_t*>(items_);
    const size_t end = (n < size_ ? n : size_) * sizeof(T);
    for (size_t at = 0; at < end; at += 4096) {
      raw[at] = raw[at];
    }
  }

 private:
  size_t size_;
  size_t bytes_;
  T* items_;
};

}  // namespace tercet
