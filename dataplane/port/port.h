#pragma once
// Port: how a polling thread receives and sends bursts. One virtual call per burst, never per packet.
// Engines: mmsg/, uring/, dpdk/, memory_port (tests, simulator). All calls by the one thread that
// owns it. Several polling threads have a port each, opened together.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/counters.h"
#include "base/file_ring.h"
#include "base/time.h"
#include "dataplane/port/burst.h"

namespace tercet::dataplane {

/// One UDP socket of a kernel engine (or one address and port of DPDK).
struct LaneOptions {
  Endpoint local;   ///< address may be one that is not ours yet (the virtual IP): bound with IP_FREEBIND
  Endpoint remote;  ///< port 0: unconnected (clients). Else connected to that peer, with UDP GSO and GRO.
  /// Unconnected: ports of other threads of this process serve it too; a client's datagrams all go to one of
  /// them (SO_REUSEPORT, RSS). Each of those ports has it, at the same place among its lanes.
  bool shared = false;
  [[nodiscard]] bool connected() const { return remote.port != 0; }
};

enum class PollMode : uint8_t { adaptive, busy };

struct PortOptions {
  std::vector<LaneOptions> lanes;  ///< none: such a port only sleeps, and writes to files
  PollMode poll = PollMode::adaptive;
  int receive_buffer_bytes = 4 << 20;  ///< SO_RCVBUF(FORCE) and SO_SNDBUF(FORCE) asked for
  // Switches, so that each one's worth can be measured.
  bool gso = true;  ///< runs of equal-sized neighbours leave as one send
  bool gro = true;  ///< connected lanes receive such runs as one datagram, split in receive()
  /// Adaptive: how long after traffic wait() looks again before it sleeps; < 0: the engine chooses
  /// (default_spin() in socket.h: none unless the machine has cores to spare).
  Duration spin = nanoseconds(-1);
};

/// Written by the polling thread, read by the control thread. Names appear in /metrics. On cache lines of its
/// own, and its port with it: what one polling thread writes must not slow down another.
struct alignas(64) PortCounters {
  Counter received_datagrams;
  Counter sent_datagrams;
  Counter
      receive_calls;   ///< system calls to receive (uring: every io_uring_enter; dpdk: calls of the driver)
  Counter send_calls;  ///< likewise to send (uring: those io_uring_enter that also submitted sends)
  Counter drop_send_refused;      ///< the kernel took less than we gave it (EAGAIN, ENOBUFS, unreachable …)
  Counter drop_truncated;         ///< longer than kDatagramMax
  Counter peer_unreachable;       ///< ICMP errors that came back on connected lanes (ECONNREFUSED …)
  Counter receive_buffers_empty;  ///< uring: the buffer ring ran dry (-ENOBUFS), refilled and armed again
  Counter frames_joined;          ///< dpdk: came in several buffers
};

static_assert(sizeof(PortCounters) % 64 == 0, "a polling thread shares no cache line of them");

/// A counter that only one engine has, by the name it has in /metrics.
struct NamedCounter {
  const char* name = nullptr;
  const Counter* counter = nullptr;
};

/// take_unreachable() is a 32-bit mask.
inline constexpr size_t kLanesMax = 32;

/// CLOCK_MONOTONIC_RAW, the clock of MonoTime (vDSO, no system call: 20 to 25 ns).
MonoTime raw_now();

class Port {
 public:
  Port() = default;
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  virtual ~Port() = default;

  /// Fills `burst` (cleared first) with what has arrived, without waiting. Its bytes stay valid until the
  /// next receive(). `now`: the turn's time, which is good enough for all that an engine does in it: where a
  /// turn takes a microsecond, a clock of its own would be a good part of it.
  virtual size_t receive(RxBurst& burst, MonoTime now) = 0;
  /// The same where there are no turns (tests, tools): by the clock.
  size_t receive(RxBurst& burst) { return receive(burst, raw_now()); }
  /// An empty burst with free buffers of this port; one at a time.
  virtual TxBurst& transmit() = 0;
  /// Sends what transmit() gave and was filled; always empties it. What the kernel refuses is counted and
  /// lost (UDP).
  virtual void send(TxBurst& burst) = 0;
  /// Sleeps until something can be received, a watched descriptor is readable, or `until`. May return early,
  /// never sleeps in PollMode::busy. Engines that queue sends (uring) submit them here or in the next
  /// receive(), in one system call with the wait: call it after every poll, also after one that had work; it
  /// then returns at once.
  virtual void wait(MonoTime until) = 0;
  /// wait() also ends when `fd` (an eventfd: a Link's bell, a disk's completion) is readable; its owner reads
  /// it. A bell that rings between wait() and receive() may be used up by that receive(): look at what it
  /// stands for in every poll, after receive().
  virtual void watch(int fd) = 0;
  /// When the last wait() began to sleep; zero if it did not. Read by its thread, to tell work from sleep.
  [[nodiscard]] MonoTime slept_since() const { return slept_since_; }
  /// Lanes whose peer's port was reported unreachable since the last call, as a bit mask; reading clears it.
  virtual uint32_t take_unreachable() = 0;

  /// Last call of the polling thread: when it returns, nothing that was handed to the kernel refers to
  /// anybody's memory any more (writes to files are waited for; what they gave can still be taken).
  virtual void finish() {}
  /// The engine's own way to write to files, or nullptr: then a disk keeps its own thread.
  virtual FileRing* file_ring() { return nullptr; }

  /// Where `lane` is bound: the port number the kernel chose when 0 was asked for.
  [[nodiscard]] virtual Endpoint local(Lane /*lane*/) const { return {}; }
  [[nodiscard]] virtual const PortCounters& counters() const = 0;
  /// Why this engine dropped what, beyond the above; valid as long as the port.
  [[nodiscard]] virtual std::span<const NamedCounter> drops() const { return {}; }
  /// What it did, and what befell it, on the link itself (ARP, echo), where no kernel does; likewise.
  [[nodiscard]] virtual std::span<const NamedCounter> frame_events() const { return {}; }
  [[nodiscard]] virtual const char* engine() const = 0;

 protected:
  /// Engines that sleep set it in every wait().
  MonoTime slept_since_;
};

}  // namespace tercet::dataplane
