#include "dataplane/port/dpdk/membership.h"

#include <linux/if_packet.h>
#include <sys/socket.h>

#include <cstring>

namespace tercet::dataplane {

OwnedFd let_through(unsigned interface, std::span<const Mac> addresses) {
  OwnedFd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));  // of protocol 0: it receives nothing
  for (const Mac& mac : addresses) {
    packet_mreq membership{};
    membership.mr_ifindex = static_cast<int>(interface);
    membership.mr_type = is_group(mac) ? PACKET_MR_MULTICAST : PACKET_MR_UNICAST;
    membership.mr_alen = sizeof mac;
    std::memcpy(membership.mr_address, mac.data(), sizeof mac);
    if (setsockopt(socket.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership, sizeof membership) != 0) {
      return {};
    }
  }
  return socket;
}

}  // namespace tercet::dataplane
