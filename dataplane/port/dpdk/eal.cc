#include "dataplane/port/dpdk/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <sstream>

#include "base/check.h"

namespace tercet::dataplane {
namespace {

/// The last lines that DPDK wrote: what went wrong stands there, not in its return codes. All of it also goes
/// to stderr, where servers log.
class LastLines {
 public:
  void add(std::string_view text) {
    const std::lock_guard lock(mutex_);
    for (const char c : text) {
      if (c != '\n') {
        line_ += c;
        continue;
      }
      if (!line_.empty()) {
        lines_[next_++ % lines_.size()] = std::exchange(line_, {});
      }
    }
  }
  /// Newest first, the ones that say what went wrong.
  std::string why() {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (size_t i = 0; i < std::min(next_, lines_.size()); ++i) {
      const std::string& line = lines_[(next_ - 1 - i) % lines_.size()];
      if (line.find("Cannot init") != std::string::npos || line.find("FATAL") != std::string::npos) {
        continue;  // EAL's closing words only say that it failed
      }
      return line;
    }
    return text;
  }

 private:
  std::mutex mutex_;
  std::string line_;
  std::array<std::string, 16> lines_;
  size_t next_ = 0;
};

LastLines& last_lines() {
  static auto* lines = new LastLines;  // DPDK may log until the process ends
  return *lines;
}

ssize_t log_write(void* /*cookie*/, const char* text, size_t size) {
  last_lines().add({text, size});
  return static_cast<ssize_t>(std::fwrite(text, 1, size, stderr));
}

struct Started {
  std::mutex mutex;
  bool tried = false;
  std::string arguments;
  std::string error;
};
Started& started() {
  static Started state;
  return state;
}

bool gives(const std::vector<std::string>& words, std::initializer_list<std::string_view> options) {
  return std::ranges::any_of(words, [&](const std::string& word) {
    return std::ranges::any_of(options, [&](std::string_view option) {
      // "-l2" and "-l 2", "--lcores=…" and "--lcores …".
      const bool is_short = option.size() == 2;
      return word == option || word.starts_with(std::string(option) + "=") ||
             (is_short && word.starts_with(option) && !word.starts_with("--"));
    });
  });
}

std::string allowed_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::string list;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &set)) {
        list += (list.empty() ? "" : ",") + std::to_string(cpu);
      }
    }
  }
  return list.empty() ? "0" : list;
}

std::vector<std::string> words_of(std::string_view text) {
  std::istringstream stream{std::string(text)};
  std::vector<std::string> words;
  for (std::string word; stream >> word;) {
    words.push_back(word);
  }
  return words;
}

std::string init(const EalOptions& options) {
  static FILE* log =
      fopencookie(nullptr, "w", {.read = nullptr, .write = log_write, .seek = nullptr, .close = nullptr});
  TERCET_CHECK(log != nullptr, "memory for a stream");
  setvbuf(log, nullptr, _IOLBF, 0);
  rte_openlog_stream(log);
  std::vector<std::string> words = eal_words(options);
  std::vector<char*> argv;
  argv.reserve(words.size());
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  // EAL pins the thread that starts it to the main lcore; that thread is the control thread here.
  cpu_set_t before;
  const bool known = sched_getaffinity(0, sizeof before, &before) == 0;
  const int used = rte_eal_init(static_cast<int>(argv.size()), argv.data());
  const int error = rte_errno;
  if (known) {
    sched_setaffinity(0, sizeof before, &before);
  }
  if (used < 0) {
    std::string why = last_lines().why();
    why = why.empty() ? rte_strerror(error) : why;
    return "DPDK does not start (" + why + "): correct port.eal, which says \"" + options.arguments + "\"";
  }
  return {};
}

/// The lcores that polling threads run on, in order.
std::vector<unsigned> lcores() {
  std::vector<unsigned> workers;
  unsigned lcore = 0;
  RTE_LCORE_FOREACH_WORKER(lcore) { workers.push_back(lcore); }
  if (workers.empty()) {
    workers.push_back(rte_get_main_lcore());
  }
  return workers;
}

}  // namespace

std::vector<std::string> eal_words(const EalOptions& options) {
  std::vector<std::string> words{"tercet"};
  const std::vector<std::string> given = words_of(options.arguments);
  words.insert(words.end(), given.begin(), given.end());
  if (!gives(given, {"-l", "-c", "-s", "-S", "--lcores"})) {
    words.push_back("--lcores=0@(" + allowed_cpus() + ")");
  }
  if (!gives(given, {"--file-prefix"})) {
    words.push_back("--file-prefix=" + options.prefix);
  }
  if (!gives(given, {"--telemetry", "--no-telemetry"})) {
    words.emplace_back("--no-telemetry");
  }
  return words;
}

tl::expected<void, std::string> start_eal(const EalOptions& options) {
  Started& state = started();
  const std::lock_guard lock(state.mutex);
  if (!state.tried) {
    state.tried = true;
    state.arguments = options.arguments;
    state.error = init(options);
  } else if (state.arguments != options.arguments) {
    return tl::unexpected("DPDK runs already in this process, with \"" + state.arguments +
                          "\": it cannot be started again with \"" + options.arguments + "\"");
  }
  if (!state.error.empty()) {
    return tl::unexpected(state.error);
  }
  return {};
}

bool wants_huge_pages(std::string_view arguments) { return !gives(words_of(arguments), {"--no-huge"}); }

size_t polling_lcores() { return lcores().size(); }

bool adopt_polling_thread(size_t index) {
  const std::vector<unsigned> known = lcores();
  rte_cpuset_t cpus = rte_lcore_cpuset(known[std::min(index, known.size() - 1)]);
  sched_setaffinity(0, sizeof cpus, &cpus);
  return rte_thread_register() == 0;
}

void release_polling_thread() { rte_thread_unregister(); }

int numa_node_of_polling_thread(size_t index) {
  const std::vector<unsigned> known = lcores();
  return static_cast<int>(rte_lcore_to_socket_id(known[std::min(index, known.size() - 1)]));
}

}  // namespace tercet::dataplane
