// tercet-backend --config FILE [--check]: one of a cell's three license servers.

#include "control/arguments.h"
#include "control/backend/tercet_backend.h"
#include "control/engines/engines.h"
#include "control/logging.h"
#include "control/threads.h"

namespace tercet::control {
namespace {

int main_of(int argc, char** argv) {
  const auto arguments =
      read_arguments(argc, argv, "tercet-backend", "One of a cell's three license servers.");
  if (!arguments) {
    return arguments.error();
  }
  const auto config = load_backend_config(arguments->config);
  if (!config) {
    complain(config.error());
    return 2;
  }
  if (arguments->check) {
    const int code = check_backend(*config, all_engines());
    all_engines().stop();
    return code;
  }
  block_signals();
  raise_session();
  start_logging(name_of(config->server.self));
  auto backend = Backend::open(*config, all_engines());
  if (!backend) {
    stop_logging();
    complain(backend.error());
    return 2;
  }
  const int code = (*backend)->run();
  backend->reset();
  all_engines().stop();
  stop_logging();
  return code;
}

}  // namespace
}  // namespace tercet::control

int main(int argc, char** argv) { return tercet::control::main_of(argc, argv); }
