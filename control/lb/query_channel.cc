#include "control/lb/query_channel.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "dataplane/port/socket.h"

namespace tercet::control {
namespace {

using dataplane::ControlPath;
using dataplane::LocalDatagram;
using dataplane::OwnedFd;

class SocketChannel final : public QueryChannel {
 public:
  explicit SocketChannel(OwnedFd socket) : socket_(std::move(socket)) {}
  void send(Bytes datagram) override { ::send(socket_.get(), datagram.data(), datagram.size(), 0); }
  size_t receive(MutBytes room, int timeout_ms) override {
    pollfd wake{socket_.get(), POLLIN, 0};
    if (::poll(&wake, 1, timeout_ms) <= 0) {
      return 0;
    }
    const ssize_t got = recv(socket_.get(), room.data(), room.size(), 0);
    return got > 0 ? static_cast<size_t>(got) : 0;
  }

 private:
  OwnedFd socket_;
};

class PathChannel final : public QueryChannel {
 public:
  explicit PathChannel(std::shared_ptr<ControlPath> path) : path_(std::move(path)) {}
  void send(Bytes datagram) override {
    if (datagram.size() <= datagram_.bytes.size()) {
      datagram_.size = static_cast<uint16_t>(datagram.size());
      std::memcpy(datagram_.bytes.data(), datagram.data(), datagram.size());
      path_->questions().push(datagram_);
    }
  }
  size_t receive(MutBytes room, int timeout_ms) override {
    if (!take()) {
      pollfd wake{path_->answers_bell(), POLLIN, 0};
      ::poll(&wake, 1, timeout_ms);
      // Silenced before the queue is looked at: what is pushed later rings again.
      ControlPath::silence(path_->answers_bell());
      if (!take()) {
        return 0;
      }
    }
    const size_t size = std::min<size_t>(datagram_.size, room.size());
    std::memcpy(room.data(), datagram_.bytes.data(), size);
    return size;
  }

 private:
  bool take() { return path_->answers().pop(std::span(&datagram_, 1)) == 1; }
  std::shared_ptr<ControlPath> path_;
  LocalDatagram datagram_;
};

}  // namespace

tl::expected<std::unique_ptr<QueryChannel>, std::string> open_socket_channel(const Endpoint& at) {
  sockaddr_in6 address{};
  const socklen_t length = dataplane::to_sockaddr(at, address);
  OwnedFd fd(socket(at.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd || connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) {
    return tl::unexpected("the admin interface cannot reach " + to_string(at) + " (" + std::strerror(errno) +
                          "): is the address on this machine?");
  }
  return std::make_unique<SocketChannel>(std::move(fd));
}

std::unique_ptr<QueryChannel> make_path_channel(std::shared_ptr<ControlPath> path) {
  return std::make_unique<PathChannel>(std::move(path));
}

}  // namespace tercet::control
