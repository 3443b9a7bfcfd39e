#pragma once
// How long a verb runs that runs until something: a time that was given, or the first SIGINT or SIGTERM.

#include <atomic>
#include <csignal>
#include <string>
#include <tl/expected.hpp>

#include "base/time.h"

namespace tercet::command {

/// --seconds: "30s" or "500ms"; "10" is seconds, too. The error is one line with what to do.
tl::expected<Duration, std::string> run_time(const std::string& text);

/// While it lives, the first SIGINT or SIGTERM sets wanted() instead of ending the process; a second one ends
/// it at once. One at a time.
class StopOnSignal {
 public:
  StopOnSignal();
  ~StopOnSignal();
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

  static std::atomic<bool>& wanted();

 private:
  struct sigaction interrupt_ {
  }, terminate_{};
};

}  // namespace tercet::command
