#pragma once
// Snapshot: the newest value of something, from one writer thread to one reader thread, neither ever waiting:
// three buffers, of which the writer owns one, the reader one, and the third is swapped between them.

#include <array>
#include <atomic>
#include <cstdint>

namespace tercet::dataplane {

template <class T>
class Snapshot {
 public:
  /// Writer: fill it, then publish(). Holds an older value, not the last published one.
  T& draft() { return buffers_[writer_]; }
  void publish() {
    // Pairs with the exchange in read(): whoever takes the buffer sees what was written into it.
    writer_ = middle_.exchange(static_cast<uint8_t>(writer_ | kFresh), std::memory_order_acq_rel) & kIndex;
  }
  /// Reader: the newest published value; stays valid until the next read().
  const T& read() {
    if ((middle_.load(std::memory_order_relaxed) & kFresh) != 0) {
      // Pairs with the exchange in publish().
      reader_ = middle_.exchange(reader_, std::memory_order_acq_rel) & kIndex;
    }
    return buffers_[reader_];
  }

 private:
  static constexpr uint8_t kIndex = 3;
  static constexpr uint8_t kFresh = 4;
  std::array<T, 3> buffers_{};
  uint8_t writer_ = 0;
  uint8_t reader_ = 1;
  std::atomic<uint8_t> middle_{2};
};

}  // namespace tercet::dataplane
