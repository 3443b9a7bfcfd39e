#include "base/huge_vector.h"

#include <sys/mman.h>

#include <cstdlib>

namespace tercet::detail {

void* allocate_huge(size_t bytes) {
  constexpr size_t kHugePage = size_t{2} << 20U;
  const size_t rounded = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  void* memory = std::aligned_alloc(kHugePage, rounded);
  if (memory == nullptr) {
    throw std::bad_alloc();
  }
  madvise(memory, rounded, MADV_HUGEPAGE);  // refused: ordinary pages do
  return memory;
}

void free_huge(void* memory) noexcept { std::free(memory); }

}  // namespace tercet::detail
