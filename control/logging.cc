#include "control/logging.h"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <cstdio>

namespace tercet::control {

void start_logging(const std::string& name) {
  // A few lines a second at most; one that finds the queue full replaces the oldest rather than wait.
  spdlog::init_thread_pool(1024, 1);
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  auto logger = std::make_shared<spdlog::async_logger>(name, std::move(sink), spdlog::thread_pool(),
                                                       spdlog::async_overflow_policy::overrun_oldest);
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %n %-7l %v", spdlog::pattern_time_type::utc);
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

void stop_logging() { spdlog::shutdown(); }

void complain(const std::string& what) { std::fprintf(stderr, "tercet: %s\n", what.c_str()); }

}  // namespace tercet::control
