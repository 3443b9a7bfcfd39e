#pragma once
// The sceptic's baseline: an echo that anybody would write first, recvfrom() and sendto() on one blocking
// socket.

#include <atomic>
#include <cstdint>

namespace tercet::bench {

/// Echoes on `fd` until `stop`; returns how many. `fd` should have a receive timeout, so that `stop` is
/// looked at.
uint64_t plain_echo(int fd, const std::atomic<bool>& stop);

}  // namespace tercet::bench
