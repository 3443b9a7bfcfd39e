#pragma once
// Link: a bounded queue from one thread to one other, moved in bursts. boost::lockfree::spsc_queue:
// wait-free, no lock.

#include <boost/lockfree/spsc_queue.hpp>
#include <cstddef>
#include <span>

namespace tercet::dataplane {

/// On cache lines of its own: the producer's index and the consumer's lie apart inside the queue already.
template <class T>
class alignas(64) Link {
 public:
  explicit Link(size_t capacity) : queue_(capacity) {}
  /// Takes as many as fit, from the front; returns how many. Producer thread only.
  size_t push(std::span<const T> items) { return queue_.push(items.data(), items.size()); }
  bool push(const T& item) { return queue_.push(item); }
  /// Fills `items` from the front; returns how many. Consumer thread only.
  size_t pop(std::span<T> items) { return queue_.pop(items.data(), items.size()); }
  /// How many more fit; at least that many until the producer itself pushes. Producer thread only.
  [[nodiscard]] size_t room() const { return queue_.write_available(); }
  /// Consumer thread only.
  [[nodiscard]] size_t waiting() const { return queue_.read_available(); }

 private:
  boost::lockfree::spsc_queue<T> queue_;
};

}  // namespace tercet::dataplane
