#pragma once
// DPDK's environment (EAL): started once in a process, by the thread that opens the ports, and kept until the
// process ends. Nothing of DPDK's headers is seen outside this folder's .cc files.

#include <cstddef>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

namespace tercet::dataplane {

struct EalOptions {
  /// As for any DPDK program: "-l 2,3 --vdev=net_af_packet0,iface=eth0 …". Words are separated by blanks.
  std::string arguments;
  /// Tells the memory of this server from that of other DPDK programs of the host; used where the arguments
  /// give no --file-prefix.
  std::string prefix = "tercet";
};

/// The words that EAL is started with: the configured ones, and what they leave open: --file-prefix,
/// --no-telemetry (a thread and a socket that nobody asked for), and an lcore that may run on every CPU which
/// this process may use. "-l" and its kind are taken as given.
std::vector<std::string> eal_words(const EalOptions& options);

/// Starts EAL. A second call in one process succeeds if it asks for the same, else the error says so. The
/// caller's CPU affinity stays as it was. The error is one line: what EAL said last, and what to do.
tl::expected<void, std::string> start_eal(const EalOptions& options);

/// Whether the arguments ask for huge pages (no --no-huge).
bool wants_huge_pages(std::string_view arguments);

/// How many lcores the arguments leave for polling threads: all but the first where there are several, else
/// that one. After start_eal().
size_t polling_lcores();

/// To be called by polling thread `index` before it touches a port: puts it on its lcore's CPUs and makes it
/// known to DPDK, whose buffer caches are per thread. False when DPDK has no place for it (RTE_MAX_LCORE).
bool adopt_polling_thread(size_t index);
/// By that thread, when it has polled for the last time.
void release_polling_thread();

/// The NUMA node of the CPUs of polling thread `index`, -1 where there is only one node or they differ.
int numa_node_of_polling_thread(size_t index);

}  // namespace tercet::dataplane
