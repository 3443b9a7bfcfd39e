#pragma once
// Which hardware addresses beside its own a kernel's interface lets through to the driver that listens on it
// (af_packet, af_xdp). Those drivers can only ask for everything, by a flag of the interface that stays set
// when the process is gone. A packet socket's memberships (packet(7)) end with it, however the process does.

#include <span>

#include "dataplane/net/ethernet.h"
#include "dataplane/port/socket.h"

namespace tercet::dataplane {

/// Until the descriptor is closed. None where the kernel refuses.
OwnedFd let_through(unsigned interface, std::span<const Mac> addresses);

}  // namespace tercet::dataplane
