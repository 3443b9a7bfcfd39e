#pragma once
// Logging: lines to stderr, written by a thread of their own, so that a slow terminal or a full pipe never
// holds up whoever logs. The polling threads log nothing: they count, and the control thread says what
// changed.

#include <spdlog/spdlog.h>

#include <string>

namespace tercet::control {

/// Starts it for this process: "2026-03-01T12:00:00.250Z lb1 info  …". Until then, and after stop_logging(),
/// spdlog writes by itself. `name` stands in each line.
void start_logging(const std::string& name);
/// Writes out what is waiting, and ends the thread.
void stop_logging();

/// A start-up error, as every program of ours writes them: "tercet: <what is wrong>: <what to do>" on stderr.
void complain(const std::string& what);

}  // namespace tercet::control
