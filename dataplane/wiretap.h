#pragma once
// Wiretap: how packets are seen where no kernel sees them, on every engine alike. A polling thread has one;
// what it receives and sends passes it as whole bursts, sealed, as on the wire. While nobody captures, that
// is one predictable branch a burst. While somebody does, each datagram is copied by value into a bounded
// Link, from which another thread takes it; it never blocks, and what does not fit is counted.
//
// Nothing is opened here: whoever may read the server's key file can do that with the copies
// (wire/seal/recorded.h), so that no plaintext leaves the process and the polling path stays as it is.
//
// The Link (some 6 MiB) is made at the first start() and kept until the end.

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "base/counters.h"
#include "dataplane/port/burst.h"
#include "dataplane/port/link.h"
#include "dataplane/port/port.h"

namespace tercet::dataplane {

/// One datagram, by value. Copies only the bytes that it has.
struct Captured {
  int64_t wall_ns = 0;  ///< when its burst was received, or handed to the port
  Endpoint from;
  Endpoint to;
  uint16_t size = 0;
  std::array<uint8_t, kDatagramMax> bytes;

  Captured() {}  // NOLINT(modernize-use-equals-default): leaves the bytes as they are
  Captured(const Captured& other) { copy(other); }
  Captured& operator=(const Captured& other) {
    copy(other);
    return *this;
  }
  [[nodiscard]] Bytes datagram() const { return {bytes.data(), size}; }

 private:
  void copy(const Captured& other) {
    wall_ns = other.wall_ns;
    from = other.from;
    to = other.to;
    size = other.size;
    std::memcpy(bytes.data(), other.bytes.data(), other.size);
  }
};

/// Written by the polling thread, read by any.
struct alignas(64) WiretapCounters {
  Counter taken;  ///< copied into the Link
  Counter lost;   ///< found it full
};
static_assert(sizeof(WiretapCounters) == 64, "of the polling thread alone");

class Wiretap {
 public:
  static constexpr size_t kWaitingMax = 4096;
  using NowNs = int64_t (*)();  ///< wall clock, ns since 1970

  /// `lanes`: the port's own, in its order: a burst names ends by their lane.
  explicit Wiretap(std::vector<LaneOptions> lanes, size_t waiting_max = kWaitingMax,
                   NowNs now = wall_clock_ns);
  ~Wiretap();
  Wiretap(const Wiretap&) = delete;
  Wiretap& operator=(const Wiretap&) = delete;
  /// One that nobody ever starts, for loops that have none.
  static Wiretap& nobody();

  // The polling thread.
  /// Acquire: with start()'s release; the Link is whole before its first datagram.
  [[nodiscard]] bool on() const { return open_.load(std::memory_order_acquire) != nullptr; }
  /// Only while on(). Before the burst is opened in place, and before it is sent.
  void received(const RxBurst& burst);
  void sent(const TxBurst& burst);

  // The thread that captures; one at a time.
  void start();
  void stop();
  /// Fills `out` from the front; returns how many.
  size_t take(std::span<Captured> out);

  [[nodiscard]] const WiretapCounters& counters() const { return counters_; }

  static int64_t wall_clock_ns();

 private:
  void copy(Link<Captured>& link, Bytes datagram, const Endpoint& from, const Endpoint& to);

  std::vector<LaneOptions> lanes_;
  const size_t waiting_max_;
  const NowNs now_;
  std::unique_ptr<Link<Captured>> link_;
  std::atomic<Link<Captured>*> open_{nullptr};  ///< link_ while somebody captures
  alignas(64) Captured next_;                   ///< the polling thread's, where a copy is put together
  WiretapCounters counters_;
};

}  // namespace tercet::dataplane
