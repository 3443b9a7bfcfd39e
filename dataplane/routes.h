#pragma once
// Routes: which lane of a port leads to which server.

#include <array>
#include <cstdint>

#include "wire/endpoint.h"
#include "wire/ids.h"

namespace tercet::dataplane {

/// Which lane leads to which server; lanes without a server are the clients'.
struct Routes {
  static constexpr Lane kNone = 0xFF;
  std::array<Lane, kServers> lane_of{kNone, kNone, kNone, kNone, kNone};
  /// The server at the other end of `lane`, if there is one.
  [[nodiscard]] bool server_at(Lane lane, ServerId& out) const {
    for (unsigned i = 0; i < kServers; ++i) {
      if (lane_of[i] == lane) {
        out = static_cast<ServerId>(i);
        return true;
      }
    }
    return false;
  }
};

}  // namespace tercet::dataplane
