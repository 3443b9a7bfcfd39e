#pragma once
// Heartbeats between the two LBs, by the thread that orders: what is watched is the data plane's own life.
// Sends ours, takes the other's, and keeps what it said of itself. Suspicion itself is failover/'s.

#include "failover/suspicion.h"
#include "wire/heartbeat.h"
#include "wire/outbox.h"

namespace tercet::dataplane {

struct Peer {
  bool heard = false;  ///< and it proved that it is no recording
  LbRole role = LbRole::standby;
  uint8_t flags = 0;
  Epoch epoch;
  Seq commit;
  Nonce instance;
  MonoTime at;
  MonoTime not_active_since;  ///< while it says that it does not serve
};

class Heartbeats {
 public:
  struct Options {
    ServerId self = ServerId::lb1;
    Nonce instance;
    Duration interval = milliseconds(5);
    uint8_t priority = 100;
  };
  /// What ours says.
  struct Own {
    LbRole role = LbRole::standby;
    uint8_t flags = 0;
    Epoch epoch;
    Seq commit;
    CellTime decided_cell;
  };
  explicit Heartbeats(const Options& options) : options_(options) {}

  /// True if it is news and proved itself: it echoes a heartbeat of this process's life.
  bool take(const HeartbeatView& view, MonoTime now);
  /// The next one is due at once.
  void hurry() { next_at_ = {}; }
  /// Sends one if it is time; when the next is due.
  MonoTime tick(const Own& own, MonoTime now, Outbox& out);
  [[nodiscard]] const Peer& peer() const { return peer_; }
  [[nodiscard]] uint64_t sent() const { return number_; }
  [[nodiscard]] uint64_t heard() const { return heard_; }

 private:
  Options options_;
  Peer peer_;
  uint64_t number_ = 0;
  uint64_t heard_ = 0;
  uint64_t echo_instance_ = 0;
  uint64_t echo_number_ = 0;
  MonoTime next_at_;
};

}  // namespace tercet::dataplane
