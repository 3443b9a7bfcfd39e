#include "client/command/admin_reader.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "dataplane/port/socket.h"

namespace tercet::command {
namespace {

constexpr size_t kHeaderMax = 16'384;
constexpr size_t kChunkLineMax = 64;
constexpr size_t kChunkMax = 64U << 20U;

int milliseconds_of(Duration wait) { return static_cast<int>(std::clamp<int64_t>(wait.ms(), 0, 60'000)); }

tl::expected<int, std::string> connect_to(const Endpoint& server, MonoTime until) {
  sockaddr_in6 address{};
  const socklen_t size = dataplane::to_sockaddr(server, address);
  const int fd = ::socket(server.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return tl::unexpected(std::string(std::strerror(errno)));
  }
  int error = ::connect(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    pollfd ready{fd, POLLOUT, 0};
    int got = 0;
    do {
      got = ::poll(&ready, 1, milliseconds_of(until - dataplane::raw_now()));
    } while (got < 0 && errno == EINTR);
    socklen_t length = sizeof error;
    error = got <= 0                                                       ? ETIMEDOUT
            : ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error
                                                                           : errno;
  }
  if (error != 0) {
    ::close(fd);
    return tl::unexpected(std::string(std::strerror(error)));
  }
  return fd;
}

}  // namespace

AdminReader::AdminReader(AdminReader&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      status_(other.status_),
      chunked_(other.chunked_),
      raw_(std::move(other.raw_)),
      chunk_left_(other.chunk_left_),
      in_chunk_(other.in_chunk_) {}

AdminReader::~AdminReader() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

tl::expected<AdminReader, std::string> AdminReader::get(const Endpoint& server, const std::string& path,
                                                        const std::string& token, Duration limit) {
  const MonoTime until = dataplane::raw_now() + limit;
  const auto fd = connect_to(server, until);
  if (!fd) {
    return tl::unexpected(fd.error());
  }
  AdminReader reader(*fd);
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: " + to_string(server) + "\r\n" +
                              (token.empty() ? "" : "Authorization: Bearer " + token + "\r\n") +
                              "Connection: close\r\n\r\n";
  // It is far smaller than an empty socket's buffer.
  if (::send(reader.fd_, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    return tl::unexpected(std::string("the request could not be sent"));
  }
  if (auto header = reader.read_header(until); !header) {
    return tl::unexpected(header.error());
  }
  return reader;
}

AdminReader::Came AdminReader::receive(Duration wait) {
  std::array<char, 65'536> buffer;
  pollfd ready{fd_, POLLIN, 0};
  if (::poll(&ready, 1, milliseconds_of(wait)) <= 0) {  // a signal, too: its handler's flag is looked at
    return Came::nothing;
  }
  const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    return Came::nothing;
  }
  if (got <= 0) {
    return Came::closed;
  }
  raw_.append(buffer.data(), static_cast<size_t>(got));
  return Came::bytes;
}

tl::expected<void, std::string> AdminReader::read_header(MonoTime until) {
  size_t end = std::string::npos;
  while ((end = raw_.find("\r\n\r\n")) == std::string::npos) {
    const Duration left = until - dataplane::raw_now();
    if (left.ns <= 0) {
      return tl::unexpected(std::string("no answer in time"));
    }
    if (raw_.size() > kHeaderMax || receive(left) == Came::closed) {
      return tl::unexpected(std::string("what answers there is no admin interface"));
    }
  }
  std::string header = raw_.substr(0, end + 2);
  raw_.erase(0, end + 4);
  std::ranges::transform(header, header.begin(), [](unsigned char c) { return std::tolower(c); });
  const size_t number = header.find(' ') + 1;
  if (!header.starts_with("http/1.") || header.size() < number + 3 ||
      std::from_chars(header.data() + number, header.data() + number + 3, status_).ec != std::errc{}) {
    return tl::unexpected(std::string("what answers there is no admin interface"));
  }
  chunked_ = header.find("\r\ntransfer-encoding: chunked\r\n") != std::string::npos;
  return {};
}

AdminReader::Step AdminReader::take_body(std::string& body) {
  if (chunked_) {
    return take_chunks(body);
  }
  if (raw_.empty()) {
    return Step::nothing;
  }
  body += raw_;
  raw_.clear();
  return Step::piece;
}

AdminReader::Step AdminReader::take_chunks(std::string& body) {
  Step step = Step::nothing;
  for (;;) {
    if (in_chunk_) {
      const size_t size = std::min(chunk_left_, raw_.size());
      if (size != 0) {
        body.append(raw_, 0, size);
        raw_.erase(0, size);
        chunk_left_ -= size;
        step = Step::piece;
      }
      if (chunk_left_ != 0 || raw_.size() < 2) {
        return step;
      }
      if (!raw_.starts_with("\r\n")) {
        return Step::cut;
      }
      raw_.erase(0, 2);
      in_chunk_ = false;
    }
    const size_t line = raw_.find("\r\n");
    if (line == std::string::npos) {
      return raw_.size() > kChunkLineMax ? Step::cut : step;
    }
    size_t size = 0;
    const auto [rest, error] = std::from_chars(raw_.data(), raw_.data() + line, size, 16);
    if (error != std::errc{} || rest == raw_.data() || size > kChunkMax) {
      return Step::cut;
    }
    if (size == 0) {
      // What came before it is told first; the next call finds the end again.
      return step == Step::piece ? step : Step::end;
    }
    raw_.erase(0, line + 2);
    chunk_left_ = size;
    in_chunk_ = true;
  }
}

AdminReader::Step AdminReader::next(std::string& body, Duration wait) {
  Step step = take_body(body);
  if (step != Step::nothing) {
    return step;
  }
  switch (receive(wait)) {
    case Came::nothing:
      return Step::nothing;
    case Came::closed:
      return chunked_ ? Step::cut : Step::end;
    case Came::bytes:
      break;
  }
  return take_body(body);
}

tl::expected<std::string, std::string> AdminReader::rest(Duration limit, size_t max) {
  const MonoTime until = dataplane::raw_now() + limit;
  std::string body;
  for (;;) {
    const Duration left = until - dataplane::raw_now();
    if (left.ns <= 0) {
      return tl::unexpected(std::string("no answer in time"));
    }
    switch (next(body, left)) {
      case Step::end:
        return body;
      case Step::cut:
        return tl::unexpected(std::string("the answer was cut"));
      case Step::piece:
      case Step::nothing:
        break;
    }
    if (body.size() > max) {
      return tl::unexpected(std::string("the answer is too long"));
    }
  }
}

}  // namespace tercet::command
