#pragma once
// What a kernel leaves for its device to do, where no device does it: between a veth's two ends, say, TCP and
// UDP come with the pseudo-header's sum alone in their checksum field. Whoever gets the frame as the kernel's
// own (CHECKSUM_PARTIAL) knows that; in the bytes of it, which are all that af_packet has, it is a wrong sum.

#include "base/bytes.h"

namespace tercet::dataplane {

/// Finishes that sum, over IPv4 and IPv6, tagged or not; returns whether there was one. What is right or
/// wrong already stays as it is, and so does what is no whole TCP or UDP packet.
bool finish_sum(MutBytes frame);

}  // namespace tercet::dataplane
