#pragma once
// Order: a client's datagram → each of its operations a place in the log, a read's place in the stream, a
// repeat's old answer, or a word why not.

#include <array>

#include "dataplane/snapshot.h"
#include "dataplane/steer/repeats.h"
#include "dataplane/steer/reply.h"

namespace tercet::dataplane {

struct OrderOptions {
  size_t in_flight = 8192;     ///< queries that wait for an answer
  size_t repeat_sets = 16384;  ///< × 4 handles remembered
  // Leases that are asked for lie between these; ≥ 1 s, ≤ 24 h, and the lower one is not above the other.
  uint32_t lease_min_ms = 1'000;
  uint32_t lease_max_ms = 24U * 3600 * 1'000;
  uint32_t replay_window_ms = 600'000;
};

class Order {
 public:
  Order(const OrderOptions& options, SteerCounters& counters)
      : options_(options),
        counters_(counters),
        in_flight_(options.in_flight),
        repeats_(options.repeat_sets) {}

  /// Where status pages come from; null: status is answered UNAVAILABLE.
  void status_from(Snapshot<StatusDocument>* status) { status_ = status; }
  /// Before a burst of clients' messages is taken, for each: starts loading what is known of its (first)
  /// handle. `plain` may be anything.
  void prefetch(Bytes plain) const;
  void take(const ClientRef& client, Bytes plain, const Moment& now, quorum::Proposer& proposer, Reply& reply,
            Outbox& out);
  /// What the proposer decided: answered and forgotten.
  void deliver(const quorum::Outcome& outcome, Reply& reply, Outbox& out);
  /// Everything that waits is told `code`. `over`: nothing of it will be delivered any more (the epoch was
  /// lost).
  void tell_all(Code code, bool over, Reply& reply, Outbox& out);
  [[nodiscard]] size_t in_flight() const { return in_flight_.used(); }

 private:
  void hello(const ClientRef& client, const Hello& hello, const quorum::Proposer& proposer, const Moment& now,
             Outbox& out);
  void operation(const ClientRef& client, const OpView& op, const Moment& now, quorum::Proposer& proposer,
                 Reply& reply, Outbox& out);
  void count_refusal(Code code);
  Bytes bounded(const OpView& op);
  void status(const ClientRef& client, const OpView& op, Reply& reply, Outbox& out);

  OrderOptions options_;
  SteerCounters& counters_;
  InFlight in_flight_;
  Repeats repeats_;
  std::array<uint8_t, kOpMax> bounded_{};  ///< the operation that bounded() changed
  Snapshot<StatusDocument>* status_ = nullptr;
};

}  // namespace tercet::dataplane
