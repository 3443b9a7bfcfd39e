#pragma once
// tercet-lb: the wiring.
//
//   polling threads (Plane)                       control thread
//   Port → OneThread → Balancer ──── Event ────►  arms the guard, VipLoop → Announcer
//                        ▲   ▲ └──── View ─────►  status document, metrics, admin
//                        │   └────── Command ───  VipLoop
//                        └── StatusDocument ────  status document
//
// The guard is forked before any thread and before memory is filled, so: start_guard() in main, first of all.

#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "control/device_watch.h"
#include "control/engine.h"
#include "control/lb/guard.h"
#include "control/lb/hooks.h"
#include "control/lb/kernel_announcer.h"
#include "control/lb/lb_admin.h"
#include "control/lb/lb_config.h"
#include "control/lb/port_announcer.h"
#include "control/lb/receipts.h"
#include "control/lb/vip_loop.h"
#include "control/plane.h"
#include "control/thread_load.h"
#include "dataplane/steer/balancer.h"

namespace tercet::control {

tl::expected<Guard, std::string> start_guard(const LbConfig& config, MutBytes argv);

/// The lanes: each virtual address, the LB's own address (for `status` while the virtual one is dark, and for
/// the admin interface), and the four peers, whose lanes are noted in `routes`.
dataplane::PortOptions lb_lanes(const LbConfig& config, dataplane::Routes& routes);

/// --check: prints what is missing; the exit code.
int check_lb(const LbConfig& config, const Engines& engines);

class LoadBalancer {
 public:
  /// Opens everything; the error is one line with what to do. `guard` outlives it.
  static tl::expected<std::unique_ptr<LoadBalancer>, std::string> open(const LbConfig& config,
                                                                       const Engines& engines, Guard& guard);
  ~LoadBalancer();

  /// Until SIGTERM: serves, then stops cleanly. Returns the exit code.
  int run();

 private:
  LoadBalancer(const LbConfig& config, Guard& guard)
      : config_(config), guard_(guard), hooks_(config.on_active, config.on_standby) {}
  tl::expected<void, std::string> open_network(const Engines& engines, const seal::ServerKeys& keys,
                                               const seal::KeyringOptions& sealing);
  tl::expected<void, std::string> make_balancer();
  tl::expected<void, std::string> open_announcer();
  tl::expected<void, std::string> open_kernel_announcer();
  tl::expected<void, std::string> open_admin(const seal::ServerKeys& keys);
  MonoTime turn(const Moment& now);
  void pass_events();
  void arm(Epoch epoch);
  void watch_guard();
  void say_transitions();
  void pass_order();
  void say_forced(const dataplane::View& view);
  void publish_status(const Moment& now);
  void sleep_until(MonoTime due, int signals);
  void stop();

  LbConfig config_;
  Guard& guard_;
  dataplane::RealClock clock_;
  std::string crypto_why_;
  std::unique_ptr<seal::Keyring> control_keyring_;  ///< the control thread's: seals resignations
  dataplane::Link<dataplane::Command> commands_{64};
  dataplane::Link<dataplane::Event> events_{64};      ///< polling → control thread
  dataplane::Link<dataplane::Event> vip_events_{64};  ///< → VipLoop, once the guard is armed
  int events_bell_ = -1;
  dataplane::Snapshot<dataplane::View> views_;
  dataplane::Snapshot<dataplane::StatusDocument> documents_;
  std::unique_ptr<dataplane::Balancer> balancer_;
  std::unique_ptr<Plane> plane_;
  std::unique_ptr<DeviceWatch> device_watch_;
  std::string clients_side_;  ///< where the virtual address is, for the log
  std::unique_ptr<LbAnnouncer> announcer_;
  size_t stale_removed_ = 0;
  std::unique_ptr<VipLoop> vip_loop_;
  Receipts receipts_;
  Hooks hooks_;
  uint32_t document_version_ = 0;
  MonoTime document_due_;
  Counter guard_restarts_;
  bool guard_lost_ = false;  ///< and could not be started again, as was logged last
  bool reachable_ = true;    ///< as was logged last
  LbBoard board_;
  Health health_;
  ThreadLoad load_;
  std::unique_ptr<ForcedRejoins> forced_;
  std::optional<dataplane::Command> order_;  ///< did not fit the queue yet
  quorum::Proposer::Forced::Phase said_forced_ = quorum::Proposer::Forced::Phase::none;
  std::unique_ptr<LbReads> reads_;
  std::unique_ptr<Captures> captures_;
  std::unique_ptr<Admin> admin_;  ///< last: its threads read the others
};

}  // namespace tercet::control
