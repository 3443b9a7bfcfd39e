#pragma once
// RxInterrupt: to sleep until a queue has received, with drivers that can interrupt (most NICs, virtio,
// vhost). It tells only of what comes after arm(). So whoever wants to sleep arms it, looks into the queue
// once more, and sleeps if that was empty.
//
// Opened and closed with its device, used by the thread that polls the queue.

#include <cstdint>
#include <memory>

namespace tercet::dataplane {

class RxInterrupt {
 public:
  /// Of a started device that was configured for interrupts; null: its driver has none.
  static std::unique_ptr<RxInterrupt> open(uint16_t device, uint16_t queue);
  ~RxInterrupt();
  RxInterrupt(const RxInterrupt&) = delete;
  RxInterrupt& operator=(const RxInterrupt&) = delete;

  /// Readable when it rang.
  [[nodiscard]] int descriptor() const { return epoll_; }
  [[nodiscard]] bool armed() const { return armed_; }
  /// False: the driver cannot just now (vhost without a guest).
  bool arm();
  /// Back to polling; forgets that it rang.
  void disarm();

 private:
  RxInterrupt(uint16_t device, uint16_t queue, int epoll) : device_(device), queue_(queue), epoll_(epoll) {}

  uint16_t device_;
  uint16_t queue_;
  /// Of our own with nothing but the driver's descriptor in it: whether that is to be read after it rang, and
  /// how, only DPDK knows.
  int epoll_;
  bool armed_ = false;
};

}  // namespace tercet::dataplane
