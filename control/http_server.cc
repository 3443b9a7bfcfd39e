#include "control/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

namespace tercet::control {
namespace {

constexpr int kBacklog = 512;  // httplib's own is 5
constexpr int kSilentSeconds = 5;
constexpr int kLingerMs = 100;
constexpr size_t kLingerBytes = 4 << 20;

using Clock = std::chrono::steady_clock;

/// One connection. When the time of the request or of the answer is up, every read and write fails.
class LimitedStream : public httplib::Stream {
 public:
  explicit LimitedStream(socket_t socket) : socket_(socket) {}

  [[nodiscard]] bool is_readable() const override { return read_from_ < read_to_ || ready(POLLIN); }
  [[nodiscard]] bool is_writable() const override {
    return lasting_ ? !gone() : answering_ || ready(POLLOUT);
  }
  /// The answer's limit begins anew with each piece of it.
  void may_last() { lasting_ = true; }

  ssize_t read(char* into, size_t size) override {
    if (read_from_ == read_to_) {  // httplib reads a header byte by byte
      const ssize_t got = ready(POLLIN) ? recv(socket_, buffer_.data(), buffer_.size(), MSG_DONTWAIT) : -1;
      if (got <= 0) {
        return got;
      }
      read_from_ = 0;
      read_to_ = static_cast<size_t>(got);
    }
    const size_t n = std::min(size, read_to_ - read_from_);
    std::copy_n(buffer_.data() + read_from_, n, into);
    read_from_ += n;
    return static_cast<ssize_t>(n);
  }
  ssize_t write(const char* from, size_t size) override {
    if (!answering_ || lasting_) {
      answering_ = true;
      end_ = Clock::now() + std::chrono::milliseconds(HttpServer::kAnswerMs);
    }
    return ready(POLLOUT) ? send(socket_, from, size, MSG_DONTWAIT | MSG_NOSIGNAL) : -1;
  }

  void get_remote_ip_and_port(std::string& ip, int& port) const override { ask(getpeername, ip, port); }
  void get_local_ip_and_port(std::string& ip, int& port) const override { ask(getsockname, ip, port); }
  [[nodiscard]] socket_t socket() const override { return socket_; }

 private:
  /// Its reader has closed the connection, or broken it.
  [[nodiscard]] bool gone() const {
    pollfd wanted{.fd = socket_, .events = POLLRDHUP, .revents = 0};
    return ::poll(&wanted, 1, 0) > 0;
  }
  [[nodiscard]] bool ready(short events) const {
    pollfd wanted{.fd = socket_, .events = events, .revents = 0};
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end_ - Clock::now()).count();
      if (left <= 0) {
        return false;
      }
      const int got = ::poll(&wanted, 1, static_cast<int>(left));
      if (got >= 0 || errno != EINTR) {
        return got > 0;
      }
    }
  }
  void ask(int (*which)(int, sockaddr*, socklen_t*), std::string& ip, int& port) const {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (which(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      return;
    }
    if (address.ss_family == AF_INET) {
      const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address);
      inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
      port = ntohs(v4->sin_port);
    } else if (address.ss_family == AF_INET6) {
      const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address);
      inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
      port = ntohs(v6->sin6_port);
    }
    ip = text.data();
  }

  socket_t socket_;
  Clock::time_point end_ = Clock::now() + std::chrono::milliseconds(HttpServer::kRequestMs);
  bool answering_ = false;
  bool lasting_ = false;
  std::array<char, 4096> buffer_{};
  size_t read_from_ = 0;
  size_t read_to_ = 0;
};

/// What a client still sends is taken for a moment: close() with data unread is a reset, which loses our
/// answer.
void linger(int socket) {
  shutdown(socket, SHUT_WR);
  const auto end = Clock::now() + std::chrono::milliseconds(kLingerMs);
  std::array<char, 65536> rest;
  for (size_t taken = 0; taken < kLingerBytes && Clock::now() < end;) {
    pollfd more{.fd = socket, .events = POLLIN, .revents = 0};
    const ssize_t got =
        ::poll(&more, 1, kLingerMs) > 0 ? recv(socket, rest.data(), rest.size(), MSG_DONTWAIT) : 0;
    if (got <= 0) {
      return;
    }
    taken += static_cast<size_t>(got);
  }
}

}  // namespace

HttpServer::HttpServer() {
  new_task_queue = [] { return new httplib::ThreadPool(kThreads); };  // httplib deletes it
  set_payload_max_length(0);
  set_socket_options([this](socket_t socket) {
    // httplib's default would let a second process share the port unnoticed (SO_REUSEPORT).
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    setsockopt(socket, IPPROTO_TCP, TCP_DEFER_ACCEPT, &kSilentSeconds, sizeof kSilentSeconds);
    listening_ = socket;
  });
  // Before httplib looks for a body: what is no GET has none that anybody wants.
  set_pre_routing_handler([](const httplib::Request& request, httplib::Response& response) {
    if (request.method == "GET" || request.method == "HEAD") {
      return HandlerResponse::Unhandled;
    }
    response.status = 405;
    response.set_header("Allow", "GET, HEAD");
    response.set_content("{\"error\":\"only GET and HEAD are served here\"}\n", "application/json");
    return HandlerResponse::Handled;
  });
}

int HttpServer::bind(const char* host, int port) {
  errno = 0;
  if (port == 0) {
    port = bind_to_any_port(host);
  } else if (!bind_to_port(host, port)) {
    port = -1;
  }
  if (port >= 0 && ::listen(listening_, kBacklog) != 0) {
    port = -1;
  }
  return port;
}

bool HttpServer::process_and_close_socket(socket_t socket) {
  LimitedStream stream(socket);
  bool closed = false;
  const bool served = process_request(stream, true, closed, [&](httplib::Request& request) {
    if (lasting_.contains(request.path)) {
      stream.may_last();
    }
  });
  linger(socket);
  ::close(socket);
  return served;
}

}  // namespace tercet::control
