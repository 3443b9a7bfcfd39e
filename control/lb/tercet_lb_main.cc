// tercet-lb --config FILE [--check]: one of a cell's two load balancers.

#include <cstring>

#include "control/arguments.h"
#include "control/engines/engines.h"
#include "control/lb/tercet_lb.h"
#include "control/logging.h"
#include "control/threads.h"

namespace tercet::control {
namespace {

/// The memory of argv: the guard writes its own name there.
MutBytes memory_of(int argc, char** argv) {
  char* end = argv[0] + std::strlen(argv[0]) + 1;
  for (int i = 1; i < argc && argv[i] == end; ++i) {
    end += std::strlen(argv[i]) + 1;
  }
  return {reinterpret_cast<uint8_t*>(argv[0]), static_cast<size_t>(end - argv[0])};
}

int main_of(int argc, char** argv) {
  const auto arguments = read_arguments(argc, argv, "tercet-lb", "One of a cell's two load balancers.");
  if (!arguments) {
    return arguments.error();
  }
  const auto config = load_lb_config(arguments->config);
  if (!config) {
    complain(config.error());
    return 2;
  }
  if (arguments->check) {
    const int code = check_lb(*config, all_engines());
    all_engines().stop();
    return code;
  }
  block_signals();
  auto guard = start_guard(*config, memory_of(argc, argv));
  if (!guard) {
    complain(guard.error());
    return 2;
  }
  raise_session();
  start_logging(name_of(config->server.self));
  auto lb = LoadBalancer::open(*config, all_engines(), *guard);
  if (!lb) {
    stop_logging();
    complain(lb.error());
    return 2;
  }
  const int code = (*lb)->run();
  lb->reset();
  all_engines().stop();
  stop_logging();
  return code;
}

}  // namespace
}  // namespace tercet::control

int main(int argc, char** argv) { return tercet::control::main_of(argc, argv); }
