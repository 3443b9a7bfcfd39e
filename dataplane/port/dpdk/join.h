#pragma once
// A frame that its device wrote into several buffers (it splits headers from payload, its buffers are smaller
// than ours, or the network has jumbo frames), in one: the stack takes frames in one piece. What we send is
// in one piece from the start, so no device is asked to gather.

#include <cstdint>

struct rte_mbuf;
struct rte_mempool;

namespace tercet::dataplane {

enum class Joined : uint8_t {
  done,
  too_long,  ///< longer than kFrameRoom, so nothing for us
  no_buffer  ///< `pool` has none left
};

/// In place where the first buffer has room for the rest, else in a buffer of `pool`, to which `frame` then
/// points. A frame that was not joined is gone.
Joined join(rte_mbuf*& frame, rte_mempool* pool);

}  // namespace tercet::dataplane
