#pragma once
// What DPDK says while it starts and opens devices: the cause stands in its lines, not in its return codes.
// All of it also goes to stderr, where servers log; its page of usage goes nowhere.

#include <cstddef>
#include <functional>
#include <string>

namespace tercet::dataplane {

/// Once, before EAL starts: its log comes through here from now on.
void catch_eal_log();

/// Runs `call` while what is printed past the log (getopt's complaint, libbpf's) is caught as well.
void with_prints_caught(const std::function<void()>& call);

/// A place in the lines: those that come after it.
size_t eal_log_mark();
/// The first line since `mark` that says a failure; empty: none does. The first one is the cause, what
/// follows only says that it failed. Without the subsystem's name before it and the full stop behind it.
std::string eal_failure_since(size_t mark);

}  // namespace tercet::dataplane
