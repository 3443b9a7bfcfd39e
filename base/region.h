#pragma once
// Region: an array that grows without moving and without calling the allocator: address space is reserved
// once, pages come as they are touched. For logs and tables on the polling path, whose final size nobody
// knows at start. Copying copies what is used (simulators compare and fork states).

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#include "base/check.h"

namespace tercet {

namespace detail {
uint8_t* reserve_pages(size_t bytes);  ///< aborts when the address space is refused
void release_pages(uint8_t* pages, size_t bytes) noexcept;
}  // namespace detail

template <class T>
class Region {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  explicit Region(size_t capacity)
      : capacity_(capacity), items_(reinterpret_cast<T*>(detail::reserve_pages(capacity * sizeof(T)))) {}
  Region(const Region& other) : Region(other.capacity_) { *this = other; }
  Region(Region&& other) noexcept
      : capacity_(std::exchange(other.capacity_, 0)),
        size_(std::exchange(other.size_, 0)),
        items_(std::exchange(other.items_, nullptr)) {}
  Region& operator=(const Region& other) {
    if (this != &other) {
      TERCET_CHECK(other.size_ <= capacity_, "Region: copy into a smaller one");
      size_ = other.size_;
      if (size_ != 0) {
        std::memcpy(static_cast<void*>(items_), other.items_, size_ * sizeof(T));
      }
    }
    return *this;
  }
  Region& operator=(Region&& other) noexcept {
    std::swap(capacity_, other.capacity_);
    std::swap(size_, other.size_);
    std::swap(items_, other.items_);
    return *this;
  }
  ~Region() {
    if (items_ != nullptr) {
      detail::release_pages(reinterpret_cast<uint8_t*>(items_), capacity_ * sizeof(T));
    }
  }

  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] size_t room() const { return capacity_ - size_; }
  void push_back(const T& item) {
    TERCET_CHECK(size_ < capacity_, "Region is full");
    items_[size_++] = item;
  }
  /// Appends `n` items from `from`; they must fit.
  void append(const T* from, size_t n) {
    TERCET_CHECK(n <= room(), "Region is full");
    if (n != 0) {
      std::memcpy(static_cast<void*>(items_ + size_), from, n * sizeof(T));
    }
    size_ += n;
  }
  /// One item more, whatever is in it.
  void grow() {
    TERCET_CHECK(size_ < capacity_, "Region is full");
    ++size_;
  }
  void resize_down(size_t n) {
    TERCET_CHECK(n <= size_, "Region: resize_down grows");
    size_ = n;
  }
  void clear() { size_ = 0; }
  T& operator[](size_t i) { return items_[i]; }
  const T& operator[](size_t i) const { return items_[i]; }
  T& back() { return items_[size_ - 1]; }
  const T& back() const { return items_[size_ - 1]; }
  const T* data() const { return items_; }

 private:
  size_t capacity_;
  size_t size_ = 0;
  T* items_;
};

}  // namespace tercet
