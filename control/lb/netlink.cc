#include "control/lb/netlink.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "wire/endpoint.h"

namespace tercet::control {

using dataplane::IpAddress;
using dataplane::Ipv4;
using dataplane::Vip;

Ipv4 v4_of(const IpAddress& address) { return {address[12], address[13], address[14], address[15]}; }
IpAddress mapped(const Ipv4& a) { return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, a[0], a[1], a[2], a[3]}; }
std::string text_of(const Vip& vip) {
  return address_text(Endpoint{.address = vip.address}) + "/" + std::to_string(vip.prefix_length);
}

std::string missing_capability(const std::string& what) {
  return what +
         ": no permission: run as root, or give the program what it needs with `setcap "
         "cap_net_admin,cap_net_raw+ep`";
}

tl::expected<Interface, std::string> find_interface(const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ) {
    return tl::unexpected("interface \"" + name +
                          "\" is no interface name: 1 to 15 characters, see `ip link`");
  }
  Interface found{.name = name, .index = if_nametoindex(name.c_str())};
  if (found.index == 0) {
    return tl::unexpected("interface " + name +
                          " is not there: see `ip link` for those that are, and set "
                          "failover.interface to the one towards the clients");
  }
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    return tl::unexpected("interface " + name + " cannot be looked at (" + std::strerror(errno) +
                          "): raise the limit of "
                          "open files");
  }
  ifreq request{};
  std::memcpy(request.ifr_name, name.c_str(), name.size() + 1);
  const bool known = ioctl(fd, SIOCGIFFLAGS, &request) == 0;
  const auto flags = static_cast<unsigned>(static_cast<unsigned short>(request.ifr_flags));
  const bool has_mac =
      known && ioctl(fd, SIOCGIFHWADDR, &request) == 0 && request.ifr_hwaddr.sa_family == ARPHRD_ETHER;
  close(fd);
  if (!known || (flags & IFF_UP) == 0) {
    return tl::unexpected("interface " + name + " is down: `ip link set " + name + " up`");
  }
  if (has_mac) {
    std::memcpy(found.mac.data(), request.ifr_hwaddr.sa_data, found.mac.size());
  }
  found.has_arp = has_mac && (flags & (IFF_NOARP | IFF_LOOPBACK)) == 0;
  return found;
}

namespace {

/// RTM_NEWADDR or RTM_DELADDR for one IPv4 address. A prefix length as configured: in the network of an
/// address that is there already it becomes a secondary one, and no route changes; alone, its network's route
/// is wanted.
size_t put_address(uint8_t* buffer, uint16_t type, uint16_t flags, const Vip& vip, unsigned index) {
  nlmsghdr* header = mnl_nlmsg_put_header(buffer);
  header->nlmsg_type = type;
  header->nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
  auto* address = static_cast<ifaddrmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(ifaddrmsg)));
  address->ifa_family = AF_INET;
  address->ifa_prefixlen = vip.prefix_length;
  address->ifa_scope = RT_SCOPE_UNIVERSE;
  address->ifa_index = index;
  mnl_attr_put(header, IFA_LOCAL, 4, vip.address.data() + 12);
  mnl_attr_put(header, IFA_ADDRESS, 4, vip.address.data() + 12);
  return header->nlmsg_len;
}

bool same_network(const Vip& a, const Vip& b) {
  if (a.prefix_length != b.prefix_length) {
    return false;
  }
  for (unsigned bit = 0; bit < a.prefix_length; ++bit) {
    const unsigned at = 12 + bit / 8;
    const unsigned shift = 7 - bit % 8;
    if (((static_cast<unsigned>(a.address[at]) ^ b.address[at]) >> shift & 1U) != 0) {
      return false;
    }
  }
  return true;
}

struct Listing {
  unsigned index;
  std::vector<InterfaceAddress> addresses;
};

struct Found {
  Ipv4 local{};
  bool there = false;
};

int take_local(const nlattr* attribute, void* data) {
  if (mnl_attr_get_type(attribute) == IFA_LOCAL && mnl_attr_get_payload_len(attribute) == 4) {
    auto& found = *static_cast<Found*>(data);
    std::memcpy(found.local.data(), mnl_attr_get_payload(attribute), 4);
    found.there = true;
  }
  return MNL_CB_OK;
}

int take_address(const nlmsghdr* header, void* data) {
  auto& listing = *static_cast<Listing*>(data);
  if (header->nlmsg_type != RTM_NEWADDR || mnl_nlmsg_get_payload_len(header) < sizeof(ifaddrmsg)) {
    return MNL_CB_OK;
  }
  const auto* address = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(header));
  if (address->ifa_index != listing.index || address->ifa_family != AF_INET) {
    return MNL_CB_OK;
  }
  Found found;
  mnl_attr_parse(header, sizeof(ifaddrmsg), take_local, &found);
  if (found.there) {
    listing.addresses.push_back(
        {.address = {.address = mapped(found.local), .prefix_length = address->ifa_prefixlen},
         .secondary = (address->ifa_flags & IFA_F_SECONDARY) != 0});
  }
  return MNL_CB_OK;
}

}  // namespace

AddressRequest removal_of(const Vip& vip, unsigned interface_index) {
  AddressRequest request;
  // The ACK that it asks for may stay unread: it waits in a queue that dies with its process.
  request.size = put_address(request.bytes.data(), RTM_DELADDR, 0, vip, interface_index);
  return request;
}

tl::expected<Netlink, std::string> Netlink::open() {
  mnl_socket* socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
  if (socket == nullptr || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
    const int error = errno;
    if (socket != nullptr) {
      mnl_socket_close(socket);
    }
    return tl::unexpected(std::string("no netlink socket (") + std::strerror(error) +
                          "): the kernel must let this process use NETLINK_ROUTE");
  }
  return Netlink(socket);
}

Netlink::Netlink(Netlink&& other) noexcept
    : socket_(std::exchange(other.socket_, nullptr)), sequence_(other.sequence_) {}
Netlink& Netlink::operator=(Netlink&& other) noexcept {
  std::swap(socket_, other.socket_);
  std::swap(sequence_, other.sequence_);
  return *this;
}
Netlink::~Netlink() {
  if (socket_ != nullptr) {
    mnl_socket_close(socket_);
  }
}

int Netlink::request(MutBytes message) {
  auto* header = reinterpret_cast<nlmsghdr*>(message.data());
  header->nlmsg_seq = ++sequence_;
  if (mnl_socket_sendto(socket_, header, header->nlmsg_len) < 0) {
    return errno;
  }
  std::array<uint8_t, 8192> answer{};
  const ssize_t size = mnl_socket_recvfrom(socket_, answer.data(), answer.size());
  if (size < 0) {
    return errno;
  }
  const int result = mnl_cb_run(answer.data(), static_cast<size_t>(size), sequence_,
                                mnl_socket_get_portid(socket_), nullptr, nullptr);
  return result < 0 ? errno : 0;
}

int Netlink::add(const Vip& vip, unsigned interface_index) {
  alignas(nlmsghdr) std::array<uint8_t, 64> message{};
  put_address(message.data(), RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, vip, interface_index);
  const int error = request(message);
  return error == EEXIST ? 0 : error;
}

int Netlink::remove(const Vip& vip, unsigned interface_index) {
  alignas(nlmsghdr) std::array<uint8_t, 64> message{};
  put_address(message.data(), RTM_DELADDR, 0, vip, interface_index);
  const int error = request(message);
  return error == EADDRNOTAVAIL ? 0 : error;
}

int Netlink::remove_alone(const Vip& vip, unsigned interface_index) {
  const std::vector<InterfaceAddress> before = addresses(interface_index);
  const int error = remove(vip, interface_index);
  const bool was_primary =
      std::ranges::any_of(before, [&](const auto& a) { return a.address == vip && !a.secondary; });
  if (error != 0 || !was_primary) {
    return error;
  }
  for (const InterfaceAddress& other : before) {
    if (other.secondary && same_network(other.address, vip)) {
      add(other.address, interface_index);  // harmless where the kernel kept it
    }
  }
  return 0;
}

std::vector<InterfaceAddress> Netlink::addresses(unsigned interface_index) {
  alignas(nlmsghdr) std::array<uint8_t, 64> message{};
  nlmsghdr* header = mnl_nlmsg_put_header(message.data());
  header->nlmsg_type = RTM_GETADDR;
  header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  header->nlmsg_seq = ++sequence_;
  auto* family = static_cast<ifaddrmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(ifaddrmsg)));
  family->ifa_family = AF_INET;
  Listing listing{.index = interface_index, .addresses = {}};
  if (mnl_socket_sendto(socket_, header, header->nlmsg_len) < 0) {
    return {};
  }
  std::array<uint8_t, 32768> answer{};
  int more = 1;
  while (more > 0) {
    const ssize_t size = mnl_socket_recvfrom(socket_, answer.data(), answer.size());
    if (size <= 0) {
      break;
    }
    more = mnl_cb_run(answer.data(), static_cast<size_t>(size), sequence_, mnl_socket_get_portid(socket_),
                      take_address, &listing);
  }
  return std::move(listing.addresses);
}

tl::expected<IpAddress, std::string> find_source(Netlink& netlink, const Interface& interface,
                                                 const std::vector<Vip>& vips) {
  const std::vector<InterfaceAddress> all = netlink.addresses(interface.index);
  const InterfaceAddress* first = nullptr;
  for (const InterfaceAddress& own : all) {
    if (std::ranges::any_of(vips, [&](const Vip& vip) { return vip.address == own.address.address; })) {
      continue;
    }
    if (std::ranges::any_of(vips, [&](const Vip& vip) { return same_network(vip, own.address); })) {
      return own.address.address;
    }
    first = first == nullptr ? &own : first;
  }
  if (first == nullptr) {
    return tl::unexpected("interface " + interface.name +
                          " has no IPv4 address of its own: give this host one with `ip "
                          "address add`; adverts must not come from a virtual address");
  }
  return first->address.address;
}

}  // namespace tercet::control
