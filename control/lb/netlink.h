#pragma once
// The little of rtnetlink (RFC 3549, rtnetlink(7)) that a virtual address needs: which interface, which
// addresses stand on it, add one, remove one. Blocking, but only on the kernel. Not on the polling path.
// Errors are one line, for people.

#include <array>
#include <cstdint>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "base/bytes.h"
#include "dataplane/net/arp.h"
#include "dataplane/port/announcer.h"

struct mnl_socket;

namespace tercet::control {

struct Interface {
  std::string name;
  unsigned index = 0;
  dataplane::Mac mac{};
  bool has_arp = false;  ///< Ethernet-like: not loopback, not point to point
};
/// "interface eth9 is not there: …" when it is not, or is down.
tl::expected<Interface, std::string> find_interface(const std::string& name);

struct InterfaceAddress {
  dataplane::Vip address;  ///< IPv4 only
  bool secondary =
      false;  ///< goes away with the primary address of its network (unless promote_secondaries is set)
};

/// One RTM_DELADDR request, ready to be sent at any time; no memory but its own.
struct AddressRequest {
  alignas(4) std::array<uint8_t, 64> bytes{};
  size_t size = 0;
};
AddressRequest removal_of(const dataplane::Vip& vip, unsigned interface_index);

/// A NETLINK_ROUTE socket. Move-only.
class Netlink {
 public:
  static tl::expected<Netlink, std::string> open();
  Netlink(Netlink&& other) noexcept;
  Netlink& operator=(Netlink&& other) noexcept;
  Netlink(const Netlink&) = delete;
  Netlink& operator=(const Netlink&) = delete;
  ~Netlink();

  /// 0, or the kernel's errno. Adding what is there, or removing what is not, is 0.
  int add(const dataplane::Vip& vip, unsigned interface_index);
  int remove(const dataplane::Vip& vip, unsigned interface_index);
  /// Removes one, and puts back what the kernel removes along with it: had the virtual address become the
  /// primary one of its network (somebody reconfigured the interface), the host's own would go too.
  int remove_alone(const dataplane::Vip& vip, unsigned interface_index);
  /// IPv4 addresses on one interface, in the kernel's order; empty when the kernel does not say.
  std::vector<InterfaceAddress> addresses(unsigned interface_index);

 private:
  explicit Netlink(mnl_socket* socket) : socket_(socket) {}
  int request(MutBytes message);

  mnl_socket* socket_;
  uint32_t sequence_ = 0;
};

/// The IPv4 address that our adverts come from: of the interface's addresses that are not virtual, the first
/// in the network of one that is, else the first.
tl::expected<dataplane::IpAddress, std::string> find_source(Netlink& netlink, const Interface& interface,
                                                            const std::vector<dataplane::Vip>& vips);
/// What to say when the kernel refused for lack of a capability.
std::string missing_capability(const std::string& what);

dataplane::Ipv4 v4_of(const dataplane::IpAddress& address);
dataplane::IpAddress mapped(const dataplane::Ipv4& address);
std::string text_of(const dataplane::Vip& vip);

}  // namespace tercet::control
