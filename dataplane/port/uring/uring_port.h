#pragma once
// The embedded default engine: io_uring with multishot recvmsg into provided buffer rings, sends queued and
// handed over in the same io_uring_enter that waits for or fetches what comes next. Under load one call
// serves many datagrams.
//
// Threads: make_uring_port() may run on any thread (the ring is made disabled there, so that a machine that
// forbids it is noticed early); the first receive(), send() or wait() ties the ring to its thread for good
// (SINGLE_ISSUER). Sends are non-blocking: after the io_uring_enter that takes them they are done, and
// failures lie in the completion queue. Two banks of buffers alternate, so that a burst stays intact until
// its failures were seen.

#include <memory>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "dataplane/port/port.h"

namespace tercet::dataplane {

/// Sizes; each a power of two. Tests make them small.
struct UringSizes {
  unsigned submissions = 512;
  unsigned completions = 2'048;  ///< above all buffers together, so that receiving alone cannot overflow it
  unsigned plain_buffers = 1'024;
  unsigned big_buffers = 128;  ///< 64 KiB each, for lanes with GRO
};

/// Opens the lanes and makes the ring. The error is one line: a lane's (open_lanes) or why there is no
/// io_uring here, in which case the mmsg engine serves the same PortOptions.
tl::expected<std::unique_ptr<Port>, std::string> make_uring_port(const PortOptions& options,
                                                                 const UringSizes& sizes = {});

/// The ports of several threads, which may share lanes: a ring each.
tl::expected<std::vector<std::unique_ptr<Port>>, std::string> make_uring_ports(
    std::span<const PortOptions> threads, const UringSizes& sizes = {});

/// Whether this process may use io_uring here; the error says why not. Makes and drops a ring. For --check.
tl::expected<void, std::string> uring_allowed();

}  // namespace tercet::dataplane
