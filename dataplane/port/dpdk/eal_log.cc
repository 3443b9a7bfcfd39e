#include "dataplane/port/dpdk/eal_log.h"

#include <rte_log.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <mutex>
#include <string_view>
#include <utility>

#include "base/check.h"

namespace tercet::dataplane {
namespace {

/// Drivers say so as an error where other processes cannot share the device (--no-shconf): none wants to.
constexpr const char* kHarmless = "Failed to register mp action callback";

/// The failures among the lines, oldest first; of more than a few only the first ones, which matter.
class Failures {
 public:
  void add(std::string_view text, bool failure, std::string& line) {
    const std::lock_guard lock(mutex_);
    for (const char c : text) {
      if (c != '\n') {
        line += c;
        continue;
      }
      if (failure && !line.empty() && line.find(kHarmless) == std::string::npos) {
        lines_[std::min(count_, lines_.size() - 1)] = line;
        ++count_;
      }
      line.clear();
    }
  }
  size_t mark() {
    const std::lock_guard lock(mutex_);
    return count_;
  }
  std::string since(size_t mark) {
    const std::lock_guard lock(mutex_);
    return mark < count_ ? lines_[std::min(mark, lines_.size() - 1)] : std::string();
  }

 private:
  std::mutex mutex_;
  std::array<std::string, 64> lines_;
  size_t count_ = 0;
};

Failures& failures() {
  static auto* lines = new Failures;  // DPDK may log until the process ends
  return *lines;
}

FILE* const real_stderr = stderr;

ssize_t log_write(void* /*cookie*/, const char* text, size_t size) {
  static auto* line = new std::string;
  const int level = rte_log_cur_msg_loglevel();
  failures().add({text, size}, level > 0 && level <= static_cast<int>(RTE_LOG_ERR), *line);
  return static_cast<ssize_t>(std::fwrite(text, 1, size, real_stderr));
}

ssize_t print_write(void* /*cookie*/, const char* text, size_t size) {
  static auto* line = new std::string;
  const std::string_view said(text, size);
  // EAL's last words stand in its log, too. getopt names the program first.
  if (said.starts_with("EAL: FATAL:")) {
    return static_cast<ssize_t>(size);
  }
  failures().add(said, true, *line);
  return said.starts_with("tercet: ") ? static_cast<ssize_t>(size)
                                      : static_cast<ssize_t>(std::fwrite(text, 1, size, real_stderr));
}

ssize_t drop_write(void* /*cookie*/, const char* /*text*/, size_t size) { return static_cast<ssize_t>(size); }

FILE* stream_to(cookie_write_function_t* write) {
  FILE* stream =
      fopencookie(nullptr, "w", {.read = nullptr, .write = write, .seek = nullptr, .close = nullptr});
  TERCET_CHECK(stream != nullptr, "memory for a stream");
  setvbuf(stream, nullptr, _IOLBF, 0);
  return stream;
}

}  // namespace

void catch_eal_log() {
  static FILE* log = stream_to(log_write);
  rte_openlog_stream(log);
}

// In glibc the two are variables that may be set (Standard Streams); the descriptors stay as they are, so
// that what a dying process says still arrives.
void with_prints_caught(const std::function<void()>& call) {
  static FILE* nowhere = stream_to(drop_write);
  static FILE* prints = stream_to(print_write);
  std::fflush(stdout);
  FILE* const out = std::exchange(stdout, nowhere);
  FILE* const err = std::exchange(stderr, prints);
  call();
  std::fflush(prints);
  stdout = out;
  stderr = err;
}

size_t eal_log_mark() { return failures().mark(); }

std::string eal_failure_since(size_t mark) {
  std::string line = failures().since(mark);
  for (const std::string_view subsystem : {"EAL: ", "tercet: "}) {
    if (line.starts_with(subsystem)) {
      line.erase(0, subsystem.size());
    }
  }
  while (line.ends_with('.') || line.ends_with(' ') || line.ends_with('!')) {
    line.pop_back();
  }
  return line;
}

}  // namespace tercet::dataplane
