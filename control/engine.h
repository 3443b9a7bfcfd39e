#pragma once
// Which engine serves the lanes: the configured one, or with `auto` io_uring where this machine allows it,
// else mmsg. The engines themselves are the programs' (only they name them).

#include <memory>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/server_config.h"
#include "dataplane/port/port.h"

namespace tercet::control {

struct Engines {
  /// The ports of all polling threads at once, one PortOptions for each: lanes that several of them have are
  /// marked `shared`. An engine with one device for all of them makes it here; its ports keep it.
  using Ports = std::vector<std::unique_ptr<dataplane::Port>>;
  using Make = tl::expected<Ports, std::string> (*)(std::span<const dataplane::PortOptions> threads);
  Make uring = nullptr;
  Make mmsg = nullptr;
  tl::expected<void, std::string> (*uring_allowed)() = nullptr;
};

struct OpenedPorts {
  Engines::Ports ports;  ///< of the threads, in their order
  /// With `rest`: one more, without lanes, for a thread that only meets others in Links: to sleep in, and for
  /// its files. A kernel engine's, whatever serves the lanes.
  std::unique_ptr<dataplane::Port> rest;
  std::string why;  ///< one line for the log: which engine, and why that one
};

/// Opens the lanes. The error is one line with what to do.
tl::expected<OpenedPorts, std::string> open_ports(Engine wanted, const Engines& engines,
                                                  std::span<const dataplane::PortOptions> threads,
                                                  bool rest = false);

}  // namespace tercet::control
