#pragma once
// The interface of the kernel that a DPDK device stands on (net_af_packet, net_af_xdp): looked at before DPDK
// does, which says less, and for its link, which those drivers do not know.

#include <cstddef>
#include <string>
#include <tl/expected.hpp>

#include "dataplane/port/dpdk/eal_arguments.h"

namespace tercet::dataplane {

/// Whether it is there, and this process may use it as the driver does. The error is one line with what to
/// do.
tl::expected<void, std::string> may_use(const KernelDevice& device);

/// Up, and with a carrier; false also when it is not there any more.
bool kernel_link_up(const std::string& interface);
/// Set up by somebody, whether there is a carrier or not.
bool kernel_set_up(const std::string& interface);
/// Over how many receive queues its driver spreads what comes; 0: not known.
size_t kernel_receive_queues(const std::string& interface);

}  // namespace tercet::dataplane
