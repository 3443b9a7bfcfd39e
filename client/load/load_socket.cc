#include "client/load/load_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace tercet::load {

namespace {
constexpr size_t kBatch = 64;
constexpr int kSocketBuffer = 1 << 20;
}  // namespace

struct LoadSocket::Buffers {
  std::array<std::array<uint8_t, kClientDatagramMax>, kBatch> in, out;
  std::array<iovec, kBatch> in_vec{}, out_vec{};
  std::array<mmsghdr, kBatch> in_messages{}, out_messages{};
};

LoadSocket::LoadSocket(int fd, const seal::ClientKeys& keys)
    : fd_(fd), keyring_(keys), buffers_(std::make_unique<Buffers>()) {
  for (size_t i = 0; i < kBatch; ++i) {
    buffers_->in_vec[i] = {buffers_->in[i].data(), buffers_->in[i].size()};
    buffers_->in_messages[i].msg_hdr.msg_iov = &buffers_->in_vec[i];
    buffers_->in_messages[i].msg_hdr.msg_iovlen = 1;
    buffers_->out_vec[i] = {buffers_->out[i].data(), 0};
    buffers_->out_messages[i].msg_hdr.msg_iov = &buffers_->out_vec[i];
    buffers_->out_messages[i].msg_hdr.msg_iovlen = 1;
  }
}

LoadSocket::~LoadSocket() { ::close(fd_); }

tl::expected<std::unique_ptr<LoadSocket>, std::string> LoadSocket::open(const Endpoint& server,
                                                                        const seal::ClientKeys& keys) {
  const bool v4 = server.is_v4();
  const int fd = ::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) {
    return tl::unexpected("no UDP socket: " + std::string(std::strerror(errno)) +
                          ": ask for fewer clients or raise the limit of open files");
  }
  std::unique_ptr<LoadSocket> socket(new LoadSocket(fd, keys));
  // Without a bigger buffer a burst of answers is lost here and shows as the cell's latency. Best effort.
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kSocketBuffer, sizeof kSocketBuffer);
  int connected = -1;
  if (v4) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(server.port);
    std::memcpy(&to.sin_addr, server.address.data() + 12, 4);
    connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  } else {
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_port = htons(server.port);
    std::memcpy(&to.sin6_addr, server.address.data(), 16);
    connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  if (connected != 0) {
    return tl::unexpected(to_string(server) + ": " + std::strerror(errno) + ": check this host's routes");
  }
  return socket;
}

MutBytes LoadSocket::next_out() {
  if (queued_ == kBatch) {
    flush();
  }
  return buffers_->out[queued_];
}

void LoadSocket::queue(const client::Op& op) {
  const MutBytes out = next_out();
  QueryWriter writer(out.subspan(kHeaderSize, kClientPlainMax));
  writer.add(op.bytes());
  const size_t plain = writer.finish();
  buffers_->out_vec[queued_++].iov_len = keyring_.seal_query(Bytes(out).subspan(kHeaderSize, plain), out);
}

void LoadSocket::queue_hello(client::BootTime now) {
  const MutBytes out = next_out();
  Hello hello{};
  hello.type = static_cast<uint8_t>(ClientMessage::hello);
  hello.version = kQueryVersion;
  hello.nonce = ++hello_nonce_;
  hello_sent_ = now;
  std::memcpy(out.data() + kHeaderSize, &hello, sizeof hello);
  buffers_->out_vec[queued_++].iov_len =
      keyring_.seal_query(Bytes(out).subspan(kHeaderSize, sizeof hello), out);
}

void LoadSocket::flush() {
  size_t sent = 0;
  // An ICMP error of an earlier datagram is told by the next call, which then sends nothing: once more.
  for (int errors = 0; sent < queued_ && errors < 2;) {
    const int n =
        ::sendmmsg(fd_, buffers_->out_messages.data() + sent, static_cast<unsigned>(queued_ - sent), 0);
    if (n > 0) {
      sent += static_cast<size_t>(n);
    } else {
      ++errors;
    }
  }
  queued_ = 0;
}

size_t LoadSocket::receive_batch() {
  for (int errors = 0; errors < 2; ++errors) {
    const int n = ::recvmmsg(fd_, buffers_->in_messages.data(), kBatch, MSG_DONTWAIT, nullptr);
    if (n > 0) {
      return static_cast<size_t>(n);
    }
    if (n < 0 && errno == EAGAIN) {
      break;
    }
  }
  return 0;
}

Bytes LoadSocket::open_reply_of(size_t i, client::BootTime) {
  const size_t size = buffers_->in_messages[i].msg_len;
  const auto opened = keyring_.open_reply(MutBytes(buffers_->in[i].data(), size));
  if (!opened) {
    return {};
  }
  Drop drop{};
  if (const HelloAck* ack = parse_hello_ack(opened->plain, drop); ack != nullptr) {
    if (ack->nonce != hello_nonce_) {
      return {};
    }
    hello_code_ = static_cast<Code>(ack->code);
    if (hello_code_ == Code::granted) {
      clock_.heard({static_cast<int64_t>(ack->cell_ms.get())}, hello_sent_);
      clock_.set_window(milliseconds(ack->replay_window_ms.get()));
    }
    return {};
  }
  Bytes answers;
  return parse_reply(opened->plain, answers) == Drop::none ? answers : Bytes{};
}

}  // namespace tercet::load
