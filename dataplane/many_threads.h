#pragma once
// ManyThreads: N steering threads that receive, open, seal and send, and one quorum thread that runs the
// Service; joined by Links and nothing else.
//
//   steering 0: Port ─ SteeringLoop ═ Links ═╗
//   steering 1: Port ─ SteeringLoop ═ Links ═╬═ ServiceLoop ─ Service   quorum
//   …                                        ╝
//
// Clients are spread over the steering threads by the network (SO_REUSEPORT, RSS); a peer belongs to one of
// them, for what it sends and for what is sent to it. The loops are the caller's to run, each on a thread of
// its own, or (tests) step by step on one.

#include <memory>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "dataplane/service_loop.h"
#include "dataplane/steering_loop.h"
#include "wire/seal/keys.h"

namespace tercet::dataplane {

/// Peers in turn: thread 0, 1, …; `self` belongs to nobody.
Owners owners_of(ServerId self, unsigned steering);

/// What the steering threads have of the lanes and routes of the whole server: the unconnected lanes, shared,
/// at the same places, and then those to their own peers.
struct Share {
  PortOptions port;
  Routes routes;
};
std::vector<Share> share_out(const PortOptions& whole, const Routes& routes, const Owners& owners,
                             unsigned steering);
/// The server's keys without those of peers that belong to another thread.
seal::ServerKeys keys_of(const seal::ServerKeys& whole, const Owners& owners, unsigned thread);

struct ManyOptions {
  SleepOptions sleep = {};
  size_t link_cells = 4096;  ///< 1 MiB each way and thread
  size_t outbox_parcels = kOutboxParcels;
};

class ManyThreads {
 public:
  struct Steering {
    Port* port = nullptr;
    seal::Keyring* keyring = nullptr;
    Routes routes;
    Wiretap* tap = nullptr;  ///< null: none
  };
  /// All that is named outlives it. `rest`: the quorum thread's port, without lanes. The error is one line.
  static tl::expected<std::unique_ptr<ManyThreads>, std::string> make(std::span<const Steering> steering,
                                                                      Port& rest, Service& service,
                                                                      const Owners& owners,
                                                                      const ManyOptions& options = {});

  [[nodiscard]] size_t steering_threads() const { return steering_.size(); }
  [[nodiscard]] SteeringLoop& steering(size_t thread) { return *steering_[thread]; }
  [[nodiscard]] const SteeringLoop& steering(size_t thread) const { return *steering_[thread]; }
  [[nodiscard]] ServiceLoop& quorum() { return *quorum_; }
  /// How often a sleeping thread was woken by another one, a system call each.
  [[nodiscard]] uint64_t rung() const;
  /// The steering threads, then the quorum thread.
  [[nodiscard]] std::vector<ThreadView> views() const;

 private:
  ManyThreads() = default;
  std::vector<std::unique_ptr<Bell>> bells_;  ///< the steering threads', then the quorum thread's
  std::vector<std::unique_ptr<Joint>> joints_;
  std::vector<std::unique_ptr<SteeringLoop>> steering_;
  std::unique_ptr<ServiceLoop> quorum_;
};

}  // namespace tercet::dataplane
