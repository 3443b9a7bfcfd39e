#pragma once
// Guard: the virtual address must never outlive the load balancer's process, since a dead process's kernel
// goes on answering ARP. A small process, forked before the first thread, waits on a pipe whose other end
// only the load balancer holds. When that end closes without the word "clean" (SIGKILL, abort, out of
// memory), the guard
//   1. removes the virtual addresses,
//   2. if its load balancer was on the air, says so: VRRP priority 0, and the last words that were handed
//      over, sealed in advance (a resignation to the other LB and the backends), and becomes the command that
//      is run when the address went (failover.on_standby), if there is one,
// and exits. Whatever it needs then is open and written before: no allocation, no lookup, memory locked where
// allowed.
//
// The packets go out through a raw socket (IPPROTO_RAW), so last words leave from the data plane's own
// address and port, which connected peers insist on, while that port may still be bound; and such a socket
// receives nothing.
//
// Last words are kept twice in shared memory, and an index says which set holds: the load balancer writes the
// other one and then turns the index, so one killed while writing leaves the former set whole.
//
// All calls by one thread of the load balancer (main at start, later the control thread).

#include <sys/types.h>

#include <span>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "dataplane/port/announcer.h"
#include "wire/endpoint.h"
#include "wire/ids.h"

namespace tercet::dataplane {
class OwnedFd;
}

namespace tercet::control {

/// A sealed datagram to be sent when we are dead. IPv4 (for now).
struct LastWord {
  Endpoint from;  ///< the data plane's address and port that the receiver knows us by
  Endpoint to;
  Bytes bytes;
};
inline constexpr size_t kLastWordsMax = 8;
inline constexpr size_t kLastWordSizeMax = 1452;

struct GuardOptions {
  /// Empty: no kernel of this host has the addresses (DPDK). What has them dies with the load balancer, and
  /// so does its way to say something: of the guard's tasks the hook is left.
  std::string interface;
  std::vector<dataplane::Vip> vips;  ///< IPv4, at most kVipsMax
  uint8_t vrid = 51;
  uint16_t interval_cs = 10;
  std::vector<dataplane::IpAddress> unicast_peers;  ///< empty: the group 224.0.0.18
  std::string on_standby;  ///< run by sh -c once a load balancer that was on the air is dead; empty: none
  /// The memory of argv, of which the guard may write its own name over its copy, so that whoever ends
  /// processes by name does not end the guard along with the one it guards. May be empty.
  MutBytes argv;
};

class Guard {
 public:
  /// Forks. Call before any thread is started and before memory is filled (the guard keeps a copy of what is
  /// there). The error is one line, for people.
  static tl::expected<Guard, std::string> start(const GuardOptions& options);
  Guard(Guard&& other) noexcept;
  Guard& operator=(Guard&& other) noexcept;
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  /// Stops the guard cleanly.
  ~Guard();

  /// Replaces the last words, whole or not at all: at each new epoch, before the address is taken.
  tl::expected<void, std::string> arm(Epoch epoch, std::span<const LastWord> words);
  /// No last words: the epoch is gone.
  void disarm();
  /// Whether adverts of ours are on the air, so that priority 0 means something. The address is removed in
  /// any case.
  void on_air(bool yes);

  /// False once the guard was ended by somebody.
  [[nodiscard]] bool alive();
  /// A new process in place of one that is not alive; what was armed and whether we are on the air hold for
  /// it. Any thread may be running by now, and memory is filled: the new guard shares it until this process
  /// writes to it, so it keeps nothing in memory by force. The error is one line; may be tried again.
  tl::expected<void, std::string> restart();
  [[nodiscard]] pid_t pid() const { return pid_; }

  /// "clean": the guard exits and does nothing. Waits for it.
  void stop();

 private:
  struct Shared;
  struct Child;
  Guard(GuardOptions options, Shared* shared) : options_(std::move(options)), shared_(shared) {}
  enum class Life : uint8_t { first, later };
  tl::expected<void, std::string> spawn(Life life);
  tl::expected<void, std::string> prepare_network(Child& child, dataplane::OwnedFd& netlink_fd,
                                                  dataplane::OwnedFd& raw) const;

  GuardOptions options_;
  pid_t pid_ = -1;
  int pipe_ = -1;
  Shared* shared_;
};

}  // namespace tercet::control
