#pragma once
// Notices that this process is a child of the one that made it. A page that the kernel wipes on fork
// (MADV_WIPEONFORK, Linux 4.14) makes the question one load; where that is refused, getpid() is compared.

#include <sys/types.h>

#include <atomic>

namespace tercet::seal {

class ForkSentinel {
 public:
  ForkSentinel();
  ~ForkSentinel();
  ForkSentinel(const ForkSentinel&) = delete;
  ForkSentinel& operator=(const ForkSentinel&) = delete;

  /// True in a child until rearm().
  [[nodiscard]] bool forked() const {
    return page_ != nullptr ? page_->load(std::memory_order_relaxed) == 0 : pid_changed();
  }
  void rearm();

 private:
  [[nodiscard]] bool pid_changed() const;

  std::atomic<int>* page_ = nullptr;  ///< a mapped page of its own; 1 in the process that armed it
  pid_t pid_ = 0;
};

}  // namespace tercet::seal
