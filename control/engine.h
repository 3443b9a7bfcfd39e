#pragma once
// Which engine serves the lanes: the configured one, or with `auto` io_uring where this machine allows it,
// else mmsg. The engines themselves are the programs' (only they name them).

#include <memory>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/server_config.h"
#include "dataplane/port/control_path.h"
#include "dataplane/port/port.h"

namespace tercet::control {

struct OpenedPorts;

struct Engines {
  /// The ports of all polling threads at once, one PortOptions for each: lanes that several of them have are
  /// marked `shared`. An engine with one device for all of them makes it here; its ports keep it.
  using Ports = std::vector<std::unique_ptr<dataplane::Port>>;
  using Make = tl::expected<Ports, std::string> (*)(std::span<const dataplane::PortOptions> threads);
  Make uring = nullptr;
  Make mmsg = nullptr;
  tl::expected<void, std::string> (*uring_allowed)() = nullptr;
  tl::expected<OpenedPorts, std::string> (*dpdk)(const ServerConfig& config,
                                                 std::span<const dataplane::PortOptions> threads) = nullptr;
  /// The last call, when all ports are gone: gives back what an engine holds beyond them.
  void (*stop)() = nullptr;
};

struct OpenedPorts {
  Engines::Ports ports;  ///< of the threads, in their order
  /// With `rest`: one more, without lanes, for a thread that only meets others in Links: to sleep in, and for
  /// its files. A kernel engine's, whatever serves the lanes.
  std::unique_ptr<dataplane::Port> rest;
  /// Where the thread of `rest` belongs; empty: anywhere. The other threads' ports see to that themselves.
  std::vector<int> rest_cpus;
  /// Of an engine without a kernel: how addresses are announced, and how this host's own queries get in.
  std::shared_ptr<dataplane::ControlPath> path;
  std::string why;                    ///< one line for the log: which engine, and why that one
  std::vector<std::string> warnings;  ///< what works, but should not stay so; a line each
};

/// How many CPUs this process may run on. Not after DPDK has started: that binds threads.
size_t cpus_allowed();
/// What is wrong with so many threads that never sleep on `cpus` CPUs, with what to do; empty: nothing.
std::string poll_warning(const ServerConfig& config, size_t cpus);

/// Opens the lanes. The error is one line with what to do.
tl::expected<OpenedPorts, std::string> open_ports(const ServerConfig& config, const Engines& engines,
                                                  std::span<const dataplane::PortOptions> threads,
                                                  bool rest = false);

}  // namespace tercet::control
