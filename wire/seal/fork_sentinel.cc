#include "wire/seal/fork_sentinel.h"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace tercet::seal {
namespace {
size_t page_size() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }
}  // namespace

ForkSentinel::ForkSentinel() : pid_(getpid()) {
  void* page = mmap(nullptr, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) {
    return;
  }
  if (madvise(page, page_size(), MADV_WIPEONFORK) != 0) {
    munmap(page, page_size());
    return;
  }
  page_ = new (page) std::atomic<int>(1);
}

ForkSentinel::~ForkSentinel() {
  if (page_ != nullptr) {
    munmap(page_, page_size());
  }
}

void ForkSentinel::rearm() {
  pid_ = getpid();
  if (page_ != nullptr) {
    page_->store(1, std::memory_order_relaxed);
  }
}

bool ForkSentinel::pid_changed() const { return getpid() != pid_; }

}  // namespace tercet::seal
