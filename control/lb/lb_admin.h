#pragma once
// An LB's admin interface: /healthz /active /v1/status /v1/licenses /v1/leases /v1/usage /v1/force-rejoin
// /metrics. The
// control thread publishes what it knows on a Board; the interface's threads read it there. A mutex is right:
// neither is the polling thread.

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "control/admin.h"
#include "control/captures.h"
#include "control/health.h"
#include "control/lb/forced_rejoin.h"
#include "control/lb/lb_announcer.h"
#include "control/lb/lb_reads.h"
#include "control/lb/vip_loop.h"
#include "dataplane/port/device_counters.h"
#include "dataplane/steer/view.h"

namespace tercet::control {

class LbBoard {
 public:
  struct State {
    dataplane::View view;
    std::string status;   ///< the JSON document
    bool on_air = false;  ///< has the virtual address
  };
  void publish(const dataplane::View& view, std::string status, bool on_air);
  [[nodiscard]] State read() const;

 private:
  mutable std::mutex mutex_;
  State state_;
};

/// What the routes read. All of it outlives the Admin.
struct LbAdminSources {
  const LbBoard* board = nullptr;
  const Health* health = nullptr;
  const char* engine = "";
  std::span<const dataplane::ThreadView> threads;
  Captures* captures = nullptr;
  const VipCounters* vip = nullptr;
  const AnnouncerCounters* announcer = nullptr;
  const dataplane::DeviceCounters* device = nullptr;  ///< of an engine without a kernel, else null
  const Counter* guard_restarts = nullptr;
  LbReads* reads = nullptr;
  ForcedRejoins* forced = nullptr;
};
std::vector<AdminRoute> lb_routes(const LbAdminSources& sources);

/// /metrics.
std::string lb_metrics(const LbAdminSources& sources);

}  // namespace tercet::control
