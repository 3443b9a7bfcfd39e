#pragma once
// Counters that one thread writes and others read now and then. A relaxed store by the only writer is a plain move; the
// reader (control thread) wants a recent value, not an ordered one.

#include <atomic>
#include <cstdint>

namespace tercet {

class Counter {
 public:
  void add(uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void set(uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  [[nodiscard]] uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

}  // namespace tercet
