#pragma once
// DPDK's environment (EAL): started once in a process, by the thread that opens the ports, and kept until the
// process ends. Nothing of DPDK's headers is seen outside this folder's .cc files.

#include <cstddef>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "dataplane/port/dpdk/eal_arguments.h"

namespace tercet::dataplane {

/// Starts EAL. A second call in one process succeeds if it asks for the same, else the error says so. The
/// caller, and all threads that this process has by then, belong to the first lcore from now on, as those
/// that they start later do: the others are the polling threads'. The error is one line: the cause in DPDK's
/// words, and what to do.
tl::expected<void, std::string> start_eal(const EalOptions& options);

/// Gives back what EAL holds, where it runs. The last thing that a process does with DPDK: its devices are
/// closed, its polling threads are gone.
void stop_eal();

/// Whether there are lcores beside the first one.
bool has_polling_lcores();
/// How many lcores the arguments leave for polling threads: all but the first where there are several, else
/// that one. After start_eal().
size_t polling_lcores();

/// Whether buffers lie in huge pages (else in ordinary ones, which cost more TLB misses). After start_eal().
bool has_huge_pages();

/// To be called by polling thread `index` before it touches a port: puts it on its lcore's CPUs and makes it
/// known to DPDK, whose buffer caches are per thread. False when DPDK has no place for it (RTE_MAX_LCORE).
bool adopt_polling_thread(size_t index);
/// By that thread, when it has polled for the last time.
void release_polling_thread();

/// The CPUs of the lcore of polling thread `index`; beyond them the first lcore's, where the control threads
/// are.
std::vector<int> cpus_of_polling_thread(size_t index);
/// The NUMA node of the CPUs of polling thread `index`, -1 where there is only one node or they differ.
int numa_node_of_polling_thread(size_t index);

}  // namespace tercet::dataplane
