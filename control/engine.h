#pragma once
// Which engine serves the lanes: the configured one, or with `auto` io_uring where this machine allows it,
// else mmsg. The engines themselves are the programs' (only they name them).

#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "control/server_config.h"
#include "dataplane/port/port.h"

namespace tercet::control {

struct Engines {
  using Make = tl::expected<std::unique_ptr<dataplane::Port>, std::string> (*)(const dataplane::PortOptions&);
  Make uring = nullptr;
  Make mmsg = nullptr;
  tl::expected<void, std::string> (*uring_allowed)() = nullptr;
};

struct OpenedPort {
  std::unique_ptr<dataplane::Port> port;
  std::string why;  ///< one line for the log: which engine, and why that one
};

/// Opens the lanes. The error is one line with what to do.
tl::expected<OpenedPort, std::string> open_port(Engine wanted, const Engines& engines,
                                                const dataplane::PortOptions& options);

}  // namespace tercet::control
