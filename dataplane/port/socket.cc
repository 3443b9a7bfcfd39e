#include "dataplane/port/socket.h"

#include <netinet/udp.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <optional>
#include <thread>
#include <utility>

#include "base/check.h"

namespace tercet::dataplane {
namespace {

using Failure = tl::unexpected<std::string>;

bool set_option(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

std::string lane_name(const LaneOptions& lane) {
  return "UDP " + to_string(lane.local) + (lane.connected() ? " to " + to_string(lane.remote) : "");
}

std::string bind_error(const LaneOptions& lane, int error) {
  const std::string name = lane_name(lane);
  switch (error) {
    case EADDRINUSE:
      return name + ": port in use: stop the process that holds it (ss -ulpn) or configure another port";
    case EADDRNOTAVAIL:
      return name +
             ": the address is not on this machine: add it to an interface or correct the configuration";
    case EACCES:
    case EPERM:
      return name + ": no permission to bind: ports below 1024 need CAP_NET_BIND_SERVICE";
    default:
      return name + ": cannot bind: " + std::strerror(error);
  }
}

std::string connect_error(const LaneOptions& lane, int error) {
  const std::string name = lane_name(lane);
  switch (error) {
    case ENETUNREACH:
    case EHOSTUNREACH:
      return name + ": no route to the peer: bring the interface up or correct the address";
    case EINVAL:
    case EADDRNOTAVAIL:
      return name +
             ": the local address is not on this machine: add it to an interface or correct the "
             "configuration";
    case EACCES:
    case EPERM:
      return name + ": no permission to send to the peer: is it a broadcast address, or filtered?";
    default:
      return name + ": cannot connect: " + std::strerror(error);
  }
}

void set_buffers(int fd, int bytes) {
  // FORCE needs CAP_NET_ADMIN; without it the kernel caps the size at net.core.{r,w}mem_max, and that must
  // do.
  if (!set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes)) {
    set_option(fd, SOL_SOCKET, SO_RCVBUF, bytes);
  }
  if (!set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, bytes)) {
    set_option(fd, SOL_SOCKET, SO_SNDBUF, bytes);
  }
}

void set_path_mtu_policy(int fd, bool v4) {
  // What we send fits MTU 1,500. Where a path is narrower (tunnels), IPv4 routers may cut it: no DF, and
  // forged "fragmentation needed" messages are ignored. IPv6 routers never cut, so there the host must learn
  // (the default), down to 1,280 at worst.
  if (v4) {
    set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
  } else {
    set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_WANT);
  }
}

/// Binds; returns 0 or an errno. A port whose process was killed a moment ago may still be held: the kernel
/// takes an io_uring apart in the background, and its registered sockets with it.
int bind_patiently(int fd, const sockaddr_in6& address, socklen_t length) {
  constexpr Duration kPatience = seconds(2);
  constexpr Duration kPause = milliseconds(10);
  const MonoTime give_up = raw_now() + kPatience;
  while (bind(fd, reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    if (const int error = errno; error != EADDRINUSE || raw_now() > give_up) {
      return error;
    }
    const timespec pause{0, kPause.ns};
    nanosleep(&pause, nullptr);
  }
  return 0;
}

/// A peer lane whose local address was left out takes the peer's family: any address of ours.
LaneOptions with_family(LaneOptions lane) {
  if (lane.connected() && lane.remote.is_v4() && lane.local.address == Endpoint{}.address) {
    lane.local.address[10] = lane.local.address[11] = 0xFF;
  }
  return lane;
}

/// With whom a lane shares its local address and port.
enum class Company : uint8_t {
  none,
  peers,    ///< lanes to other peers: the kernel tells them apart by who sent
  threads,  ///< the same lane of other threads: the kernel spreads clients over them
};

/// A lane that was opened before.
struct Taken {
  LaneOptions lane;
  size_t thread = 0;
  size_t place = 0;
  Endpoint bound;
};

/// Nothing: two that cannot stand side by side. Where another thread's same lane got its port number from the
/// kernel, `lane` is to have that one.
std::optional<Company> company_of(LaneOptions& lane, size_t thread, size_t place,
                                  const std::vector<Taken>& taken) {
  const LaneOptions asked = lane;
  Company company = Company::none;
  for (const Taken& other : taken) {
    if (other.lane.local != asked.local) {
      continue;
    }
    const bool both_shared = lane.shared && other.lane.shared && !lane.connected() && !other.lane.connected();
    if (both_shared && other.thread != thread && other.place == place) {
      company = Company::threads;
      lane.local = other.bound;
      continue;
    }
    if (asked.local.port == 0) {
      continue;
    }
    // Two sockets on one address and port need two peers to tell their datagrams apart.
    if (!lane.connected() || !other.lane.connected() || other.lane.remote == lane.remote) {
      return std::nullopt;
    }
    company = Company::peers;
  }
  return company;
}

tl::expected<LaneSocket, std::string> open_lane(const LaneOptions& lane, const PortOptions& options,
                                                Company company) {
  const bool v4 = lane.local.is_v4();
  if (lane.connected() && lane.remote.is_v4() != v4) {
    return Failure(lane_name(lane) + ": one address is IPv4 and the other IPv6: give two of a kind");
  }
  LaneSocket socket;
  socket.fd = OwnedFd(::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP));
  const int fd = socket.fd.get();
  if (fd < 0) {
    if (errno == EAFNOSUPPORT) {
      return Failure(lane_name(lane) + (v4 ? ": this machine has no IPv4" : ": this machine has no IPv6"));
    }
    return Failure(lane_name(lane) + ": cannot make a socket: " + std::strerror(errno));
  }
  if (!v4) {
    set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);  // an IPv4 lane may stand on the same port
  }
  if (!lane.connected()) {
    set_option(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_FREEBIND : IPV6_FREEBIND, 1);
  }
  if (company != Company::none) {
    set_option(fd, SOL_SOCKET, company == Company::peers ? SO_REUSEADDR : SO_REUSEPORT, 1);
  }
  set_buffers(fd, options.receive_buffer_bytes);
  set_path_mtu_policy(fd, v4);
  socket.gro = lane.connected() && options.gro && set_option(fd, SOL_UDP, UDP_GRO, 1);

  sockaddr_in6 address{};
  socklen_t length = to_sockaddr(lane.local, address);
  if (const int error = bind_patiently(fd, address, length)) {
    return Failure(bind_error(lane, error));
  }
  if (lane.shared && !lane.connected()) {
    set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);  // lets the other threads' sockets in, for good
  } else {
    set_option(fd, SOL_SOCKET, SO_REUSEADDR,
               1);  // lets the next lane of this port in; taken back by open_lanes()
  }
  if (lane.connected()) {
    length = to_sockaddr(lane.remote, address);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), length) != 0) {
      return Failure(connect_error(lane, errno));
    }
    // Between bind and connect anybody's datagrams could come in; a connected lane speaks for its peer alone.
    uint8_t byte = 0;
    while (recv(fd, &byte, sizeof(byte), MSG_DONTWAIT | MSG_TRUNC) >= 0) {
    }
  }
  length = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return Failure(lane_name(lane) + ": cannot read the bound address: " + std::strerror(errno));
  }
  socket.local = from_sockaddr(&address, length);
  socket.remote = lane.remote;
  return socket;
}

}  // namespace

OwnedFd& OwnedFd::operator=(OwnedFd&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) {
      close(fd_);
    }
    fd_ = other.release();
  }
  return *this;
}

OwnedFd::~OwnedFd() {
  if (fd_ >= 0) {
    close(fd_);
  }
}

int OwnedFd::release() { return std::exchange(fd_, -1); }

tl::expected<std::vector<LaneSocket>, std::string> open_lanes(const PortOptions& options) {
  auto opened = open_lanes(std::span(&options, 1));
  if (!opened) {
    return Failure(std::move(opened.error()));
  }
  return std::move(opened->front());
}

tl::expected<std::vector<std::vector<LaneSocket>>, std::string> open_lanes(
    std::span<const PortOptions> threads) {
  std::vector<std::vector<LaneSocket>> sockets;
  std::vector<Taken> taken;
  for (size_t thread = 0; thread < threads.size(); ++thread) {
    const PortOptions& options = threads[thread];
    if (options.lanes.size() > kLanesMax) {
      return Failure("a port has at most " + std::to_string(kLanesMax) + " lanes, not " +
                     std::to_string(options.lanes.size()));
    }
    sockets.emplace_back().reserve(options.lanes.size());
    for (size_t l = 0; l < options.lanes.size(); ++l) {
      LaneOptions lane = options.lanes[l];
      const auto company = company_of(lane, thread, l, taken);
      if (!company) {
        return Failure(lane_name(lane) + ": the same lane is configured twice");
      }
      auto socket = open_lane(with_family(lane), options, *company);
      if (!socket) {
        return Failure(std::move(socket.error()));
      }
      taken.push_back({options.lanes[l], thread, l, socket->local});
      sockets.back().push_back(std::move(*socket));
    }
  }
  for (const auto& of_thread : sockets) {
    for (const LaneSocket& socket : of_thread) {
      set_option(socket.fd.get(), SOL_SOCKET, SO_REUSEADDR, 0);
    }
  }
  return sockets;
}

socklen_t to_sockaddr(const Endpoint& endpoint, sockaddr_in6& out) {
  if (endpoint.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&v4.sin_addr, &endpoint.address[12], sizeof(v4.sin_addr));
    std::memcpy(&out, &v4, sizeof(v4));
    return sizeof(v4);
  }
  out = {};
  out.sin6_family = AF_INET6;
  out.sin6_port = htons(endpoint.port);
  std::memcpy(&out.sin6_addr, endpoint.address.data(), sizeof(out.sin6_addr));
  return sizeof(out);
}

Endpoint from_sockaddr(const void* address, size_t length) {
  Endpoint endpoint;
  sa_family_t family = AF_UNSPEC;
  if (length < sizeof(family)) {
    return endpoint;
  }
  std::memcpy(&family, address, sizeof(family));
  if (family == AF_INET && length >= sizeof(sockaddr_in)) {
    sockaddr_in v4;
    std::memcpy(&v4, address, sizeof(v4));
    endpoint.address[10] = endpoint.address[11] = 0xFF;
    std::memcpy(&endpoint.address[12], &v4.sin_addr, sizeof(v4.sin_addr));
    endpoint.port = ntohs(v4.sin_port);
  } else if (family == AF_INET6 && length >= sizeof(sockaddr_in6)) {
    sockaddr_in6 v6;
    std::memcpy(&v6, address, sizeof(v6));
    std::memcpy(endpoint.address.data(), &v6.sin6_addr, sizeof(v6.sin6_addr));
    endpoint.port = ntohs(v6.sin6_port);
  }
  return endpoint;
}

SocketFault classify(int error) {
  switch (error) {
    case 0:
    case EAGAIN:
    case EINTR:
      return SocketFault::nothing;
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENOPROTOOPT:
      return SocketFault::unreachable;
    case EIO:
    case EMSGSIZE:
    case EINVAL:
    case EOPNOTSUPP:
      return SocketFault::no_gso;
    default:
      return SocketFault::refused;
  }
}

Duration default_spin() {
  return std::thread::hardware_concurrency() > 4 ? microseconds(20) : nanoseconds(0);
}

MonoTime raw_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_RAW, &now);
  return {now.tv_sec * 1'000'000'000 + now.tv_nsec};
}

}  // namespace tercet::dataplane
