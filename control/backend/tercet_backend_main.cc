// tercet-backend --config FILE [--check]: one of a cell's three license servers.

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "control/arguments.h"
#include "control/backend/lives.h"
#include "control/backend/tercet_backend.h"
#include "control/engines/engines.h"
#include "control/logging.h"
#include "control/threads.h"
#include "dataplane/real_clock.h"

namespace tercet::control {
namespace {

/// Waits; true if somebody wants this process to stop.
bool stopped_within(Duration pause) {
  const int signals = open_signals();
  dataplane::RealClock clock;
  bool stop = false;
  for (const MonoTime until = clock.now().mono + pause; !stop && clock.now().mono < until;) {
    pollfd wake{signals, POLLIN, 0};
    ::poll(&wake, 1, 200);
    for (int signal = take_signal(signals); signal != 0; signal = take_signal(signals)) {
      stop = stop || signal != SIGHUP;
    }
  }
  ::close(signals);
  return stop;
}

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
  const unsigned short_lives = short_lives_before();
  const MonoTime begun = dataplane::RealClock().now().mono;
  auto backend = Backend::open(*config, all_engines());
  if (!backend && short_lives == 0) {
    stop_logging();
    complain(backend.error());
    return 2;
  }
  bool again = true;
  int code = 0;
  if (backend) {
    const Backend::Ended ended = (*backend)->run(short_lives);
    backend->reset();
    again = ended == Backend::Ended::again;
    code = ended == Backend::Ended::cleanly ? 0 : 1;
  } else {
    const Duration pause = pause_after(short_lives);
    spdlog::error("cannot go on yet: {}; tried again in {} s", backend.error(), pause.ms() / 1000);
    again = !stopped_within(pause);
  }
  all_engines().stop();
  stop_logging();
  if (again) {
    begin_again(argv, short_lives_with(short_lives, dataplane::RealClock().now().mono - begun));
    complain(std::string("starting over failed (") + std::strerror(errno) + "): start this backend again");
    return 1;
  }
  return code;
}

}  // namespace
}  // namespace tercet::control

int main(int argc, char** argv) { return tercet::control::main_of(argc, argv); }
