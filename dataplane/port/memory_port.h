#pragma once
// MemoryPort: a Port without a kernel, for tests, the simulator and benches. Several of them on one
// MemoryWire reach each other by endpoint, like sockets on one network: in order, without loss, at once.
// Deterministic; no threads, no clock: wait() returns at once and only remembers until when it would have
// slept.
//
// A simulator that wants delay, loss or reordering takes the datagrams off the wire with intercept() and
// hands each to deliver() when, and as often as, it likes. Allocation: when ports are made and when
// intercept() allocates; else none.

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "dataplane/port/port.h"

namespace tercet::dataplane {

class MemoryPort;

class MemoryWire {
 public:
  /// `bytes` are valid during the call.
  using Intercept = std::function<void(const Endpoint& from, const Endpoint& to, Bytes bytes)>;

  /// Everything that is sent from now on goes there instead of to its receiver; empty: to its receiver again.
  void intercept(Intercept hook) { intercept_ = std::move(hook); }
  /// Puts a datagram into the receiver's queue: the lane connected to `from`, else the unconnected lane at
  /// `to`. False: nobody is there (what ICMP would tell the sender), or its queue is full (counted there as
  /// drop_overrun).
  bool deliver(const Endpoint& from, const Endpoint& to, Bytes bytes);

 private:
  friend class MemoryPort;
  struct Address {
    Endpoint local;
    Endpoint remote;  ///< port 0: unconnected
    auto operator<=>(const Address&) const = default;
  };
  struct Place {
    MemoryPort* port = nullptr;
    Lane lane = 0;
  };
  enum class Fate : uint8_t { delivered, unreachable, overrun };
  Fate route(const Endpoint& from, const Endpoint& to, Bytes bytes);

  std::map<Address, std::vector<Place>> places_;  ///< several: a lane that ports share
  Intercept intercept_;
};

class MemoryPort final : public Port {
 public:
  /// The wire outlives the port. Lanes' addresses must be free on the wire, but for shared ones
  /// (TERCET_CHECK): among those the sender's address decides. `queue` datagrams are held before more are
  /// dropped.
  MemoryPort(MemoryWire& wire, const PortOptions& options, size_t queue = 1'024);
  ~MemoryPort() override;

  using Port::receive;
  size_t receive(RxBurst& burst, MonoTime now) override;
  TxBurst& transmit() override;
  void send(TxBurst& burst) override;
  void wait(MonoTime until) override { waits_until_ = until; }
  void watch(int fd) override { watched_.push_back(fd); }
  uint32_t take_unreachable() override;
  [[nodiscard]] Endpoint local(Lane lane) const override { return lanes_[lane].local; }
  [[nodiscard]] const PortCounters& counters() const override { return counters_; }
  [[nodiscard]] const char* engine() const override { return "memory"; }

  /// Until when the last wait() would have slept.
  [[nodiscard]] MonoTime waits_until() const { return waits_until_; }
  [[nodiscard]] const std::vector<int>& watched() const { return watched_; }
  /// Datagrams that wait for receive().
  [[nodiscard]] size_t waiting() const { return filled_; }
  /// Datagrams that found the queue full.
  [[nodiscard]] uint64_t drop_overrun() const { return drop_overrun_; }
  /// What the simulator reports of a peer: as if ICMP had come back.
  void report_unreachable(Lane lane);

 private:
  friend class MemoryWire;
  struct Slot {
    std::array<uint8_t, kDatagramMax> bytes;
    uint16_t size = 0;
    Lane lane = 0;
    Endpoint from;
  };
  bool take(Lane lane, const Endpoint& from, Bytes bytes);

  MemoryWire& wire_;
  std::vector<LaneOptions> lanes_;
  std::vector<Slot> queue_;  ///< a ring; the `lent_` slots before next_ belong to the last receive()'s burst
  size_t next_ = 0;
  size_t filled_ = 0;
  size_t lent_ = 0;
  std::vector<uint8_t> tx_memory_;
  TxBurst tx_;
  std::vector<int> watched_;
  MonoTime waits_until_;
  uint32_t unreachable_ = 0;
  uint64_t drop_overrun_ = 0;
  PortCounters counters_;
};

}  // namespace tercet::dataplane
