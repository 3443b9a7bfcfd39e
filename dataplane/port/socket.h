#pragma once
// LaneOptions -> UDP sockets, for the kernel engines. Off the polling path, except the helpers at the end.
//
// Several lanes of one port may share a local address and port (an LB has one socket per peer, all on :8210).
// Linux allows that only with SO_REUSEADDR, which would also let a second process share the port unnoticed.
// So the first of them is bound without it, the others with it, and then it is switched off on all: a later
// bind() by anybody is refused with "address in use", as it should be.
//
// A lane that the ports of several threads share is bound once in each with SO_REUSEPORT: the kernel spreads
// clients over them by the hash of both addresses and ports. Here too the first one is bound without it, so
// that a second process is refused although it would ask for the same; what the kernel then leaves open is a
// process of the same user that asks for SO_REUSEPORT at its very first bind: it would be let in.

#include <netinet/in.h>
#include <sys/socket.h>

#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "dataplane/port/port.h"

namespace tercet::dataplane {

/// A descriptor that is closed with its owner.
class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int fd) : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(other.release()) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept;
  OwnedFd(const OwnedFd&) = delete;
  OwnedFd& operator=(const OwnedFd&) = delete;
  ~OwnedFd();
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }
  int release();

 private:
  int fd_ = -1;
};

struct LaneSocket {
  OwnedFd fd;
  Endpoint local;    ///< as bound, with the port number that the kernel chose if 0 was asked for
  Endpoint remote;   ///< port 0: unconnected
  bool gro = false;  ///< big datagrams may come in, with their segment size in a control message
  [[nodiscard]] bool connected() const { return remote.port != 0; }
};

/// Opens, binds and (peer lanes) connects every lane. Sockets are blocking: engines pass MSG_DONTWAIT.
/// Unconnected lanes may be bound to an address that is not ours yet; connected ones may not (they could not
/// connect). The error is one line: which lane, what is wrong, what to do.
tl::expected<std::vector<LaneSocket>, std::string> open_lanes(const PortOptions& options);
/// The same for the ports of several threads, one PortOptions each.
tl::expected<std::vector<std::vector<LaneSocket>>, std::string> open_lanes(
    std::span<const PortOptions> threads);

/// The socket address of `endpoint`: sockaddr_in if it is IPv4, else sockaddr_in6. Returns its length.
socklen_t to_sockaddr(const Endpoint& endpoint, sockaddr_in6& out);
/// AF_INET or AF_INET6 -> endpoint; anything else -> the empty endpoint. `length` is checked.
Endpoint from_sockaddr(const void* address, size_t length);

/// What an errno of a receive or send on a lane means.
enum class SocketFault : uint8_t {
  nothing,      ///< would block, interrupted: not an error
  unreachable,  ///< ICMP said so, about something sent before; the call is worth repeating at once
  no_gso,       ///< this interface or path cannot take a segmented send: send one by one
  refused,      ///< anything else
};
SocketFault classify(int error);

/// 20 µs where a polling thread that spins does not take the core which a peer, a client or a kernel thread
/// needs (more than 4 cores), else none: on two shared cores spinning cost up to a tenth more CPU per request
/// and gained no rate.
Duration default_spin();

}  // namespace tercet::dataplane
