#include "dataplane/port/dpdk/kernel_interface.h"

#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "dataplane/net/ip.h"
#include "dataplane/port/socket.h"

namespace tercet::dataplane {
namespace {

unsigned flags_of(const std::string& interface) {
  const OwnedFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strncpy(request.ifr_name, interface.c_str(), IFNAMSIZ - 1);
  if (!fd || ioctl(fd.get(), SIOCGIFFLAGS, &request) != 0) {
    return 0;
  }
  return static_cast<unsigned short>(request.ifr_flags);
}

/// Packet sockets: CAP_NET_RAW in the namespace of this network.
bool may_open_packet_sockets() {
  const OwnedFd fd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  return static_cast<bool>(fd) || (errno != EPERM && errno != EACCES);
}

/// CAP_NET_ADMIN there: asks the kernel to forget a neighbour that it cannot have.
bool may_change_interfaces() {
  const OwnedFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  arpreq request{};
  sockaddr_in none{};
  none.sin_family = AF_INET;
  const Ipv4 documentation{192, 0, 2, 1};  // RFC 5737
  std::memcpy(&none.sin_addr, documentation.data(), documentation.size());
  std::memcpy(&request.arp_pa, &none, sizeof none);
  return !fd || ioctl(fd.get(), SIOCDARP, &request) == 0 || (errno != EPERM && errno != EACCES);
}

}  // namespace

tl::expected<void, std::string> may_use(const KernelDevice& device) {
  if (device.interface.empty()) {
    return tl::unexpected(device.name + " in port.eal stands on no interface: write --vdev=" + device.name +
                          ",iface=eth0");
  }
  if (device.interface.size() >= IFNAMSIZ || if_nametoindex(device.interface.c_str()) == 0) {
    return tl::unexpected("there is no interface " + device.interface + ", on which port.eal puts " +
                          device.name + ": correct iface= there (see `ip link`)");
  }
  const bool raw = may_open_packet_sockets();
  const bool admin = may_change_interfaces();
  if (!raw || !admin) {
    const std::string lacks = !raw && !admin ? "CAP_NET_RAW and CAP_NET_ADMIN"
                              : !raw         ? "CAP_NET_RAW"
                                             : "CAP_NET_ADMIN";
    return tl::unexpected(device.name + " may not use " + device.interface + " (no " + lacks +
                          "): run as root, or give the program what it needs with `setcap "
                          "cap_net_admin,cap_net_raw" +
                          (device.xdp() ? ",cap_bpf" : "") + "+ep`");
  }
  return {};
}

bool kernel_link_up(const std::string& interface) {
  const unsigned flags = flags_of(interface);
  return (flags & IFF_UP) != 0 && (flags & IFF_RUNNING) != 0;
}

bool kernel_set_up(const std::string& interface) { return (flags_of(interface) & IFF_UP) != 0; }

size_t kernel_receive_queues(const std::string& interface) {
  size_t queues = 0;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator("/sys/class/net/" + interface + "/queues", error)) {
    queues += entry.path().filename().string().starts_with("rx-") ? 1 : 0;
  }
  return queues;
}

}  // namespace tercet::dataplane
