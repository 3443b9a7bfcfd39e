#pragma once
// Where a datagram came from or goes to. IPv4 is held as an IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2).

#include <array>
#include <cstdint>
#include <compare>

namespace tercet {

struct Endpoint {
  std::array<uint8_t, 16> address{};
  uint16_t port = 0;  ///< host order
  constexpr auto operator<=>(const Endpoint&) const = default;
  [[nodiscard]] constexpr bool is_v4() const {
    for (unsigned i = 0; i < 10; ++i) {
      if (address[i] != 0) {
        return false;
      }
    }
    return address[10] == 0xFF && address[11] == 0xFF;
  }
};

/// Which of a port's sockets (DPDK: address and port pairs) a datagram uses. Lanes are numbered as they were opened.
using Lane = uint8_t;

}  // namespace tercet
