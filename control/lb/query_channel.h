#pragma once
// How the admin interface's own queries reach this LB's data plane: as any client's, through a socket, or
// where no kernel carries them (DPDK) through the engine's ControlPath. Sealed in both cases: there is no
// second way in.

#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "base/bytes.h"
#include "dataplane/port/control_path.h"
#include "wire/endpoint.h"

namespace tercet::control {

/// One user at a time.
class QueryChannel {
 public:
  QueryChannel() = default;
  QueryChannel(const QueryChannel&) = delete;
  QueryChannel& operator=(const QueryChannel&) = delete;
  virtual ~QueryChannel() = default;

  /// May be lost, as any datagram.
  virtual void send(Bytes datagram) = 0;
  /// The next datagram that comes within `timeout_ms`; its size, 0: none came.
  virtual size_t receive(MutBytes room, int timeout_ms) = 0;
};

/// `at`: this LB's own client address. The error is one line.
tl::expected<std::unique_ptr<QueryChannel>, std::string> open_socket_channel(const Endpoint& at);
std::unique_ptr<QueryChannel> make_path_channel(std::shared_ptr<dataplane::ControlPath> path);

}  // namespace tercet::control
