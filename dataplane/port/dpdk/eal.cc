#include "dataplane/port/dpdk/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <sched.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "dataplane/port/dpdk/eal_log.h"
#include "dataplane/port/dpdk/huge_pages.h"

namespace tercet::dataplane {
namespace {

struct Started {
  std::mutex mutex;
  bool tried = false;
  bool runs = false;
  std::string arguments;
  std::string error;
};
Started& started() {
  static Started state;
  return state;
}

std::vector<pid_t> threads_of_this_process() {
  std::vector<pid_t> threads;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task", error)) {
    threads.push_back(std::atoi(entry.path().filename().c_str()));
  }
  return threads;
}

std::string failed(const EalOptions& options, std::string why) {
  if (wants_huge_pages(options.arguments)) {
    if (const std::string trouble = huge_page_trouble(why); !trouble.empty()) {
      return trouble;
    }
  }
  return "DPDK does not start (" + why + "): correct port.eal, which says \"" + options.arguments + "\"";
}

std::string init(const EalOptions& options) {
  if (std::string refused = refuse_arguments(options.arguments); !refused.empty()) {
    return refused;
  }
  catch_eal_log();
  std::vector<std::string> words = eal_words(options);
  std::vector<char*> argv;
  argv.reserve(words.size());
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  const std::vector<pid_t> threads = threads_of_this_process();
  cpu_set_t before;
  const bool known = sched_getaffinity(0, sizeof before, &before) == 0;
  const size_t mark = eal_log_mark();
  int used = -1;
  int error = 0;
  with_prints_caught([&] {
    used = rte_eal_init(static_cast<int>(argv.size()), argv.data());
    error = rte_errno;
  });
  if (used < 0) {
    if (known) {
      sched_setaffinity(0, sizeof before, &before);
    }
    const std::string why = eal_failure_since(mark);
    return failed(options, why.empty() ? rte_strerror(error) : why);
  }
  if (const auto rest = static_cast<size_t>(used) + 1; rest < words.size()) {  // EAL moved them to the end
    return "port.eal says \"" + std::string(argv[rest]) + "\", which is no option of DPDK's: leave it out";
  }
  const rte_cpuset_t first = rte_lcore_cpuset(rte_get_main_lcore());
  for (const pid_t thread : threads) {
    sched_setaffinity(thread, sizeof first, &first);
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

unsigned lcore_of(size_t polling_thread) {
  const std::vector<unsigned> known = lcores();
  return polling_thread < known.size() ? known[polling_thread] : rte_get_main_lcore();
}

}  // namespace

tl::expected<void, std::string> start_eal(const EalOptions& options) {
  Started& state = started();
  const std::lock_guard lock(state.mutex);
  if (!state.tried) {
    state.tried = true;
    state.arguments = options.arguments;
    state.error = init(options);
    state.runs = state.error.empty();
  } else if (state.arguments != options.arguments) {
    return tl::unexpected("DPDK runs already in this process, with \"" + state.arguments +
                          "\": it cannot be started again with \"" + options.arguments + "\"");
  }
  if (!state.error.empty()) {
    return tl::unexpected(state.error);
  }
  return {};
}

void stop_eal() {
  Started& state = started();
  const std::lock_guard lock(state.mutex);
  if (std::exchange(state.runs, false)) {
    rte_eal_cleanup();
    state.error = "DPDK was stopped in this process, and cannot be started there again";
  }
}

bool has_polling_lcores() { return rte_lcore_count() > 1; }

size_t polling_lcores() { return lcores().size(); }

bool has_huge_pages() { return rte_eal_has_hugepages() != 0; }

bool adopt_polling_thread(size_t index) {
  rte_cpuset_t cpus = rte_lcore_cpuset(lcore_of(index));
  sched_setaffinity(0, sizeof cpus, &cpus);
  return rte_thread_register() == 0;
}

void release_polling_thread() { rte_thread_unregister(); }

std::vector<int> cpus_of_polling_thread(size_t index) {
  const rte_cpuset_t set = rte_lcore_cpuset(lcore_of(index));
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) {
      cpus.push_back(cpu);
    }
  }
  return cpus;
}

int numa_node_of_polling_thread(size_t index) {
  return static_cast<int>(rte_lcore_to_socket_id(lcore_of(index)));
}

}  // namespace tercet::dataplane
