#pragma once
// Tap: where frames go that are not Tercet's, so that the rest of the host goes on having a network although
// DPDK has its only NIC: a tap device of the kernel with the NIC's hardware address and our own IP address.
// What the stack calls an exception goes to the kernel through it, what the kernel sends comes back and
// leaves by the device. The tap is gone when the process is. With a VLAN the tap is that VLAN's: its tag is
// taken off on the way to the kernel and put on on the way back, so that the host's address is on the tap
// itself, as without one.
//
// Frames cross Links by value, a thread of the tap's own makes the system calls. A polling thread makes one
// only to wake that thread when it sleeps, which it does not while frames keep coming. What finds a Link full
// is counted and lost.

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
#include "dataplane/port/bell.h"
#include "dataplane/port/link.h"

namespace tercet::dataplane {

struct TapOptions {
  std::string name = "tercet0";
  Mac mac{};                    ///< the device's
  Vip own;                      ///< given to the tap, with its network
  std::optional<Ipv4> gateway;  ///< the kernel's default route
  std::vector<StaticRoute> routes;
  uint16_t vlan = 0;   ///< of all frames on the device's side; 0: untagged
  size_t threads = 1;  ///< polling threads: each has a Link of its own to the kernel
  /// TCP's and UDP's checksums may be unfinished (net/unfinished.h): the tap's kernel would find them wrong.
  bool unfinished_sums = false;
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

  /// Polling thread `thread`: a copy of `frame`, which is of our VLAN, goes to the kernel. False: it is
  /// longer than any frame of the tap.
  bool give(size_t thread, Bytes frame);
  /// Polling thread 0: the kernel's next frame, as it leaves by the device; its size, 0: none.
  size_t take(MutBytes frame);
  [[nodiscard]] bool has() const { return from_kernel_.waiting() != 0; }

  /// Frames of that polling thread that found their Link full.
  [[nodiscard]] const Counter& drop_full(size_t thread) const { return sides_[thread]->drop_full; }
  /// Frames that the kernel did not take, and frames of the kernel's for which there was no room.
  [[nodiscard]] const Counter& drop_refused() const { return drop_refused_; }
  [[nodiscard]] const Counter& drop_back() const { return drop_back_; }
  /// How often a polling thread had to wake the tap's.
  [[nodiscard]] uint64_t rung() const { return bell_->rung(); }

 private:
  struct alignas(64) Side {
    Link<TapFrame> to_kernel{128};
    TapFrame given;  ///< the polling thread's
    Counter drop_full;
  };
  static_assert(sizeof(Side) % 64 == 0, "a polling thread shares no cache line with another's side");
  Tap(int fd, std::unique_ptr<Bell> bell, const TapOptions& options);
  void run();
  bool write_given();
  void read_kernels();
  void rest(bool busy);
  [[nodiscard]] bool given() const;

  int fd_;
  std::unique_ptr<Bell> bell_;  ///< wakes the tap's thread when a frame was given
  uint16_t vlan_;
  bool unfinished_sums_;
  std::atomic<bool> stop_{false};
  std::vector<std::unique_ptr<Side>> sides_;  ///< [polling thread]
  Link<TapFrame> from_kernel_{128};
  TapFrame taken_;              ///< polling thread 0's
  alignas(64) TapFrame frame_;  ///< this and the next two: the tap's own thread's
  Counter drop_refused_;
  Counter drop_back_;
  std::thread thread_;
};

}  // namespace tercet::dataplane
