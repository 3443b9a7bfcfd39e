#include "dataplane/port/dpdk/join.h"

#include <rte_mbuf.h>

#include <utility>

#include "dataplane/port/dpdk/limits.h"

namespace tercet::dataplane {

Joined join(rte_mbuf*& frame, rte_mempool* pool) {
  const bool fits = frame->pkt_len <= kFrameRoom;
  if (fits && rte_pktmbuf_linearize(frame) == 0) {
    return Joined::done;
  }
  // The copy takes over what the device said of the checksums.
  rte_mbuf* copy = fits ? rte_pktmbuf_copy(frame, pool, 0, UINT32_MAX) : nullptr;
  rte_pktmbuf_free(std::exchange(frame, copy));
  return copy != nullptr ? Joined::done : fits ? Joined::no_buffer : Joined::too_long;
}

}  // namespace tercet::dataplane
