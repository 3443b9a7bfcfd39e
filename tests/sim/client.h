#pragma once
// A simulated client: checks seats out, renews, releases, reads; repeats what is not answered; keeps its own
// record of what it holds. Shares no code with the servers or with client/ but the wire's declarations.

#include <vector>

#include "tests/sim/checkers.h"
#include "tests/sim/random.h"
#include "wire/op.h"

namespace tercet::sim {

struct ClientStats {
  uint64_t requests = 0;
  uint64_t granted = 0;
  uint64_t denied = 0;
  uint64_t reads = 0;
  uint64_t unknown = 0;
  uint64_t transmissions = 0;
  uint64_t unavailable = 0;
};

class Client {
 public:
  struct Options {
    uint32_t firm = 10;
    uint32_t product = 1;
    Duration lease = seconds(2);
    Duration think_max = milliseconds(240);
    Duration give_up = milliseconds(2500);
    /// At times it gives a seat up that it was not told of yet, or forgets one that it has.
    bool hasty = false;
  };
  Client(const Options& options, uint64_t seed, Checkers& checkers)
      : options_(options), random_(seed), checkers_(checkers) {}

  /// A datagram's plain text from an LB.
  void receive(const uint8_t* data, size_t size, MonoTime now);
  /// What to send now (empty: nothing); when to call again.
  MonoTime tick(MonoTime now, std::vector<uint8_t>& send);
  /// Imports this constituent before anything else.
  void import(std::vector<uint8_t> constituent) { import_ = std::move(constituent); }
  [[nodiscard]] const ClientStats& stats() const { return stats_; }
  /// When it was last answered finally.
  [[nodiscard]] MonoTime answered_at() const { return answered_at_; }
  [[nodiscard]] bool waiting() const { return phase_ != Phase::thinking; }

 private:
  enum class Phase : uint8_t { hello, thinking, waiting };
  void begin(OpKind kind, MonoTime now);
  void finish(Code code, const std::vector<uint8_t>& body, MonoTime now);
  void give_up(MonoTime now);
  void choose(MonoTime now);
  void write_request(std::vector<uint8_t>& out) const;

  Options options_;
  Random random_;
  Checkers& checkers_;
  ClientStats stats_;
  Phase phase_ = Phase::hello;
  std::vector<uint8_t> import_;
  uint32_t hello_nonce_ = 0;
  int64_t cell_anchor_ms_ = 0;
  MonoTime cell_anchor_at_;
  // The request under way.
  OpKind kind_{};
  Handle handle_;
  uint32_t request_ = 0;
  MonoTime first_sent_;
  MonoTime next_send_;
  Duration backoff_;
  Duration patience_;
  int64_t sent_cell_ms_ = 0;
  // The seat it holds.
  bool holds_ = false;
  bool takes_back_ = false;  ///< its last checkout, whatever became of it
  Handle seat_;
  uint32_t seat_request_ = 0;
  MonoTime held_until_;
  unsigned renewals_ = 0;
  MonoTime next_at_;
  MonoTime answered_at_;
};

}  // namespace tercet::sim
