#pragma once
// LB ↔ LB, every few milliseconds, by the thread that orders: what is watched is the data plane's own life.

#include "wire/cell_message.h"
#include "wire/drop.h"

namespace tercet {

enum class LbRole : uint8_t { standby = 0, asking = 1, preparing = 2, starting = 3, active = 4 };

struct Heartbeat {
  uint8_t type;
  uint8_t role;      ///< LbRole
  uint8_t flags;     ///< kLostClients | kLostBackends | kResigned | kHoldsAddress | kServing
  uint8_t priority;  ///< VRRP priority configured, for people
  Le32 interval_us;  ///< how often the sender means to send
  Le64 instance;
  Le64 epoch;          ///< held or last known
  Le64 number;         ///< counts up per instance
  Le64 echo_instance;  ///< of the newest heartbeat heard from the receiver …
  Le64 echo_number;    ///< … so that a recorded one proves nothing
  Le64 commit;
  Le64 decided_cell_ms;
};
static_assert(sizeof(Heartbeat) == 64);
inline constexpr uint8_t kLostClients = 1;
inline constexpr uint8_t kLostBackends = 2;
inline constexpr uint8_t kResigned = 4;
inline constexpr uint8_t kHoldsAddress = 8;
inline constexpr uint8_t kServing = 16;  ///< active, and two backends vote

struct HeartbeatView {
  const Heartbeat* header = nullptr;
};
Drop parse_heartbeat(Bytes plain, HeartbeatView& out);

}  // namespace tercet
