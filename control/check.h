#pragma once
// --check: what this machine and the configuration lack, one line each with what to do. Opens and drops what
// the server itself would open; changes nothing. A server that runs already holds its ports: then say so, not
// more.

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/engine.h"
#include "control/server_config.h"

namespace tercet::control {

struct Check {
  enum class Verdict : uint8_t { good, warning, bad };
  Verdict verdict = Verdict::good;
  std::string what;  ///< "io_uring: allowed"; a warning or worse ends with what to do
};

/// good, or bad with the error.
Check check_of(const std::string& subject, const std::string& good,
               const tl::expected<void, std::string>& result);

Check check_keys(const ServerConfig& config);
/// Which library seals; bad if it is ipsec-mb that is asked for and this CPU cannot. Says nothing of the
/// keys.
Check check_crypto(const ServerConfig& config);
/// Whether the configured engine can be had, and the lanes be opened: with a kernel engine by the one that
/// needs least, with DPDK by starting it (huge pages, driver, permissions, lcores).
std::vector<Check> check_port(const ServerConfig& config, const Engines& engines,
                              const dataplane::PortOptions& options);
Check check_admin(const AdminConfig& config);
/// The kernel says whether its clock is synchronised; what it is made of decides how cheap it is to read.
Check check_clock();
Check check_memory_lock();
/// Directory there and ours, with room for what a log soon needs.
Check check_disk(const std::string& directory);

/// Prints them; 0 unless one is bad.
int report(const std::vector<Check>& checks);

}  // namespace tercet::control
