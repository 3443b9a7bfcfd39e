#pragma once
// Hooks: a command at promotion and one at demotion, for fabrics where the address is a route rather than a
// neighbour entry (BGP). Run by sh -c, one after the other in the order of the transitions, never waited for
// while the load balancer runs. The command finds TERCET_STATE (active or standby), TERCET_EPOCH and
// TERCET_CAUSE in its environment. It is the leader of a process group of its own.
//
// on_standby also runs at start (cause "start", epoch 0: what a former life announced must be gone), and, by
// the guard, when the load balancer was killed.

#include <sys/types.h>

#include <deque>
#include <string>

#include "wire/ids.h"

namespace tercet::control {

class Hooks {
 public:
  Hooks(std::string on_active, std::string on_standby)
      : on_active_(std::move(on_active)), on_standby_(std::move(on_standby)) {}
  Hooks(const Hooks&) = delete;
  Hooks& operator=(const Hooks&) = delete;

  void transition(bool active, Epoch epoch, const char* cause);
  /// At start, before anything is served: on_standby.
  void begin() { transition(false, Epoch{0}, "start"); }
  /// Reaps the one that ended and starts the next. Call each turn.
  void turn();
  /// At the end: waits until all that were asked for have run. One that takes longer than kPatienceMs is
  /// ended, with all that it started (SIGTERM, then SIGKILL).
  void finish();
  static constexpr int kPatienceMs = 5'000;
  static constexpr int kTermMs = 500;

 private:
  struct Call {
    std::string command;
    std::string state;
    std::string epoch;
    std::string cause;
  };
  void start(const Call& call);
  bool ended_within(int ms);

  std::string on_active_;
  std::string on_standby_;
  std::deque<Call> waiting_;
  pid_t running_ = 0;
};

}  // namespace tercet::control
