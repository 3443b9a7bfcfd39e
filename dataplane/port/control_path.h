#pragma once
// What passes between the control thread and the polling threads of an engine that has no kernel under it,
// and between those threads, by value through Links: what is to be announced ahead of all query traffic,
// addresses that came or went, VRRP packets that were received, this host's own questions (where there is no
// kernel to carry them), ARP, which arrives at one queue and concerns all, and how the device fares.

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/counters.h"
#include "dataplane/port/announcer.h"
#include "dataplane/port/burst.h"
#include "dataplane/port/device_counters.h"
#include "dataplane/port/link.h"

namespace tercet::dataplane {

/// Control thread → polling thread.
struct ControlOrder {
  enum class Kind : uint8_t {
    own,       ///< `address` is ours to answer for from now on …
    disown,    ///< … no longer
    announce,  ///< one gratuitous ARP for `address`
    advert,    ///< VRRP packet `bytes`, checksum included, to `address`: the group, or a unicast peer
  };
  Kind kind = Kind::announce;
  std::array<uint8_t, 4> address{};  ///< IPv4
  /// own: what answers say. advert: where it comes from.
  std::optional<std::array<uint8_t, 6>> virtual_mac;
  uint16_t size = 0;
  std::array<uint8_t, 8 + 4 * kVipsMax> bytes{};
};

/// A sealed datagram of this host's own admin interface to its own data plane, or an answer to one.
struct LocalDatagram {
  uint16_t size = 0;
  std::array<uint8_t, kDatagramMax> bytes{};
};
/// The lane that such a datagram came by, and by which its answer leaves.
inline constexpr Lane kLocalLane = 0xFE;

/// A received ARP frame, for the polling threads whose queue it did not come to.
struct ArpCopy {
  uint16_t size = 0;
  std::array<uint8_t, 62> bytes{};
};

/// Another station says that an address of ours is its own; or that of a server or a gateway, which was at
/// another hardware address before.
struct AddressClaim {
  std::array<uint8_t, 4> address{};
  std::array<uint8_t, 6> mac{};
  std::optional<std::array<uint8_t, 6>> before;  ///< none: it is an address of ours
  bool operator==(const AddressClaim&) const = default;
};

/// How the control thread looks at the engine's device.
struct DeviceLook {
  std::function<bool()> link_up;
  std::function<void(DeviceCounters&)> count = [](DeviceCounters&) {};
  /// The device stands on an interface of the kernel, which tells when its link comes or goes (LinkWatch).
  bool kernel_tells = false;
};

class ControlPath {
 public:
  ControlPath(size_t threads, DeviceLook device);
  ~ControlPath();
  ControlPath(const ControlPath&) = delete;
  ControlPath& operator=(const ControlPath&) = delete;

  [[nodiscard]] size_t threads() const { return orders_.size(); }
  [[nodiscard]] Link<ControlOrder>& orders(size_t thread) { return *orders_[thread]; }
  [[nodiscard]] Link<ArpCopy>& arp(size_t from, size_t to) { return *arp_[from * threads() + to]; }
  /// From each polling thread: which queue VRRP comes to is the device's choice.
  [[nodiscard]] Link<Advert>& adverts(size_t thread) { return *adverts_[thread]; }
  /// Between one thread of the admin interface and polling thread 0.
  [[nodiscard]] Link<LocalDatagram>& questions() { return questions_; }
  [[nodiscard]] Link<LocalDatagram>& answers() { return answers_; }
  /// Readable when an advert, and when an answer was pushed.
  [[nodiscard]] int adverts_bell() const { return adverts_bell_; }
  /// A polling thread, after it pushed an advert: a system call only for the first one since the adverts were
  /// last taken.
  void ring_for_adverts() {
    // With the exchange below: who finds it rung has pushed before whoever takes it down looks.
    if (!adverts_rung_.exchange(true, std::memory_order_acq_rel)) {
      ring(adverts_bell_);
    }
  }
  /// The control thread, before it pops them.
  void silence_adverts() {
    silence(adverts_bell_);
    adverts_rung_.exchange(false, std::memory_order_acq_rel);
  }
  [[nodiscard]] int answers_bell() const { return answers_bell_; }
  // By the control thread.
  [[nodiscard]] bool link_up() const { return device_.link_up(); }
  [[nodiscard]] bool kernel_tells_link() const { return device_.kernel_tells; }
  void count_device() { device_.count(device_counters_); }
  /// Read by any thread.
  [[nodiscard]] const DeviceCounters& device() const { return device_counters_; }
  /// From each polling thread; of a flood only some.
  [[nodiscard]] Link<AddressClaim>& claims(size_t thread) { return *claims_[thread]; }
  static void ring(int bell);
  static void silence(int bell);

 private:
  DeviceLook device_;
  DeviceCounters device_counters_;
  std::vector<std::unique_ptr<Link<ControlOrder>>> orders_;
  std::vector<std::unique_ptr<Link<ArpCopy>>> arp_;
  std::vector<std::unique_ptr<Link<Advert>>> adverts_;
  std::vector<std::unique_ptr<Link<AddressClaim>>> claims_;
  Link<LocalDatagram> questions_{8};
  Link<LocalDatagram> answers_{32};
  int adverts_bell_;
  std::atomic<bool> adverts_rung_{false};
  int answers_bell_;
};

}  // namespace tercet::dataplane
