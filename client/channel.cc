#include "client/channel.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace tercet::client {
namespace {

socklen_t to_sockaddr(const Endpoint& endpoint, sockaddr_in6& out) {
  std::memset(&out, 0, sizeof out);
  if (endpoint.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&v4.sin_addr, endpoint.address.data() + 12, 4);
    std::memcpy(&out, &v4, sizeof v4);
    return sizeof v4;
  }
  out.sin6_family = AF_INET6;
  out.sin6_port = htons(endpoint.port);
  std::memcpy(&out.sin6_addr, endpoint.address.data(), 16);
  return sizeof out;
}

/// The first server's network may be down while the second's is up, so a socket that cannot connect yet is
/// not an error; each transmission tries again.
bool connect_to(int fd, const Endpoint& to) {
  sockaddr_in6 address{};
  const socklen_t size = to_sockaddr(to, address);
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0;
}

Answer::End end_of(const std::optional<Code>& refusal) {
  if (!refusal) {
    return Answer::End::no_answer;
  }
  switch (*refusal) {
    case Code::unavailable:
      return Answer::End::unavailable;
    case Code::busy:
      return Answer::End::busy;
    default:
      return Answer::End::not_active;
  }
}

}  // namespace

tl::expected<std::unique_ptr<Channel>, std::string> Channel::open(const std::vector<Endpoint>& servers,
                                                                  const seal::ClientKeys& keys) {
  if (servers.empty()) {
    return tl::unexpected(
        std::string("no server is named: set [client] servers in the client's configuration"));
  }
  std::unique_ptr<Channel> channel(new Channel(keys));
  for (const Endpoint& server : servers) {
    const int fd =
        ::socket(server.is_v4() ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
      return tl::unexpected("no UDP socket: " + std::string(std::strerror(errno)) +
                            ": check the limit of open files");
    }
    channel->sockets_.push_back({fd, server});
    connect_to(fd, server);
  }
  return channel;
}

Channel::~Channel() {
  for (const Socket& socket : sockets_) {
    ::close(socket.fd);
  }
}

Handle Channel::new_handle() {
  Handle handle;
  seal::random_bytes(handle.bytes);
  return handle;
}

void Channel::next_server() { current_ = (current_ + 1) % sockets_.size(); }

void Channel::transmit(size_t plain_size) {
  const size_t size = keyring_.seal_query(Bytes(out_.data() + kHeaderSize, plain_size), out_);
  // An error here is what an earlier datagram met (ICMP), or a network that is down: lost, like any datagram.
  for (int tries = 0; tries < 2; ++tries) {
    const Socket& socket = sockets_[current_];
    if (::send(socket.fd, out_.data(), size, 0) >= 0) {
      return;
    }
    if (errno == EDESTADDRREQ || errno == ENOTCONN) {
      connect_to(socket.fd, socket.to);
    } else if (errno != ECONNREFUSED) {
      return;
    }
  }
}

Channel::Ready Channel::wait(BootTime until) {
  std::vector<pollfd> fds;
  fds.reserve(sockets_.size() + 1);
  for (const Socket& socket : sockets_) {
    fds.push_back({socket.fd, POLLIN, 0});
  }
  fds.push_back({interrupt_fd_, POLLIN, 0});  // a negative one is ignored
  const Duration left = std::max(until - boot_now(), Duration{});
  const timespec timeout{left.ns / 1'000'000'000, left.ns % 1'000'000'000};
  const int ready = ::ppoll(fds.data(), fds.size(), &timeout, nullptr);
  if (fds.back().revents != 0 && ready > 0) {
    return Ready::interrupted;
  }
  return ready > 0 ? Ready::datagram : Ready::timeout;
}

Bytes Channel::receive() {
  for (size_t i = 0; i < sockets_.size(); ++i) {
    const size_t at = (current_ + i) % sockets_.size();
    for (;;) {
      const ssize_t size = ::recv(sockets_[at].fd, in_.data(), in_.size(), 0);
      if (size < 0) {
        if (errno == EINTR) {
          continue;
        }
        if (errno != EAGAIN && at == current_) {
          next_server();  // unreachable: the next transmission goes elsewhere
        }
        break;
      }
      const auto opened = keyring_.open_reply(MutBytes(in_.data(), static_cast<size_t>(size)));
      if (opened) {
        current_ = at;
        return opened->plain;
      }
    }
  }
  return {};
}

std::optional<Answer> Channel::hello(const Patience& patience, BootTime started) {
  const BootTime deadline = started + patience.timeout;
  Attempt attempt({}, patience, started);
  Answer failed;
  failed.first_sent = started;
  BootTime asked = started;
  // One nonce for all copies. The time heard counts from the last copy that left before it: the estimate may
  // then be too early, which is harmless, never too late.
  seal::random_bytes({reinterpret_cast<uint8_t*>(&hello_nonce_), sizeof hello_nonce_});
  for (;;) {
    const BootTime now = boot_now();
    if (attempt.ended(now) || now >= deadline) {
      failed.end = end_of(attempt.refusal());
      failed.first_unavailable = attempt.first_unavailable();
      return failed;
    }
    if (attempt.transmit_due(now)) {
      Hello message{};
      message.type = static_cast<uint8_t>(ClientMessage::hello);
      message.version = kQueryVersion;
      message.nonce = hello_nonce_;
      std::memcpy(out_.data() + kHeaderSize, &message, sizeof message);
      if (attempt.transmissions() > 1) {
        next_server();
      }
      attempt.transmitted(now, trip_.first_resend());
      retransmissions_ += attempt.transmissions() > 1 ? 1 : 0;
      transmit(sizeof message);
      asked = now;
    }
    const Ready ready = wait(earlier(attempt.next(), deadline));
    if (ready == Ready::interrupted) {
      failed.end = Answer::End::interrupted;
      return failed;
    }
    for (Bytes plain = receive(); !plain.empty(); plain = receive()) {
      Drop drop{};
      const HelloAck* ack = parse_hello_ack(plain, drop);
      if (ack == nullptr || ack->nonce != hello_nonce_) {
        continue;
      }
      if (ack->code == static_cast<uint8_t>(Code::granted)) {
        clock_.heard({static_cast<int64_t>(ack->cell_ms.get())}, asked);
        clock_.set_window(milliseconds(ack->replay_window_ms.get()));
        limits_ = {ack->lease_min_ms, ack->lease_max_ms, {static_cast<int64_t>(ack->wall_ms.get())}};
        if (attempt.transmissions() == 1) {
          trip_.sample(boot_now() - asked);
        }
        return std::nullopt;
      }
      attempt.take({{}, static_cast<Code>(ack->code), 0, {}, {}}, boot_now());
      next_server();
    }
  }
}

Answer Channel::ask(Op op, const Patience& patience) {
  const BootTime started = boot_now();
  if (op.id().kind != OpKind::status && clock_.stale(started)) {
    if (auto failed = hello(patience, started)) {
      return *failed;
    }
  }
  if (limits_.lease_max_ms != 0) {
    op.bound_lease(limits_.lease_min_ms, limits_.lease_max_ms);
  }
  op.stamp(clock_.at(boot_now()));
  last_ = op;
  return run(op, patience, started);
}

Answer Channel::repeat(const Op& op, const Patience& patience, BootTime first_sent) {
  Answer answer = run(op, patience, boot_now());
  answer.first_sent = first_sent;  // R2: the request's first transmission was then
  return answer;
}

Answer Channel::run(const Op& op, const Patience& patience, BootTime started) {
  const BootTime deadline = started + patience.timeout;
  Attempt attempt(op.id(), patience, boot_now());
  Answer answer;
  answer.first_sent = started;
  const auto finish = [&](Answer::End end) {
    answer.end = end;
    answer.transmissions = attempt.transmissions();
    answer.first_unavailable = attempt.first_unavailable();
    if (attempt.transmissions() > 0) {
      answer.first_sent = attempt.first_sent();
    }
    return answer;
  };
  for (;;) {
    const BootTime now = boot_now();
    if (attempt.ended(now) || now >= deadline) {
      return finish(end_of(attempt.refusal()));
    }
    if (attempt.transmit_due(now)) {
      if (attempt.transmissions() > 1 && attempt.refusal() != Code::busy) {
        next_server();  // two were lost: perhaps it is this server
      }
      retransmissions_ += attempt.transmissions() > 0 ? 1 : 0;
      QueryWriter writer(MutBytes(out_).subspan(kHeaderSize, kClientPlainMax));
      writer.add(op.bytes());
      attempt.transmitted(now, trip_.first_resend());
      transmit(writer.finish());
    }
    if (wait(earlier(attempt.next(), deadline)) == Ready::interrupted) {
      return finish(Answer::End::interrupted);
    }
    for (Bytes plain = receive(); !plain.empty(); plain = receive()) {
      Bytes rest;
      if (parse_reply(plain, rest) != Drop::none) {
        continue;
      }
      ReplyView reply;
      while (next_reply(rest, reply)) {
        const BootTime heard = boot_now();
        switch (attempt.take(reply, heard)) {
          case Attempt::Verdict::not_mine:
            break;
          case Attempt::Verdict::again:
            if (reply.code == Code::not_active) {
              next_server();
            }
            break;
          case Attempt::Verdict::answered:
            if (attempt.transmissions() == 1) {
              trip_.sample(heard - attempt.first_sent());
            } else {
              trip_.sample_unsure(heard - attempt.first_sent());
            }
            answer.code = reply.code;
            answer.body.assign(reply.body.begin(), reply.body.end());
            answer.answered = heard;
            return finish(Answer::End::answered);
        }
      }
    }
  }
}

}  // namespace tercet::client
