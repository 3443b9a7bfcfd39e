#pragma once
// A backend's admin interface: /healthz /v1/status /metrics. Licenses and leases are the cell's, decided by
// two backends: a single one's book proves nothing, so /v1/licenses, /v1/leases and /v1/usage name the load
// balancer instead.

#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "backend/replica.h"
#include "control/admin.h"
#include "control/captures.h"
#include "control/health.h"
#include "control/thread_load.h"
#include "dataplane/port/device_counters.h"

namespace tercet::control {

/// What the control thread publishes; read by the admin's threads.
class BackendBoard {
 public:
  /// `log`: of a replica whose state is "stopped", else ok.
  void publish(const backend::ReplicaView& view, store::LogState log, const std::string& why);
  struct State {
    backend::ReplicaView view;
    store::LogState log = store::LogState::ok;
    std::string why;  ///< it does not vote; empty: no reason
  };
  [[nodiscard]] State read() const;

 private:
  mutable std::mutex mutex_;
  State state_;
};

/// "disk full", "disk failed"; what a log that works is called, nobody asks.
const char* text_of(store::LogState state);

struct BackendAdminSources {
  CellId cell;
  ServerId self = ServerId::b1;
  std::string durability;
  const BackendBoard* board = nullptr;
  const Health* health = nullptr;
  const char* engine = "";
  std::span<const dataplane::ThreadView> threads;
  Captures* captures = nullptr;
  const ThreadLoad* load = nullptr;
  const dataplane::DeviceCounters* device = nullptr;  ///< of an engine without a kernel, else null
};
std::vector<AdminRoute> backend_routes(const BackendAdminSources& sources);
std::string backend_status(const BackendAdminSources& sources);
std::string backend_metrics(const BackendAdminSources& sources);

}  // namespace tercet::control
