#pragma once
// The engine on recvmmsg/sendmmsg: the baseline that every figure is compared with, and the fallback where
// io_uring is forbidden. One epoll set says which lanes have something, so that a poll costs one call for all
// lanes and one for each that has traffic. Waiting is epoll_pwait2 (nanoseconds); where that call is missing,
// ppoll on the epoll set.

#include <memory>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "dataplane/port/port.h"

namespace tercet::dataplane {

/// Opens the lanes. May be used by any one thread afterwards. The error is one line with what to do.
tl::expected<std::unique_ptr<Port>, std::string> make_mmsg_port(const PortOptions& options);
/// The ports of several threads, which may share lanes.
tl::expected<std::vector<std::unique_ptr<Port>>, std::string> make_mmsg_ports(
    std::span<const PortOptions> threads);

}  // namespace tercet::dataplane
