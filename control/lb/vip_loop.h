#pragma once
// VipLoop: the control thread's way with the virtual addresses. Events of the data plane and adverts of
// others go into failover's decisions; their Effects go out through the Announcer, and questions go back to
// the data plane.
//
//   Link<Event> ─┐                                   ┌─► Announcer: disown, advert, own, announce
//   adverts ─────┼─► poll(Moment) ─► Promotion, Vrrp ┤
//   time ────────┘                                   └─► Link<Command>: confirm, suspect, resign
//
// A plain function of its inputs: a thread calls it, and so does the simulator. Whoever calls it sleeps until
// what poll() returned, or until the announcer's descriptor or the Events' bell rings. When that thread
// itself was not run for long (it is called much later than it asked for), the epoch is confirmed before
// anything is announced again.

#include <optional>
#include <span>

#include "base/counters.h"
#include "base/fixed.h"
#include "base/time.h"
#include "dataplane/port/announcer.h"
#include "dataplane/port/link.h"
#include "dataplane/steer/control_link.h"
#include "failover/promotion.h"
#include "failover/receipt.h"
#include "failover/vrrp.h"

namespace tercet::control {

class Receipts;

struct VipLoopOptions {
  FixedVector<dataplane::Vip, dataplane::kVipsMax> vips;  ///< at least one; IPv4
  failover::VrrpOptions
      vrrp;  ///< sound (failover::problem_of), `local` = where the announcer's adverts come from
  failover::PromotionOptions promotion;  ///< its `stall` is lowered to failover::stall_limit
};

/// Written by the thread that polls, read by /metrics.
struct VipCounters {
  Counter adverts_sent;
  Counter adverts_heard;
  Counter checksum_pseudo_header;  ///< heard with keepalived's form
  Counter checksum_plain;          ///< heard with RFC 9568's form
  Counter drops[failover::kVrrpDrops];
  Counter announcements;  ///< gratuitous ARPs
  Counter asks;           ///< confirmations asked for
  Counter stalls;         ///< of this thread
  Counter promotions;
  Counter demotions;
  Counter commands_full;  ///< the queue to the data plane was full
};

/// The address came or went: for the log and for hooks (failover.on_active, on_standby).
struct Transition {
  bool on_air = false;
  failover::Receipt receipt{};                    ///< came
  failover::Cause cause = failover::Cause::none;  ///< went
  Epoch epoch{};
  WallTime at{};
};

class VipLoop {
 public:
  /// All four outlive the loop; `receipts` may be null. Only this loop pops `events` and pushes `commands`.
  VipLoop(const VipLoopOptions& options, dataplane::Announcer& announcer,
          dataplane::Link<dataplane::Event>& events, dataplane::Link<dataplane::Command>& commands,
          Receipts* receipts);

  /// One turn; returns when the next one is due at the latest.
  MonoTime poll(const Moment& now);
  /// Asks the data plane to give its epoch up (clean stop): go on polling until on_air() is false, or for as
  /// long as one cares to wait, then stop().
  void resign(const Moment& now);
  /// Off the air at once, with priority 0; every address is given up, and later Events change nothing.
  void stop(const Moment& now);

  /// What happened in the last poll(), resign() or stop(), in order; valid until the next.
  [[nodiscard]] std::span<const Transition> transitions() const {
    return {transitions_.data(), transitions_.size()};
  }
  [[nodiscard]] bool on_air() const { return promotion_.on_air(); }
  /// Whether clients can get here, as far as this host knows.
  [[nodiscard]] bool reachable() const { return reachable_; }
  [[nodiscard]] const failover::Promotion& promotion() const { return promotion_; }
  [[nodiscard]] const VipCounters& counters() const { return counters_; }

 private:
  void watch_reach(const Moment& now);
  void take_event(const dataplane::Event& event, const Moment& now);
  /// False when more may be waiting.
  bool take_adverts(const Moment& now);
  void carry_out(const failover::Effects& effects, const Moment& now, failover::Cause left);
  void send_advert(uint8_t priority);
  void announce(uint8_t times, const Moment& now);
  void came(const Moment& now);
  bool command(const dataplane::Command& command);

  VipLoopOptions options_;
  dataplane::Announcer& announcer_;
  dataplane::Link<dataplane::Event>& events_;
  dataplane::Link<dataplane::Command>& commands_;
  Receipts* receipts_;
  failover::Promotion promotion_;
  bool started_ = false;
  bool resigning_ = false;
  bool reachable_ = true;                ///< clients can get here, as far as the host knows …
  bool told_ = true;                     ///< … and as the data plane was told
  MonoTime due_;                         ///< what the last poll returned
  std::optional<dataplane::Event> won_;  ///< of the epoch now held
  bool regaining_ = false;               ///< was cut off in it
  MonoTime receipt_until_{INT64_MIN};    ///< announcements until then belong to the newest receipt
  FixedVector<Transition, 16> transitions_;
  VipCounters counters_;
};

}  // namespace tercet::control
