#pragma once
// Bell: wakes a thread that sleeps, for who has put something into one of its Links; costs nothing
// while it is awake. One consumer, who sleeps; any number of producers, who ring.
//
//   consumer: arm(), look at the Links once more, sleep watching fd(); disarm() when awake again
//   producer: push, ring()
//
// Neither may miss the other (Dekker): the consumer says that it will sleep and then looks at the Links, the
// producer fills the Link and then looks whether the consumer said so; both have a full fence in between, so
// at least one of them sees the other.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <tl/expected.hpp>

namespace tercet::dataplane {

class Bell {
 public:
  /// The error is one line: no descriptor is left.
  static tl::expected<std::unique_ptr<Bell>, std::string> make();
  ~Bell();
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  /// Readable when it was rung (an eventfd): for Port::watch, or poll(2). The consumer reads it, in disarm().
  [[nodiscard]] int fd() const { return fd_; }

  // Consumer.
  void arm() {
    armed_ = true;
    asleep_.store(true, std::memory_order_relaxed);
    // Pairs with the fence in ring(): between the store above and the look at the Links that follows.
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }
  void disarm() {
    if (armed_) {
      disarm_armed();
    }
  }

  // Producers.
  void ring() {
    // Pairs with the fence in arm(): between the push before it and the load below.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (asleep_.load(std::memory_order_relaxed)) {
      wake();
    }
  }
  /// How often somebody had to be woken, a system call each; by all producers together.
  [[nodiscard]] uint64_t rung() const { return rung_.load(std::memory_order_relaxed); }

 private:
  explicit Bell(int fd) : fd_(fd) {}
  void disarm_armed();
  void wake();

  alignas(64) std::atomic<bool> asleep_{false};
  std::atomic<uint64_t> rung_{0};
  alignas(64) int fd_;
  bool armed_ = false;  ///< the consumer's own
  uint64_t owed_ = 0;   ///< likewise: rings that fd_ was not read for yet
};

}  // namespace tercet::dataplane
