#pragma once
// TapEnd: the kernel's end of a net_tap device, in a network namespace of this process: 198.18.0.2, with a
// UDP socket to us, 198.18.0.1.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "base/bytes.h"
#include "dataplane/port/dpdk/dpdk_engine.h"

namespace tercet::dataplane {

class TapEnd {
 public:
  static constexpr const char* kEal = "--no-huge -m 64 --no-pci --no-shconf --vdev=net_tap0,iface=tap0";
  static constexpr const char* kDevice = "net_tap0";
  static constexpr const char* kUs = "198.18.0.1:8210";
  static constexpr const char* kKernel = "198.18.0.2:8210";

  /// Before EAL starts. False: this machine allows none.
  static bool enter_namespace() { return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0; }

  /// After the device was opened.
  TapEnd() {
    ifreq request{};
    std::strcpy(request.ifr_name, "tap0");
    // The driver gives both ends one hardware address, and the engine takes nothing from its own.
    request.ifr_hwaddr = {.sa_family = ARPHRD_ETHER, .sa_data = {0x02, 0, 0, 0, 0, 0x02}};
    set(SIOCSIFHWADDR, request);
    const sockaddr_in own = at(kKernel);
    std::memcpy(&request.ifr_addr, &own, sizeof own);
    set(SIOCSIFADDR, request);
    const sockaddr_in mask = at("255.255.255.0:0");
    std::memcpy(&request.ifr_netmask, &mask, sizeof mask);
    set(SIOCSIFNETMASK, request);
    set(SIOCGIFFLAGS, request);
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
    set(SIOCSIFFLAGS, request);
    const sockaddr_in us = at(kUs);
    EXPECT_EQ(bind(socket_, reinterpret_cast<const sockaddr*>(&own), sizeof own), 0);
    EXPECT_EQ(connect(socket_, reinterpret_cast<const sockaddr*>(&us), sizeof us), 0);
  }
  ~TapEnd() { close(socket_); }
  TapEnd(const TapEnd&) = delete;
  TapEnd& operator=(const TapEnd&) = delete;

  void send(Bytes bytes) const { EXPECT_EQ(::send(socket_, bytes.data(), bytes.size(), 0), ssize(bytes)); }

 private:
  static sockaddr_in at(const char* text) {
    const Endpoint endpoint = parse_endpoint(text).value();
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    address.sin_addr.s_addr = inet_addr(address_text(endpoint).c_str());
    return address;
  }
  void set(unsigned long what, ifreq& request) const {
    EXPECT_EQ(ioctl(socket_, what, &request), 0) << std::strerror(errno);
  }

  int socket_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
};

}  // namespace tercet::dataplane
