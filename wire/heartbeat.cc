#include "wire/heartbeat.h"

#include "wire/ranges.h"

namespace tercet {

Drop parse_heartbeat(Bytes plain, HeartbeatView& out) {
  if (const Drop drop = take_whole(plain, CellMessage::heartbeat, out.header); drop != Drop::none) {
    return drop;
  }
  const Heartbeat& h = *out.header;
  if (!only_bits(h.flags, kLostClients | kLostBackends | kResigned | kHoldsAddress | kServing)) {
    return Drop::reserved;
  }
  const bool fits = h.role <= static_cast<uint8_t>(LbRole::active) && epoch_or_none(h.epoch) &&
                    seq_fits(h.commit) && time_fits(h.decided_cell_ms);
  return fits ? Drop::none : Drop::malformed;
}

}  // namespace tercet
