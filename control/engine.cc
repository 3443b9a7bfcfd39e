#include "control/engine.h"

namespace tercet::control {

tl::expected<OpenedPort, std::string> open_port(Engine wanted, const Engines& engines,
                                                const dataplane::PortOptions& options) {
  OpenedPort opened;
  bool uring = wanted != Engine::mmsg;
  if (wanted == Engine::automatic) {
    if (auto allowed = engines.uring_allowed(); allowed) {
      opened.why = "engine uring (port.engine = \"auto\")";
    } else {
      uring = false;
      opened.why =
          "engine mmsg (port.engine = \"auto\", and there is no io_uring here: " + allowed.error() + ")";
    }
  } else {
    opened.why = std::string("engine ") + (uring ? "uring" : "mmsg") + " (as configured)";
  }
  auto port = uring ? engines.uring(options) : engines.mmsg(options);
  if (!port) {
    return tl::unexpected(std::move(port.error()));
  }
  opened.port = std::move(*port);
  return opened;
}

}  // namespace tercet::control
