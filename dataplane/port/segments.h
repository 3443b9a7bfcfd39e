#pragma once
// Between bursts of single datagrams and what the kernel moves at once (UDP GSO and GRO, udp(7)): runs of
// equal-sized neighbours on the way out, big datagrams cut into segments on the way in. Both kernel engines
// use it. No allocation.

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/port/burst.h"
#include "dataplane/port/port.h"

namespace tercet::dataplane {

// Fixed by the kernel: at most 64 segments (UDP_MAX_SEGMENTS; 128 since 6.x) in one UDP payload.
inline constexpr size_t kRunSegmentsMax = 64;
inline constexpr size_t kRunBytesMax = 65'000;  ///< below 65,535 less the headers of IPv4 (28) and IPv6 (48)
/// Towards a client a run pays only with much pending for one receiver: it is cut again before that socket.
inline constexpr size_t kUnconnectedRunMin = 4;

// Buffers. Strides are odd multiples of a cache line, so that the first lines of neighbours lie in different
// cache sets.
inline constexpr size_t kBigPayload = 65'536;  ///< no UDP payload is larger
inline constexpr size_t kBigStride = 1'027 * 64;
inline constexpr size_t kPlainStride = 25 * 64;
inline constexpr size_t kTxStride = 23 * 64;
/// Room before a payload for what io_uring puts there: its header (16), a name (28), a control message (24).
inline constexpr size_t kPayloadPrefixMax = 68;
static_assert(kTxStride >= kDatagramMax && kPlainStride > kPayloadPrefixMax + kDatagramMax);
static_assert(kBigStride >= kPayloadPrefixMax + kBigPayload);

/// What the sender must know of a lane.
struct SendLane {
  bool connected = false;
  bool gso = false;  ///< engines switch it off for good when an interface refuses it
};

/// Datagrams order[first .. first + count) of a burst, all of one lane and one receiver. All but the last are
/// `segment` bytes long, the last is not longer.
struct Run {
  uint16_t first = 0;
  uint16_t count = 0;
  uint16_t segment = 0;
  Lane lane = 0;
};

/// A burst's datagrams sorted by lane (order within a lane kept), cut into runs. A plain datagram is a run of
/// one.
class Runs {
 public:
  void cut(const TxBurst& burst, std::span<const SendLane> lanes);
  [[nodiscard]] std::span<const Run> runs() const { return {runs_.data(), runs_.size()}; }
  /// Place in the burst of the i-th datagram in lane order.
  [[nodiscard]] uint16_t order(size_t i) const { return order_[i]; }

 private:
  std::array<uint16_t, kBurstMax> order_{};
  FixedVector<Run, kBurstMax> runs_;
};

/// One received payload that is being cut into datagrams; a full burst interrupts it, the next receive() goes
/// on.
struct Received {
  MutBytes payload;
  size_t segment = 0;  ///< 0: one datagram
  size_t done = 0;     ///< bytes handed up or dropped so far
  bool started = false;
  Lane lane = 0;
  Endpoint from;

  /// Hands up as many of its datagrams as fit into `burst`; true when none is left. Segments longer than
  /// kDatagramMax are dropped and counted. An empty datagram is handed up too: it is the caller's to judge.
  bool cut_into(RxBurst& burst, PortCounters& counters);
};

}  // namespace tercet::dataplane
