#pragma once
// VRRPv3's state machine (RFC 9568 §6) as a value without clock or socket: adverts, times and orders go in,
// Effects come out.
//
// One thing is not as in the RFC. There an election by adverts makes a router active; here *the epoch
// decides, VRRP announces*: only activate() makes this machine Active and only deactivate() or shutdown()
// ends that. What adverts of others would have done in the RFC comes out as a wish instead:
//   - Active, and another one advertises (higher, lower or priority 0): `ask`: confirm the epoch with two
//     backends. Their answer may end in deactivate(). An advert is unauthenticated: it never demotes by itself.
//   - Backup, and the others fell silent or sent priority 0: `hint`: the other LB may be gone. No promotion.
// On the wire it behaves as the RFC says, so a keepalived of the same VRID and a lower priority stays backup
// while this one is Active, and takes over at its priority 0 or after its silence.
//
// Invariants: V1 `own` comes only from activate(), and only when the machine was not Active. V2 leaving
// Active gives `disown` and then one advert of priority 0. V3 no advert but that last one leaves while held()
// or not Active.

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "failover/vrrp_packet.h"

namespace tercet::failover {

/// What to do now, carried out in the order of the fields. A value: nothing in it waits.
struct Effects {
  bool disown = false;            ///< 1. the addresses leave this host
  std::optional<uint8_t> advert;  ///< 2. one advert of this priority
  bool own = false;               ///< 3. the addresses come to this host
  uint8_t announce = 0;           ///< 4. so many gratuitous ARPs for each address
  bool ask = false;               ///< 5. have the epoch confirmed by two backends
  enum class Hint : uint8_t { none, silent, resigned } hint = Hint::none;  ///< of the other LB (Backup only)
};

struct VrrpOptions {
  uint8_t vrid = 51;
  uint8_t priority = 100;                 ///< 1..254, or 255 for the owner of the addresses
  Duration interval = milliseconds(100);  ///< 10 ms to 40.95 s, whole centiseconds: what adverts can carry
  bool preempt =
      false;  ///< Backup: lower adverts do not put off `silent`. It still takes an epoch to become active.
  Address local{};  ///< source of our adverts: decides ties
};
/// Null when the options are sound, else what is wrong, for people.
const char* problem_of(const VrrpOptions& options);

/// The last advert that somebody else sent.
struct OtherAdvert {
  Address source{};
  uint8_t priority = 0;
  Duration interval;
  MonoTime at;
};

class Vrrp {
 public:
  enum class State : uint8_t { initialize, backup, active };

  explicit Vrrp(const VrrpOptions& options) : options_(options) {}

  /// Initialize -> Backup. (RFC 9568 §6.4.1 lets an address owner go straight to Active: here nobody does.)
  void start(MonoTime now);
  /// -> Active: advert, own, one announcement (§6.4.1 (120)–(140)). Nothing when Active already.
  void activate(MonoTime now, Effects& out);
  /// Active -> Backup: disown, then priority 0, so that a backup waits only its skew. Else nothing.
  void deactivate(MonoTime now, Effects& out);
  /// -> Initialize, by deactivate() where Active.
  void shutdown(MonoTime now, Effects& out);

  /// While held an Active sends no adverts: it was stalled and does not know whether its epoch still holds.
  void hold();
  /// Ends that, with an advert at once.
  void resume(MonoTime now, Effects& out);

  void advert(const VrrpView& view, const Address& source, MonoTime now, Effects& out);
  void tick(MonoTime now, Effects& out);
  /// When tick() next has something to do.
  [[nodiscard]] MonoTime due() const;

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool held() const { return held_; }
  [[nodiscard]] const std::optional<OtherAdvert>& other() const { return other_; }
  /// §6.1: ((256 - priority) * interval) / 256, with the interval that the others advertise.
  [[nodiscard]] Duration skew() const;
  /// §6.1: 3 * interval + skew.
  [[nodiscard]] Duration down_interval() const;

 private:
  void send(uint8_t priority, MonoTime now, Effects& out);
  void advert_as_backup(const VrrpView& view, MonoTime now, Effects& out);
  void advert_as_active(const VrrpView& view, const Address& source, MonoTime now, Effects& out);

  VrrpOptions options_;
  State state_ = State::initialize;
  bool held_ = false;
  MonoTime advert_at_ = MonoTime::never();  ///< Active: Adver_Timer
  MonoTime down_at_ = MonoTime::never();    ///< Backup: Active_Down_Timer
  Duration active_interval_{};              ///< Active_Adver_Interval: the others'; ours until one was heard
  std::optional<OtherAdvert> other_;
};

}  // namespace tercet::failover
