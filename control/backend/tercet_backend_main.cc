// tercet-backend --config FILE [--check]: one of a cell's three license servers.

#include <cstdio>
#include <cstring>
#include <string>

#include "control/backend/tercet_backend.h"
#include "control/logging.h"
#include "control/threads.h"
#include "dataplane/port/mmsg/mmsg_port.h"
#include "dataplane/port/uring/uring_port.h"

namespace tercet::control {
namespace {

constexpr const char* kUsage =
    "usage: tercet-backend --config FILE [--check]\n"
    "\n"
    "One of a cell's three license servers. Stays in the foreground, logs to stderr; SIGTERM is a clean "
    "stop.\n"
    "  --config FILE   as tercet cell init writes it\n"
    "  --check         says what this machine and the configuration lack, and ends\n";

const Engines kEngines{
    .uring = [](const dataplane::PortOptions& options) { return dataplane::make_uring_port(options); },
    .mmsg = [](const dataplane::PortOptions& options) { return dataplane::make_mmsg_port(options); },
    .uring_allowed = dataplane::uring_allowed,
};

int main_of(int argc, char** argv) {
  std::string path;
  bool check = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--help" || word == "-h") {
      std::fputs(kUsage, stdout);
      return 0;
    }
    if (word == "--config" && i + 1 < argc) {
      path = argv[++i];
    } else if (word == "--check") {
      check = true;
    } else {
      std::fprintf(stderr, "tercet: %s is not understood\n%s", argv[i], kUsage);
      return 2;
    }
  }
  if (path.empty()) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  const auto config = load_backend_config(path);
  if (!config) {
    complain(config.error());
    return 2;
  }
  if (check) {
    return check_backend(*config, kEngines);
  }
  block_signals();
  raise_session();
  start_logging(name_of(config->server.self));
  auto backend = Backend::open(*config, kEngines);
  if (!backend) {
    stop_logging();
    complain(backend.error());
    return 2;
  }
  const int code = (*backend)->run();
  backend->reset();
  stop_logging();
  return code;
}

}  // namespace
}  // namespace tercet::control

int main(int argc, char** argv) { return tercet::control::main_of(argc, argv); }
