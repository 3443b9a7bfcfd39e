#pragma once
// What a server's threads have in common: names, signals, locked memory, and the polling thread itself.
//
// Signals are blocked in every thread from the start (block_signals() in main, before the first thread); the
// control thread takes SIGTERM and SIGINT from a signalfd. SIGPIPE is ignored.

#include <sys/types.h>

#include <string>
#include <thread>
#include <tl/expected.hpp>
#include <vector>

#include "dataplane/poller.h"
#include "dataplane/real_clock.h"

namespace tercet::control {

/// Call first thing in main.
void block_signals();
/// Readable when SIGTERM, SIGINT or SIGHUP came. Aborts if the kernel gives none.
int open_signals();
/// The next signal that came, or 0.
int take_signal(int signals);

/// As shown by ps -L and top -H; at most 15 characters.
void name_this_thread(const char* name);

/// The calling thread goes before others of this machine where that is allowed (CAP_SYS_NICE), and asks for
/// short slices: a busy neighbour should not look like a dead load balancer. False where it is not allowed.
bool raise_priority();
/// The same for the whole process against other sessions, between which the kernel shares the CPU before it
/// looks at niceness (sched_autogroup, sched(7)). Only where this process leads its session, as under
/// systemd: else it would not be ours to say. Call once, from main.
bool raise_session();

/// Locks what is mapped now, so that a failover never waits for a page from a disk. Pages are locked as they
/// are first touched (what was only reserved costs nothing). The error says why not; a server goes on
/// without.
tl::expected<void, std::string> lock_memory();

/// A thread that runs `loop` until stop(). The loop outlives it.
class PollingThread {
 public:
  /// `cpus`: where it may run; empty: wherever the caller may, or where its port puts it.
  PollingThread(dataplane::Loop& loop, const char* name, const std::vector<int>& cpus = {});
  ~PollingThread() { stop(); }
  PollingThread(const PollingThread&) = delete;
  PollingThread& operator=(const PollingThread&) = delete;
  /// Returns when the thread has ended; what it owned is the caller's again.
  void stop();
  /// Its kernel id, for people who attach to it.
  [[nodiscard]] pid_t tid() const { return tid_.load(std::memory_order_relaxed); }

 private:
  dataplane::RealClock clock_;
  dataplane::Poller poller_;
  std::atomic<pid_t> tid_{0};
  std::thread thread_;
};

}  // namespace tercet::control
