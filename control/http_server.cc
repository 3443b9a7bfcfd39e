#include "control/http_server.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
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

/// Whether the reader of a lasting answer takes what it is sent, by what its machine has acknowledged: that
/// ends a little after it stops reading, when there is no more room there, long before there is none here.
class Pace {
 public:
  explicit Pace(int socket) : socket_(socket) {}
  void sent(size_t bytes) { sent_ += bytes; }
  [[nodiscard]] Clock::time_point look_at() const { return look_at_; }
  /// Looks, if it is time to.
  bool kept(Clock::time_point now) {
    if (now < look_at_ || !kept_) {
      return kept_;
    }
    int waiting = 0;
    const bool known = ioctl(socket_, SIOCOUTQ, &waiting) == 0;
    const uint64_t taken = sent_ - std::min(sent_, static_cast<uint64_t>(waiting));
    kept_ = known && (taken >= sent_before_ || taken - taken_before_ >= HttpServer::kPaceBytes);
    sent_before_ = sent_;
    taken_before_ = taken;
    look_at_ = now + kEvery;
    return kept_;
  }

 private:
  static constexpr std::chrono::milliseconds kEvery{HttpServer::kPaceMs};
  int socket_;
  Clock::time_point look_at_ = Clock::now() + kEvery;
  uint64_t sent_ = 0;
  uint64_t sent_before_ = 0;  ///< at the last look
  uint64_t taken_before_ = 0;
  bool kept_ = true;
};

/// One connection. When the time of the request or of the answer is up, every read and write fails.
class LimitedStream : public httplib::Stream {
 public:
  explicit LimitedStream(socket_t socket) : socket_(socket), pace_(socket) {}

  [[nodiscard]] bool is_readable() const override { return read_from_ < read_to_ || ready(POLLIN); }
  [[nodiscard]] bool is_writable() const override {
    return lasting_ ? !gone() && pace_.kept(Clock::now()) : answering_ || ready(POLLOUT);
  }
  /// As long as its reader keeps pace.
  void may_last() {
    lasting_ = true;
    pace_ = Pace(socket_);
  }

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
    if (!answering_) {
      answering_ = true;
      end_ = Clock::now() + std::chrono::milliseconds(HttpServer::kAnswerMs);
    }
    if (!(lasting_ ? may_go_on() : ready(POLLOUT))) {
      return -1;
    }
    const ssize_t got = send(socket_, from, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    pace_.sent(got > 0 ? static_cast<size_t>(got) : 0);
    return got;
  }

  void get_remote_ip_and_port(std::string& ip, int& port) const override { ask(getpeername, ip, port); }
  void get_local_ip_and_port(std::string& ip, int& port) const override { ask(getsockname, ip, port); }
  [[nodiscard]] socket_t socket() const override { return socket_; }

 private:
  /// There is room for more of a lasting answer, now or while its reader keeps pace.
  bool may_go_on() {
    for (end_ = pace_.look_at(); !ready(POLLOUT); end_ = pace_.look_at()) {
      const auto now = Clock::now();
      if (now < end_ || !pace_.kept(now)) {
        return false;
      }
    }
    return true;
  }
  /// Its reader has closed the connection, or broken it.
  [[nodiscard]] bool gone() const {
    pollfd wanted{.fd = socket_, .events = POLLRDHUP, .revents = 0};
    return ::poll(&wanted, 1, 0) > 0;
  }
  [[nodiscard]] bool ready(short events) const {
    pollfd wanted{.fd = socket_, .events = events, .revents = 0};
    for (;;) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end_ - Clock::now()).count();
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
  mutable Pace pace_;
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
