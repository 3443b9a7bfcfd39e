#include "base/region.h"

#include <sys/mman.h>

namespace tercet::detail {

uint8_t* reserve_pages(size_t bytes) {
  void* pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  TERCET_CHECK(pages != MAP_FAILED, "address space for a Region");
  return static_cast<uint8_t*>(pages);
}

void release_pages(uint8_t* pages, size_t bytes) noexcept { munmap(pages, bytes); }

}  // namespace tercet::detail
