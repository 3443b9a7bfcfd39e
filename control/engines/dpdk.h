#pragma once
// [port] of the configuration → the DPDK engine's options, and its ports.

#include "control/engine.h"

namespace tercet::control {

/// The threads' options are the same.
tl::expected<OpenedPorts, std::string> open_dpdk_ports(const ServerConfig& config,
                                                       std::span<const dataplane::PortOptions> threads);

}  // namespace tercet::control
