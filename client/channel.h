#pragma once
// Channel: one question at a time to the cell, over UDP, sealed. Owns its sockets and its session. Not
// thread-safe: a thread that asks has a channel of its own.
//
// Several servers may be listed (the virtual IP in IPv4 and in IPv6): it stays with the one that answered
// last and tries the next when that one is silent, refuses, or its port is unreachable (an ICMP error is a
// hint, never an end).

#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "client/request.h"
#include "wire/endpoint.h"
#include "wire/seal/client_keyring.h"

namespace tercet::client {

/// What became of one request.
struct Answer {
  enum class End : uint8_t {
    answered,     ///< `code` and `body` are the cell's (a denial too)
    unavailable,  ///< UNAVAILABLE was heard: a mutating request's outcome is unknown
    busy,         ///< the last word was BUSY: not taken in, as far as we heard
    not_active,   ///< only NOT_ACTIVE was heard
    no_answer,    ///< nothing was heard: a mutating request's outcome is unknown
    interrupted,  ///< interrupt_fd became readable
  };
  End end = End::no_answer;
  Code code{};
  std::vector<uint8_t> body;
  BootTime first_sent;
  BootTime answered;
  unsigned transmissions = 0;  ///< of the request itself: 0 when only Hello was refused, nothing was ordered
  std::optional<Duration> first_unavailable;
};

/// What HelloAck said.
struct CellLimits {
  uint32_t lease_min_ms = 1'000;
  uint32_t lease_max_ms = 24 * 3'600'000;
  WallTime wall;
};

class Channel {
 public:
  /// Opens a connected socket per server. The error is one line.
  static tl::expected<std::unique_ptr<Channel>, std::string> open(const std::vector<Endpoint>& servers,
                                                                  const seal::ClientKeys& keys);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// Asks and waits. Anything but `status` is preceded by Hello when the cell's time is not known well
  /// enough; that is part of the timeout. The op is stamped here (R1: the stamp of its first transmission).
  Answer ask(Op op, const Patience& patience);
  /// Repeats an op that was asked before, byte for byte (after an outcome that is unknown).
  Answer repeat(const Op& op, const Patience& patience, BootTime first_sent);
  /// The op as it was last sent by ask(), for repeat().
  [[nodiscard]] const Op& last() const { return last_; }

  /// ask() ends with `interrupted` when `fd` is readable. -1: never.
  void set_interrupt(int fd) { interrupt_fd_ = fd; }
  /// Says Hello before the next ordered request: after STALE.
  void forget_time() { clock_.forget(); }
  [[nodiscard]] const CellLimits& limits() const { return limits_; }
  [[nodiscard]] uint64_t retransmissions() const { return retransmissions_; }

  /// A fresh random handle.
  static Handle new_handle();

 private:
  struct Socket {
    int fd = -1;
    Endpoint to;
  };
  explicit Channel(const seal::ClientKeys& keys) : keyring_(keys) {}
  enum class Ready : uint8_t { datagram, timeout, interrupted };
  Answer run(const Op& op, const Patience& patience, BootTime started);
  /// Nothing once the cell's time is known; else why not.
  std::optional<Answer> hello(const Patience& patience, BootTime started);
  void transmit(size_t plain_size);
  Ready wait(BootTime until);
  /// The next datagram that opens, or an empty span when all sockets are drained.
  Bytes receive();
  void next_server();

  seal::ClientKeyring keyring_;
  std::vector<Socket> sockets_;
  size_t current_ = 0;
  int interrupt_fd_ = -1;
  CellClock clock_;
  CellLimits limits_;
  RoundTrip trip_;
  Op last_;
  uint32_t hello_nonce_ = 0;
  uint64_t retransmissions_ = 0;
  std::array<uint8_t, kSealedMax> out_{};
  std::array<uint8_t, 2048> in_{};
};

}  // namespace tercet::client
