#pragma once
// Promotion: what the data plane says about our epoch -> whether this host has the virtual addresses, and
// when it says so.
//
//            won                         stalled                    cut_off
//   Standby ─────► OnAir (sure) ─────────────► OnAir (unsure)   OnAir ─────► OffAir
//      ▲            │    ▲                        │               ▲            │
//      └── lost ────┘    └──────── confirmed ─────┘               └ confirmed ─┘      (lost: from everywhere)
//
// Epoch first, address second: `own` follows only a won or confirmed epoch. Announcing (adverts, gratuitous
// ARP) moves clients to this host, so it needs a fresh reason to believe that the epoch still holds:
//   - at promotion, the decided EpochStart itself, unless its news is older than `stall`;
//   - every later announcement, a confirmation by two backends that arrives after the occasion (after a
//     stall: one that was asked for after it). Occasions: the repetition some seconds after promotion, the
//     refresh each minute, another active LB heard, a stall of our own.
// An LB without two backends thus keeps its address (it answers UNAVAILABLE there) but does not draw clients
// to it again.
//
// Invariants: P1 after a stall nothing is announced before `confirmed` with a token given out after it. P2
// the address is held exactly in OnAir. P3 an epoch that was lost is never held again. P4 two announcements
// that others' adverts caused are at least `reannounce_gap` apart, so a second active LB cannot make us flood
// the network.

#include <cstdint>
#include <variant>

#include "base/time.h"
#include "failover/vrrp.h"
#include "wire/ids.h"

namespace tercet::failover {

struct PromotionOptions {
  uint8_t garp_repeat = 5;               ///< gratuitous ARPs for each address at once
  Duration garp_again = seconds(5);      ///< and as many again so long after promotion
  Duration garp_refresh = seconds(60);   ///< and each so often; 0: never
  Duration reannounce_gap = seconds(1);  ///< P4
  Duration confirm_repeat =
      milliseconds(100);  ///< an unanswered confirm is asked again after this; adverts ask no faster
  Duration stall = milliseconds(500);  ///< not run for so long: the world may have changed (stall_limit())
};
/// Three adverts, but at least 100 ms (below, this machine's usual lateness would ask all the time) and at
/// most 500 ms.
Duration stall_limit(Duration advert_interval);

class Promotion {
 public:
  struct Standby {
    bool operator==(const Standby&) const = default;
  };
  struct OnAir {
    MonoTime again_at{};      ///< the repetition, then the refreshes
    MonoTime announced_at{};  ///< the last announcement
    bool unsure = false;      ///< stalled, and not yet confirmed
    bool announce = false;    ///< announce once confirmed and the gap has passed
    bool operator==(const OnAir&) const = default;
  };
  struct OffAir {  ///< cut off: the epoch is ours as far as we know, the address is not
    bool operator==(const OffAir&) const = default;
  };
  using State = std::variant<Standby, OnAir, OffAir>;

  Promotion(const PromotionOptions& options, const VrrpOptions& vrrp) : options_(options), vrrp_(vrrp) {}

  void start(MonoTime now) { vrrp_.start(now); }
  /// Our epoch was decided, at `at` of this machine's clock.
  void won(Epoch epoch, MonoTime at, MonoTime now, Effects& out);
  void lost(Epoch epoch, MonoTime now, Effects& out);
  /// Two backends promised nothing above `epoch` when asked with `token` (Effects::ask, then token()).
  void confirmed(Epoch epoch, uint32_t token, MonoTime now, Effects& out);
  void cut_off(Epoch epoch, MonoTime now, Effects& out);
  /// Another LB says in an authenticated datagram that it is active.
  void second_active(MonoTime now, Effects& out);
  /// This thread, or the polling thread, was not run for longer than `stall`.
  void stalled(MonoTime now, Effects& out);
  void advert(const VrrpView& view, const Address& source, MonoTime now, Effects& out);
  void tick(MonoTime now, Effects& out);
  /// A clean stop: off the air with a goodbye, for good.
  void shutdown(MonoTime now, Effects& out);
  [[nodiscard]] MonoTime due() const;

  /// Which answer is waited for: goes with Effects::ask into the Command.
  [[nodiscard]] uint32_t token() const { return token_; }
  [[nodiscard]] Epoch epoch() const { return epoch_; }
  [[nodiscard]] const State& state() const { return state_; }
  [[nodiscard]] bool on_air() const { return std::holds_alternative<OnAir>(state_); }
  [[nodiscard]] bool sure() const;
  [[nodiscard]] const Vrrp& vrrp() const { return vrrp_; }

 private:
  void go_on_air(MonoTime now, Effects& out);
  void announce(OnAir& air, MonoTime now, Effects& out);
  void occasion(OnAir& air, MonoTime now, Effects& out);
  void ask(MonoTime now, Effects& out);
  void ask_anew(MonoTime now, Effects& out);
  [[nodiscard]] bool holds(Epoch epoch) const;

  PromotionOptions options_;
  Vrrp vrrp_;
  State state_ = Standby{};
  Epoch epoch_;       ///< held, or the last that we heard of
  bool gone_ = true;  ///< epoch_ is not held
  uint32_t token_ = 0;
  MonoTime asked_at_{INT64_MIN / 2};
  unsigned asks_ = 0;                          ///< with the present token
  MonoTime ask_again_at_ = MonoTime::never();  ///< never: no answer is waited for
};

}  // namespace tercet::failover
