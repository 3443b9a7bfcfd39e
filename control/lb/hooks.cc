#include "control/lb/hooks.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <ctime>
#include <vector>

#include "control/logging.h"

namespace tercet::control {

void Hooks::transition(bool active, Epoch epoch, const char* cause) {
  const std::string& command = active ? on_active_ : on_standby_;
  if (command.empty()) {
    return;
  }
  constexpr size_t kWaitingMax = 16;  // a hook that hangs must not fill the memory
  if (waiting_.size() >= kWaitingMax) {
    waiting_.pop_front();
  }
  waiting_.push_back({command, active ? "active" : "standby", std::to_string(epoch.value), cause});
  turn();
}

void Hooks::turn() {
  if (running_ > 0) {
    int status = 0;
    const pid_t ended = waitpid(running_, &status, WNOHANG);
    if (ended == 0) {
      return;
    }
    if (ended == running_ && status != 0) {
      spdlog::warn("the failover hook ended with {}", WIFEXITED(status)
                                                          ? "exit code " + std::to_string(WEXITSTATUS(status))
                                                          : "signal " + std::to_string(WTERMSIG(status)));
    }
    running_ = 0;
  }
  if (!waiting_.empty()) {
    const Call call = waiting_.front();
    waiting_.pop_front();
    start(call);
  }
}

/// Whether the one that runs ended; if so the next was started.
bool Hooks::ended_within(int ms) {
  constexpr int kStepMs = 5;
  const timespec step{0, kStepMs * 1'000'000};
  for (const pid_t awaited = running_; running_ == awaited; ms -= kStepMs) {
    if (ms <= 0) {
      return false;
    }
    nanosleep(&step, nullptr);
    turn();
  }
  return true;
}

void Hooks::finish() {
  for (turn(); running_ > 0 || !waiting_.empty(); turn()) {
    if (running_ == 0 || ended_within(kPatienceMs)) {
      continue;
    }
    spdlog::warn("the failover hook takes longer than {} s at the end: it is stopped", kPatienceMs / 1000);
    const pid_t group = running_;
    kill(-group, SIGTERM);
    if (!ended_within(kTermMs)) {
      kill(-group, SIGKILL);
      if (!ended_within(kTermMs)) {
        return;
      }
    }
  }
}

void Hooks::start(const Call& call) {
  std::vector<std::string> words{"TERCET_STATE=" + call.state, "TERCET_EPOCH=" + call.epoch,
                                 "TERCET_CAUSE=" + call.cause};
  std::vector<char*> environment;
  for (char** e = environ; *e != nullptr; ++e) {
    environment.push_back(*e);
  }
  for (std::string& word : words) {
    environment.push_back(word.data());
  }
  environment.push_back(nullptr);
  std::string shell = "sh";
  std::string option = "-c";
  std::string command = call.command;
  char* const arguments[] = {shell.data(), option.data(), command.data(), nullptr};
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  sigset_t usual;
  sigemptyset(&usual);
  sigaddset(&usual, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  const int error = posix_spawn(&running_, "/bin/sh", nullptr, &attributes, arguments, environment.data());
  posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    running_ = 0;
    spdlog::warn("the failover hook cannot be started: {}", std::strerror(error));
  }
}

}  // namespace tercet::control
