#pragma once
// Where a datagram came from or goes to. IPv4 is held as an IPv4-mapped IPv6 address (RFC 4291 §2.5.5.2).

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "base/bytes.h"

namespace tercet {

struct Endpoint {
  std::array<uint8_t, 16> address{};
  uint16_t port = 0;  ///< host order
  constexpr auto operator<=>(const Endpoint&) const = default;
  constexpr bool operator==(const Endpoint& o) const { return port == o.port && same(address, o.address); }
  [[nodiscard]] constexpr bool is_v4() const {
    for (unsigned i = 0; i < 10; ++i) {
      if (address[i] != 0) {
        return false;
      }
    }
    return address[10] == 0xFF && address[11] == 0xFF;
  }
};

/// "198.18.0.1:8210" or "[2001:db8::1]:8210" -> endpoint. Addresses are numeric, the port is 0..65535; a
/// scope
/// ("fe80::1%eth0") is refused, since an Endpoint has no place for it. The error is one line that names
/// `text`.
tl::expected<Endpoint, std::string> parse_endpoint(std::string_view text);
/// "198.18.0.100" or "2001:db8::1" -> endpoint with `port`.
tl::expected<Endpoint, std::string> parse_address(std::string_view text, uint16_t port = 0);
/// What parse_endpoint() reads. An IPv4-mapped address is written as IPv4.
std::string to_string(const Endpoint& endpoint);
/// The same without the port (and without brackets).
std::string address_text(const Endpoint& endpoint);

/// Which of a port's sockets (DPDK: address and port pairs) a datagram uses. Lanes are numbered as they were
/// opened.
using Lane = uint8_t;

}  // namespace tercet
