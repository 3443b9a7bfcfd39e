#pragma once
// Port: how a polling thread receives and sends bursts. One virtual call per burst, never per packet.
// Engines: mmsg/, uring/, dpdk/ (later), memory_port (tests, simulator). All calls by the one thread that owns it.

#include <cstdint>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/time.h"
#include "dataplane/port/burst.h"

namespace tercet::dataplane {

/// One UDP socket of a kernel engine (or one address and port of DPDK).
struct LaneOptions {
  Endpoint local;               ///< address may be one that is not ours yet (the virtual IP): bound with IP_FREEBIND
  Endpoint remote;              ///< port 0: unconnected (clients). Else connected to that peer, with UDP GSO and GRO.
  [[nodiscard]] bool connected() const { return remote.port != 0; }
};

enum class PollMode : uint8_t { adaptive, busy };

struct PortOptions {
  std::vector<LaneOptions> lanes;
  PollMode poll = PollMode::adaptive;
  int receive_buffer_bytes = 4 << 20;  ///< SO_RCVBUF(FORCE) asked for
};

/// Written by the polling thread, read by the control thread. Names appear in /metrics.
struct PortCounters {
  Counter received_datagrams;
  Counter sent_datagrams;
  Counter receive_calls;
  Counter send_calls;
  Counter drop_send_refused;     ///< the kernel took less than we gave it (EAGAIN, ENOBUFS, unreachable …)
  Counter drop_truncated;        ///< longer than kDatagramMax
  Counter peer_unreachable;      ///< ICMP errors that came back on connected lanes (ECONNREFUSED …)
  Counter receive_buffers_empty; ///< uring: the buffer ring ran dry (-ENOBUFS), refilled and armed again
};

class Port {
 public:
  Port() = default;
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  virtual ~Port() = default;

  /// Fills `burst` (cleared first) with what has arrived, without waiting. Its bytes stay valid until the next receive().
  virtual size_t receive(RxBurst& burst) = 0;
  /// An empty burst with free buffers of this port; one at a time.
  virtual TxBurst& transmit() = 0;
  /// Sends what transmit() gave and was filled; always empties it. What the kernel refuses is counted and lost (UDP).
  virtual void send(TxBurst& burst) = 0;
  /// Sleeps until something can be received, a watched descriptor is readable, or `until`. May return early.
  virtual void wait(MonoTime until) = 0;
  /// wait() also ends when `fd` (an eventfd: a Link's bell, a disk's completion) is readable; its owner reads it.
  virtual void watch(int fd) = 0;
  /// Lanes whose peer's port was reported unreachable since the last call, as a bit mask; reading clears it.
  virtual uint32_t take_unreachable() = 0;

  [[nodiscard]] virtual const PortCounters& counters() const = 0;
  [[nodiscard]] virtual const char* engine() const = 0;
};

}  // namespace tercet::dataplane
