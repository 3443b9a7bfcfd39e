#pragma once
// What was chosen for the DPDK engine, and how its parts relate.

#include <cstddef>

#include "dataplane/port/burst.h"

namespace tercet::dataplane {

/// Frames taken from the device at once; a poll asks again until it has seen a burst of them or the device is
/// empty.
inline constexpr size_t kReceiveAtOnce = 64;
/// Frames that wait for a neighbour's answer, over all neighbours.
inline constexpr size_t kParkedMax = 256;
/// Orders of the control thread, and ARP questions, that a polling thread takes up in one poll.
inline constexpr size_t kOrdersAtOnce = 64;
/// Of each polling thread, in the buffer pool (DPDK: at most a third of it, at most 512).
inline constexpr size_t kBufferCache = 256;
/// Room for a frame in a buffer behind the headroom; a frame that is longer is dropped and counted.
inline constexpr size_t kFrameRoom = 2048;

static_assert(kBurstMax % kReceiveAtOnce == 0);
static_assert(kDatagramMax + 46 <= kFrameRoom, "headers with a VLAN tag, and a datagram");

}  // namespace tercet::dataplane
