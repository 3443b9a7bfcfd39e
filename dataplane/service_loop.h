#pragma once
// ServiceLoop: the turn of the quorum thread. It runs the Service, between the Links of the steering threads:
//
//   Links up → Messages → Service::poll → Outbox → Links down: a reply by the thread that its client came in
//   by, a message to a server by the thread to which that server belongs
//
// It has no socket. Its port has no lanes: the thread sleeps in it (its bell and what the service watches, a
// disk's bell, end that), and a uring one carries a disk's writes in its ring.
//
// A Link down that is full keeps what was meant for it, in the outbox, for the next turn; the other threads
// go on. Only when the outbox itself runs out of room, because one thread was not run for long, is the rest
// meant for that thread dropped and counted: it must not silence the others.
//
// All by the one thread that calls poll(). Nothing allocates after construction.

#include <array>
#include <span>
#include <vector>

#include "dataplane/loop.h"
#include "dataplane/parcel.h"
#include "dataplane/service.h"
#include "dataplane/steering_loop.h"

namespace tercet::dataplane {

inline constexpr size_t kSteeringMax = 8;
/// The steering thread to which each server belongs.
using Owners = std::array<uint8_t, kServers>;
inline constexpr uint8_t kNobody = UINT8_MAX;

class ServiceLoop final : public Loop {
 public:
  /// All of them outlive it. `joints`: of the steering threads, by their numbers; their service_bell is this
  /// thread's. Watches it.
  ServiceLoop(Port& rest, Service& service, std::span<Joint* const> joints, const Owners& owners,
              const SleepOptions& sleep, size_t outbox_parcels = kOutboxParcels);

  MonoTime poll(const Moment& now) override;
  void wait(MonoTime until) override;
  void finish() override { rest_.finish(); }

  [[nodiscard]] ThreadView view() const;
  [[nodiscard]] const LoopCounters& counters() const { return turns_.counters(); }

 private:
  /// One steering thread, as this one sees it.
  struct Side {
    ParcelReader up;
    ParcelWriter down;
    ServerSet servers = {};  ///< that belong to it
    size_t passed = 0;       ///< parcels of the outbox that it has, or that are none of its business
    bool behind = false;
  };

  void gather(const Moment& now);
  void take(const ParcelView& parcel, const Moment& now);
  static bool belongs(const Outbox::Parcel& parcel, const Side& side, uint8_t thread) {
    return parcel.servers.empty() ? parcel.client.thread == thread
                                  : (parcel.servers.bits() & side.servers.bits()) != 0;
  }
  void hand_down();
  bool hand_down(Side& side, uint8_t thread);
  [[nodiscard]] bool waiting() const;

  Turns turns_;
  const bool busy_;
  const Duration spin_;
  Port& rest_;
  Service& service_;
  Bell& bell_;
  std::vector<Side> sides_;
  size_t first_ = 0;  ///< the side that is asked first: in turn
  Outbox outbox_;
  const size_t outbox_parcels_;
  RxBurst none_;
  FixedVector<Message, kBurstMax> messages_;
  MonoTime last_traffic_;
};

}  // namespace tercet::dataplane
