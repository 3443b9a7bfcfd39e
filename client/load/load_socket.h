#pragma once
// One client of the bench: a connected socket, a keyring with a session of its own, what it knows of the
// cell's time, and the datagrams that it is about to send.

#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "client/request.h"
#include "wire/endpoint.h"
#include "wire/seal/client_keyring.h"

namespace tercet::load {

class LoadSocket {
 public:
  static tl::expected<std::unique_ptr<LoadSocket>, std::string> open(const Endpoint& server,
                                                                     const seal::ClientKeys& keys);
  ~LoadSocket();
  LoadSocket(const LoadSocket&) = delete;
  LoadSocket& operator=(const LoadSocket&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  client::CellClock& clock() { return clock_; }
  /// What the last HelloAck said: granted, or why not. Nothing: none came.
  [[nodiscard]] std::optional<Code> hello_code() const { return hello_code_; }
  /// Seals a Query of `op` behind those that wait to be sent.
  void queue(const client::Op& op);
  void queue_hello(client::BootTime now);
  [[nodiscard]] bool queued() const { return queued_ > 0; }
  /// One sendmmsg for all that is queued; what the kernel does not take is lost, like any datagram.
  void flush();
  /// Receives a batch and calls `take(reply, now)` for each answer; Hello's are dealt with here. False:
  /// nothing more.
  template <class Take>
  bool receive(Take take);

 private:
  LoadSocket(int fd, const seal::ClientKeys& keys);
  struct Buffers;
  size_t receive_batch();
  /// The opened plaintext of datagram `i` of the batch; empty if it did not open or was a HelloAck.
  Bytes open_reply_of(size_t i, client::BootTime now);
  MutBytes next_out();

  int fd_;
  seal::ClientKeyring keyring_;
  client::CellClock clock_;
  uint32_t hello_nonce_ = 0;
  client::BootTime hello_sent_;
  std::optional<Code> hello_code_;
  size_t queued_ = 0;
  std::unique_ptr<Buffers> buffers_;
};

template <class Take>
bool LoadSocket::receive(Take take) {
  const size_t batch = receive_batch();
  if (batch == 0) {
    return false;
  }
  const client::BootTime now = client::boot_now();
  for (size_t i = 0; i < batch; ++i) {
    Bytes rest = open_reply_of(i, now);
    ReplyView reply;
    while (!rest.empty() && next_reply(rest, reply)) {
      take(reply, now);
    }
  }
  return true;
}

}  // namespace tercet::load
