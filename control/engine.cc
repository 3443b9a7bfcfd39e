#include "control/engine.h"

namespace tercet::control {

tl::expected<OpenedPort, std::string> open_port(Engine wanted, const Engines& engines,
                                                const dataplane::PortOptions& options) {
  OpenedPort opened;
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
  auto port = uring ? engines.uring(options) : engines.mmsg(options);
  if (!port) {
    return tl::unexpected(std::move(port.error()));
  }
  opened.port = std::move(*port);
  return opened;
}

}  // namespace tercet::control
