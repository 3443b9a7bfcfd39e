#pragma once
// Balancer: the LB's Service. A message → its step: a client's query to order/, a vote or promise to the
// proposer, a heartbeat to suspicion. What the proposer decided → reply/. One thread; with several it is the
// quorum thread.

#include "dataplane/port/link.h"
#include "dataplane/service.h"
#include "dataplane/snapshot.h"
#include "dataplane/steer/control_link.h"
#include "dataplane/steer/heartbeat.h"
#include "dataplane/steer/order.h"
#include "dataplane/steer/view.h"
#include "quorum/proposer.h"

namespace tercet::dataplane {

class Balancer : public Service {
 public:
  struct Options {
    quorum::Proposer::Options proposer;
    failover::SuspicionOptions suspicion;
    OrderOptions order;
    uint8_t priority = 100;
    Duration stall = milliseconds(500);  ///< not run for so long: told to the control thread
    Duration first_claim =
        milliseconds(0);  ///< added to the wait before claiming while nobody is active (lb2 waits)
  };
  /// Links and snapshots to the control thread; each may be null (simulator). Not owned.
  struct Control {
    Link<Command>* commands = nullptr;
    Link<Event>* events = nullptr;
    int events_bell = -1;  ///< eventfd rung when an Event was pushed
    Snapshot<View>* view = nullptr;
    Snapshot<StatusDocument>* status = nullptr;
  };
  Balancer(const Options& options, const Control& control);

  MonoTime poll(std::span<const Message> in, const Moment& now, Outbox& out) override;
  void unreachable(ServerId server, const Moment& now) override;
  void resigned(ServerId lb, Epoch epoch, const Moment& now) override;

  /// Whether this LB has its address and hears clients, as far as others can tell it. Unfit, it may be
  /// followed.
  void set_hears_clients(bool hears) { hears_clients_ = hears; }
  [[nodiscard]] const quorum::Proposer& proposer() const { return proposer_; }
  [[nodiscard]] const SteerCounters& counters() const { return counters_; }
  [[nodiscard]] View view(const Moment& now) const;
  /// For the simulator, which has no Link: what the control thread would be told, oldest first.
  [[nodiscard]] FixedVector<Event, 64>& pending_events() { return events_; }
  void command(const Command& command, const Moment& now);

 private:
  void take(const Message& message, const Moment& now, quorum::Proposer::Output& out);
  void obey(const Moment& now);
  void watch_peer(const Moment& now);
  void deliver(const Moment& now, Outbox& out);
  void tell(const quorum::RoleChange& change, const Moment& now, Outbox& out);
  [[nodiscard]] failover::Cause won_by(quorum::Cause cause) const;
  void push(Event event, const Moment& now);
  void send_events();
  void publish(const Moment& now);

  Options options_;
  Control control_;
  SteerCounters counters_;
  quorum::Proposer proposer_;
  failover::Suspicion suspicion_;
  Heartbeats heartbeats_;
  Order order_;
  Reply reply_;
  quorum::Proposer::Outcomes outcomes_;  ///< of the poll under way
  quorum::Proposer::RoleChanges roles_;
  FixedVector<Event, 64> events_;  ///< not yet taken by the Link
  uint32_t confirm_token_ = 0;
  uint32_t forced_token_ = 0;
  bool resign_wanted_ = false;
  bool resigned_ = false;
  bool serving_ = false;
  bool cut_off_ = false;
  bool hears_clients_ = true;
  bool second_active_ = false;
  MonoTime lone_since_;  ///< neither the other LB nor two backends since then; 0: not so
  failover::Cause cause_ = failover::Cause::none;
  Duration gap_;  ///< since the previous active LB's last sign, when we claimed
  MonoTime claimed_at_;
  MonoTime publish_at_;
};

}  // namespace tercet::dataplane
