#pragma once
// What an engine's device says of itself where no kernel is under us. Looked at by the control thread once a
// second, never for each packet; read by /metrics.

#include <array>
#include <cstddef>

#include "base/counters.h"

namespace tercet::dataplane {

struct DeviceCounters {
  static constexpr size_t kQueuesMax = 8;

  Counter link_up;         ///< 1 or 0
  Counter missed;          ///< frames that found its receive queues full
  Counter no_buffer;       ///< frames for which no buffer was free
  Counter receive_errors;  ///< frames that came damaged
  Counter send_errors;     ///< frames that it could not send
  size_t queues = 0;       ///< each with buffers of its own
  Counter buffers;         ///< how many each of them has, those in use included
  std::array<Counter, kQueuesMax> buffers_free;
};

}  // namespace tercet::dataplane
