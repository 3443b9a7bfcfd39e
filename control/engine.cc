#include "control/engine.h"

namespace tercet::control {

tl::expected<OpenedPorts, std::string> open_ports(Engine wanted, const Engines& engines,
                                                  std::span<const dataplane::PortOptions> threads,
                                                  bool rest) {
  OpenedPorts opened;
  bool uring = wanted != Engine::mmsg;
  opened.why = std::string("engine ") + (uring ? "uring" : "mmsg") + " (as configured)";
  if (uring) {
    const auto allowed = engines.uring_allowed();
    if (!allowed && wanted == Engine::uring) {
      return tl::unexpected(allowed.error() + ": allow it, or set port.engine = \"auto\"");
    }
    uring = allowed.has_value();
    if (!uring) {
      opened.why = "engine mmsg instead of uring (port.engine = \"auto\"; " + allowed.error() + ")";
    } else if (wanted == Engine::automatic) {
      opened.why = "engine uring (port.engine = \"auto\")";
    }
  }
  const Engines::Make make = uring ? engines.uring : engines.mmsg;
  auto ports = make(threads);
  if (!ports) {
    return tl::unexpected(std::move(ports.error()));
  }
  opened.ports = std::move(*ports);
  if (rest) {
    dataplane::PortOptions no_lanes = threads.front();
    no_lanes.lanes.clear();
    auto port = make({&no_lanes, 1});
    if (!port) {
      return tl::unexpected(std::move(port.error()));
    }
    opened.rest = std::move(port->front());
  }
  return opened;
}

}  // namespace tercet::control
