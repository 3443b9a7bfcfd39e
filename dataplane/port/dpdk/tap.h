#pragma once
// Tap: where frames go that are not Tercet's, so that the rest of the host goes on having a network although
// DPDK has its only NIC: a tap device of the kernel with the NIC's hardware address and our own IP address.
// What the stack calls an exception goes to the kernel through it, what the kernel sends comes back and
// leaves by the device. The tap is gone when the process is.
//
// Frames cross Links by value, a thread of the tap's own makes the system calls: the polling thread makes
// none. What finds a Link full is counted and lost.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <tl/expected.hpp>
#include <vector>

#include "base/bytes.h"
#include "base/counters.h"
#include "dataplane/net/ethernet.h"
#include "dataplane/net/ip.h"
#include "dataplane/net/routes.h"
#include "dataplane/port/announcer.h"
#include "dataplane/port/link.h"

namespace tercet::dataplane {

struct TapOptions {
  std::string name = "tercet0";
  Mac mac{};                    ///< the device's
  Vip own;                      ///< given to the tap, with its network
  std::optional<Ipv4> gateway;  ///< the kernel's default route
  std::vector<StaticRoute> routes;
};

struct TapFrame {
  uint16_t size = 0;
  std::array<uint8_t, 1526> bytes{};  ///< an Ethernet frame of MTU 1,500, tagged twice at most
};

class Tap {
 public:
  /// Makes the tap and its thread. The error is one line with what to do.
  static tl::expected<std::unique_ptr<Tap>, std::string> open(const TapOptions& options);
  ~Tap();
  Tap(const Tap&) = delete;
  Tap& operator=(const Tap&) = delete;

  /// Polling thread: a copy of `frame` goes to the kernel.
  void give(Bytes frame);
  /// Polling thread: the kernel's next frame; its size, 0: none.
  size_t take(MutBytes frame);
  [[nodiscard]] bool has() const { return from_kernel_.waiting() != 0; }

  [[nodiscard]] const Counter& given() const { return given_; }
  [[nodiscard]] const Counter& taken() const { return taken_; }
  [[nodiscard]] const Counter& drop_full() const { return drop_full_; }

 private:
  Tap(int fd, int bell) : fd_(fd), bell_(bell) {}
  void run();

  int fd_;
  int bell_;  ///< rung for the thread when a frame was given
  std::atomic<bool> stop_{false};
  Link<TapFrame> to_kernel_{128};
  Link<TapFrame> from_kernel_{128};
  Counter given_;
  Counter taken_;
  Counter drop_full_;  ///< to the kernel
  TapFrame lent_;
  std::thread thread_;
};

}  // namespace tercet::dataplane
