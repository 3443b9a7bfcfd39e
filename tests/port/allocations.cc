#include "tests/port/allocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<uint64_t> g_allocations{0};

void* checked(void* memory) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  if (memory == nullptr) {
    std::abort();
  }
  return memory;
}
}  // namespace

namespace tercet {
uint64_t allocations() { return g_allocations.load(std::memory_order_relaxed); }
}  // namespace tercet

// The replaceable functions ([new.delete]); the array and nothrow forms call these.
void* operator new(size_t size) { return checked(std::malloc(size == 0 ? 1 : size)); }
void* operator new(size_t size, std::align_val_t alignment) {
  const auto align = static_cast<size_t>(alignment);
  return checked(std::aligned_alloc(align, (size + align - 1) / align * align));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }
