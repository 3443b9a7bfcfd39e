#include "client/command/run_until.h"

#include "base/time_text.h"

namespace tercet::command {
namespace {

std::atomic<bool> g_stop{false};  // lock-free, so a handler may store to it
static_assert(std::atomic<bool>::is_always_lock_free);

}  // namespace

tl::expected<Duration, std::string> run_time(const std::string& text) {
  const bool bare =
      !text.empty() && text.find_first_not_of("0123456789") == std::string::npos && text.size() < 9;
  auto time = parse_duration(bare ? text + "s" : text);
  if (!time || time->ns <= 0) {
    return tl::unexpected("--seconds " + text + " is no time to run: write 30 or 500ms");
  }
  return time;
}

StopOnSignal::StopOnSignal() {
  g_stop = false;
  struct sigaction action {};
  action.sa_handler = [](int) { g_stop = true; };
  action.sa_flags = SA_RESTART | SA_RESETHAND;
  ::sigaction(SIGINT, &action, &interrupt_);
  ::sigaction(SIGTERM, &action, &terminate_);
}

StopOnSignal::~StopOnSignal() {
  ::sigaction(SIGINT, &interrupt_, nullptr);
  ::sigaction(SIGTERM, &terminate_, nullptr);
}

std::atomic<bool>& StopOnSignal::wanted() { return g_stop; }

}  // namespace tercet::command
