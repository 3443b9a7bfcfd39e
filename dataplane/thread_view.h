#pragma once
// ThreadView: what the control thread may read of a polling thread, for /metrics and status. Counters are the
// thread's own, each on cache lines of its own; null: this thread does not do that.

#include <cstddef>

#include "dataplane/open.h"
#include "dataplane/port/port.h"
#include "dataplane/send.h"
#include "dataplane/turns.h"

namespace tercet::dataplane {

/// One Link, counted in messages' cells (parcel.h). The producer writes the drops, the consumer the rest.
struct LinkCounters {
  struct alignas(64) Producer {
    Counter drop_full;  ///< messages that found it full
  };
  struct alignas(64) Consumer {
    Counter waiting;      ///< cells when the consumer last looked
    Counter waiting_max;  ///< the most so far
  };
  Producer producer;
  Consumer consumer;
  size_t capacity = 0;
};
static_assert(offsetof(LinkCounters, consumer) % 64 == 0 &&
                  offsetof(LinkCounters, capacity) >= offsetof(LinkCounters, consumer) + 64,
              "neither end of a Link writes a line that the other one reads");

struct ThreadView {
  const char* name = "";
  const LoopCounters* loop = nullptr;
  const PortCounters* port = nullptr;
  const OpenCounters* opened = nullptr;
  const SendCounters* sent = nullptr;
  const WiretapCounters* tapped = nullptr;
  const LinkCounters* up = nullptr;              ///< a steering thread's Link to the quorum thread
  const LinkCounters* down = nullptr;            ///< and back
  std::span<const NamedCounter> drops{};         ///< what only the engine has (Port::drops)
  std::span<const NamedCounter> frame_events{};  ///< the same (Port::frame_events)
};

}  // namespace tercet::dataplane
