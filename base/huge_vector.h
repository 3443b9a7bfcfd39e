#pragma once
// HugeVector: a vector whose storage, if it is large, is asked of the kernel in huge pages before any of it
// is touched. For tables that are looked at in no order: of a million entries each look costs a page walk or
// two otherwise, and where the page tables themselves are in no cache a software prefetch waits for that
// walk. Where the kernel has none (transparent_hugepage = never) it is memory like any other.

#include <cstddef>
#include <new>
#include <vector>

namespace tercet {

namespace detail {
/// `bytes` on a border of huge pages; throws std::bad_alloc.
void* allocate_huge(size_t bytes);
void free_huge(void* memory) noexcept;
/// Below it is not worth the rounding.
inline constexpr size_t kHugeFrom = 1U << 20U;
}  // namespace detail

template <class T>
struct HugeAllocator {
  using value_type = T;
  HugeAllocator() = default;
  template <class U>
  explicit HugeAllocator(const HugeAllocator<U>& /*other*/) {}
  T* allocate(size_t count) {
    const size_t bytes = count * sizeof(T);
    if (bytes >= detail::kHugeFrom) {
      return static_cast<T*>(detail::allocate_huge(bytes));
    }
    return static_cast<T*>(::operator new (bytes, std::align_val_t{alignof(T)}));
  }
  void deallocate(T* memory, size_t count) noexcept {
    if (count * sizeof(T) >= detail::kHugeFrom) {
      detail::free_huge(memory);
    } else {
      ::operator delete (memory, std::align_val_t{alignof(T)});
    }
  }
  friend bool operator==(const HugeAllocator& /*a*/, const HugeAllocator& /*b*/) { return true; }
};

template <class T>
using HugeVector = std::vector<T, HugeAllocator<T>>;

}  // namespace tercet
