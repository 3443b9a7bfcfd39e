#include "control/lb/link_watch.h"

#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace tercet::control {

tl::expected<LinkWatch, std::string> LinkWatch::open() {
  mnl_socket* socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (socket == nullptr ||
      mnl_socket_bind(socket, RTMGRP_LINK | RTMGRP_IPV4_IFADDR, MNL_SOCKET_AUTOPID) < 0) {
    const int error = errno;
    if (socket != nullptr) {
      mnl_socket_close(socket);
    }
    return tl::unexpected(std::string("changes of interfaces cannot be watched (") + std::strerror(error) +
                          "): the kernel must let this process use NETLINK_ROUTE");
  }
  return LinkWatch(socket);
}

LinkWatch::LinkWatch(LinkWatch&& other) noexcept : socket_(std::exchange(other.socket_, nullptr)) {}
LinkWatch& LinkWatch::operator=(LinkWatch&& other) noexcept {
  std::swap(socket_, other.socket_);
  return *this;
}
LinkWatch::~LinkWatch() {
  if (socket_ != nullptr) {
    mnl_socket_close(socket_);
  }
}

int LinkWatch::descriptor() const { return mnl_socket_get_fd(socket_); }

bool LinkWatch::changed() {
  bool any = false;
  std::array<uint8_t, 8192> message;
  // Bounded: whoever changes interfaces all the time must not keep the caller from its timers.
  for (int i = 0; i < 64; ++i) {
    const ssize_t size = recv(descriptor(), message.data(), message.size(), MSG_DONTWAIT);
    if (size > 0 || (size < 0 && errno == ENOBUFS)) {
      any = true;
    } else if (size == 0 || errno != EINTR) {
      break;
    }
  }
  return any;
}

bool has_carrier(const std::string& interface) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return true;  // not known to be gone
  }
  ifreq request{};
  std::strncpy(request.ifr_name, interface.c_str(), IFNAMSIZ - 1);
  const bool known = ioctl(fd, SIOCGIFFLAGS, &request) == 0;
  close(fd);
  const auto flags = static_cast<unsigned>(static_cast<unsigned short>(request.ifr_flags));
  return known && (flags & IFF_UP) != 0 && (flags & IFF_RUNNING) != 0;
}

}  // namespace tercet::control
