#pragma once
// SteeringLoop: the turn of a steering thread. It owns a port and a keyring, and decides nothing:
//
//   Port::receive → open → Link up        (queries, the messages of the peers that are its own)
//   Link down → seal → Port::send         (replies to clients that came in here, messages to those peers)
//
// A peer is heard by one steering thread alone, the one that has the lane to it, and on that lane alone: its
// window against replays has seen all that this peer ever sent. (What was recorded on the way to one thread
// would be new to another.) Where the lanes are dealt out, so are the keys.
//
// All by the one thread that calls poll(). Nothing allocates after construction.

#include "dataplane/loop.h"
#include "dataplane/open.h"
#include "dataplane/parcel.h"
#include "dataplane/send.h"
#include "dataplane/turns.h"

namespace tercet::dataplane {

/// How a thread that meets others in Links sleeps.
struct SleepOptions {
  PollMode poll = PollMode::adaptive;
  /// How long after the last traffic a thread goes on looking before it sleeps: the Links too, so the loop
  /// does it and the port is opened with 0. < 0: default_spin().
  Duration spin = nanoseconds(-1);
};

/// The two Links between a steering thread and the quorum thread, and the bells of both ends.
struct Joint {
  Joint(size_t cells, Bell& steering, Bell& service);
  Joint(const Joint&) = delete;
  Joint& operator=(const Joint&) = delete;

  ParcelLink up;
  ParcelLink down;
  LinkCounters up_counters;
  LinkCounters down_counters;
  Bell& steering_bell;
  Bell& service_bell;
};

class SteeringLoop final : public Loop {
 public:
  /// All of them outlive it. `thread`: its number, which goes up with each client. Watches the bell.
  SteeringLoop(uint8_t thread, Port& port, seal::Keyring& keyring, const Routes& routes, Joint& joint,
               const SleepOptions& sleep, Wiretap& tap = Wiretap::nobody());

  MonoTime poll(const Moment& now) override;
  void wait(MonoTime until) override;
  /// What the quorum thread has said by now still leaves: end that one first.
  void finish() override;

  [[nodiscard]] ThreadView view() const;
  [[nodiscard]] const OpenCounters& opened() const { return opener_.counters(); }
  [[nodiscard]] const SendCounters& sent() const { return sender_.counters(); }

 private:
  void hand_up();
  size_t send_down();

  Turns turns_;
  const uint8_t thread_;
  const bool busy_;
  const Duration spin_;
  Port& port_;
  Routes routes_;
  Joint& joint_;
  ParcelWriter up_;
  ParcelReader down_;
  Opener opener_;
  Sender sender_;
  RxBurst rx_;
  Opener::Messages messages_;
  Opener::Resignations resignations_;
  FixedVector<ParcelView, kBurstMax> parcels_;  ///< of the turn under way, that go out
  MonoTime last_traffic_;
};

}  // namespace tercet::dataplane
