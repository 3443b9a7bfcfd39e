#include "control/engine.h"

#include <sched.h>

namespace tercet::control {

namespace {

/// A port without lanes, of a kernel engine.
tl::expected<std::unique_ptr<dataplane::Port>, std::string> open_rest(Engines::Make make,
                                                                      dataplane::PortOptions options) {
  options.lanes.clear();
  auto port = make({&options, 1});
  if (!port) {
    return tl::unexpected(std::move(port.error()));
  }
  return std::move(port->front());
}

tl::expected<OpenedPorts, std::string> open_dpdk(const ServerConfig& config, const Engines& engines,
                                                 std::span<const dataplane::PortOptions> threads, bool rest) {
  auto opened = engines.dpdk(config, threads);
  if (opened && rest) {
    auto port = open_rest(engines.uring_allowed() ? engines.uring : engines.mmsg, threads.front());
    if (!port) {
      return tl::unexpected(std::move(port.error()));
    }
    opened->rest = std::move(*port);
  }
  return opened;
}

}  // namespace

size_t cpus_allowed() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<size_t>(CPU_COUNT(&set)) : CPU_SETSIZE;
}

std::string poll_warning(const ServerConfig& config, size_t cpus) {
  const size_t threads = config.steering_threads == 0 ? 1 : config.steering_threads + size_t{1};
  if (config.poll != dataplane::PollMode::busy || threads <= cpus) {
    return {};
  }
  return std::to_string(threads) + " polling threads that never sleep share " + std::to_string(cpus) +
         (cpus == 1 ? " CPU" : " CPUs") + ": set port.poll = \"adaptive\", or fewer port.steering_threads";
}

tl::expected<OpenedPorts, std::string> open_ports(const ServerConfig& config, const Engines& engines,
                                                  std::span<const dataplane::PortOptions> threads,
                                                  bool rest) {
  const Engine wanted = config.engine;
  if (wanted == Engine::dpdk) {
    return open_dpdk(config, engines, threads, rest);
  }
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
    auto port = open_rest(make, threads.front());
    if (!port) {
      return tl::unexpected(std::move(port.error()));
    }
    opened.rest = std::move(*port);
  }
  return opened;
}

}  // namespace tercet::control
