#include "dataplane/port/dpdk/tap.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "dataplane/net/unfinished.h"
#include "dataplane/port/socket.h"

namespace tercet::dataplane {
namespace {

/// Longest that the thread sleeps: the kernel's frames wake it, ours ring its bell.
constexpr int kTurnMs = 1000;
/// How long a frame may wait for the thread after others: a nap costs the kernel less than a wake-up a frame
/// costs a polling thread, and is nothing to a TCP connection.
constexpr long kNapNs = 200'000;
/// Where a frame's type stands, or its tag, and what follows that.
constexpr size_t kAddresses = offsetof(EthernetHeader, type);
constexpr size_t kTagged = kAddresses + sizeof(VlanTag);

sockaddr socket_address(const Ipv4& address) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  std::memcpy(&in.sin_addr, address.data(), address.size());
  sockaddr out{};
  std::memcpy(&out, &in, sizeof out);
  return out;
}

Ipv4 mask_of(uint8_t prefix_length) {
  return ipv4_of(prefix_length == 0 ? 0U : ~0U << (32U - prefix_length));
}

std::string failed(const std::string& what, const std::string& name) {
  return "the tap " + name + " cannot be made: " + what + " (" + std::strerror(errno) +
         "): it needs /dev/net/tun and CAP_NET_ADMIN; or set port.exception = \"none\"";
}

/// Its address, its network and the ways out, as the kernel had them for the NIC.
bool configure(const TapOptions& options, const OwnedFd& control) {
  ifreq request{};
  std::memcpy(request.ifr_name, options.name.c_str(), options.name.size() + 1);
  ifreq hardware = request;
  hardware.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  std::memcpy(hardware.ifr_hwaddr.sa_data, options.mac.data(), options.mac.size());
  ifreq address = request;
  address.ifr_addr = socket_address(ipv4_of(options.own.address));
  ifreq mask = request;
  mask.ifr_netmask = socket_address(mask_of(options.own.prefix_length));
  ifreq flags = request;
  flags.ifr_flags = IFF_UP | IFF_RUNNING | IFF_BROADCAST | IFF_MULTICAST;
  const int fd = control.get();
  return ioctl(fd, SIOCSIFHWADDR, &hardware) == 0 && ioctl(fd, SIOCSIFFLAGS, &flags) == 0 &&
         ioctl(fd, SIOCSIFADDR, &address) == 0 && ioctl(fd, SIOCSIFNETMASK, &mask) == 0;
}

bool add_route(const std::string& name, const Ipv4& network, uint8_t prefix_length, const Ipv4& via,
               const OwnedFd& control) {
  std::string device = name;
  rtentry route{};
  route.rt_dst = socket_address(network);
  route.rt_genmask = socket_address(mask_of(prefix_length));
  route.rt_gateway = socket_address(via);
  route.rt_flags = RTF_UP | RTF_GATEWAY;
  route.rt_dev = device.data();
  return ioctl(control.get(), SIOCADDRT, &route) == 0 || errno == EEXIST;
}

}  // namespace

tl::expected<std::unique_ptr<Tap>, std::string> Tap::open(const TapOptions& options) {
  if (options.name.empty() || options.name.size() >= IFNAMSIZ) {
    return tl::unexpected("\"" + options.name + "\" is no name for a tap: 1 to 15 characters in port.tap");
  }
  OwnedFd fd(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd) {
    return tl::unexpected(failed("/dev/net/tun cannot be opened", options.name));
  }
  ifreq request{};
  std::memcpy(request.ifr_name, options.name.c_str(), options.name.size() + 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  const OwnedFd control(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (ioctl(fd.get(), TUNSETIFF, &request) != 0) {
    if (errno == EBUSY) {
      return tl::unexpected("another process has the tap " + options.name +
                            ": this very server, if it runs; else write another name in port.tap");
    }
    if (errno == EINVAL) {  // an interface of another kind
      return tl::unexpected("the name " + options.name +
                            " is taken by another interface: write one of its own in port.tap");
    }
    return tl::unexpected(failed("the kernel gives none", options.name));
  }
  if (!control || !configure(options, control)) {
    return tl::unexpected(failed("its addresses cannot be set", options.name));
  }
  bool routed = !options.gateway || add_route(options.name, {}, 0, *options.gateway, control);
  for (const StaticRoute& route : options.routes) {
    routed = add_route(options.name, route.network, route.prefix_length, route.via, control) && routed;
  }
  if (!routed) {
    return tl::unexpected(failed("its routes cannot be set", options.name));
  }
  auto bell = Bell::make();
  if (!bell) {
    return tl::unexpected(bell.error());
  }
  std::unique_ptr<Tap> self(new Tap(fd.release(), std::move(*bell), options));
  self->thread_ = std::thread([tap = self.get()] {
    pthread_setname_np(pthread_self(), "tap");
    tap->run();
  });
  return self;
}

Tap::Tap(int fd, std::unique_ptr<Bell> bell, const TapOptions& options)
    : fd_(fd), bell_(std::move(bell)), vlan_(options.vlan), unfinished_sums_(options.unfinished_sums) {
  for (size_t i = 0; i < options.threads; ++i) {
    sides_.push_back(std::make_unique<Side>());
  }
}

Tap::~Tap() {
  stop_.store(true, std::memory_order_relaxed);  // nothing is published by it: the bell wakes the thread
  bell_->ring();
  if (thread_.joinable()) {
    thread_.join();
  }
  close(fd_);
}

bool Tap::give(size_t thread, Bytes frame) {
  Side& side = *sides_[thread];
  if (frame.size() > side.given.bytes.size()) {
    return false;
  }
  uint8_t* const bytes = side.given.bytes.data();
  if (vlan_ == 0) {
    side.given.size = static_cast<uint16_t>(frame.size());
    std::memcpy(bytes, frame.data(), frame.size());
  } else {
    side.given.size = static_cast<uint16_t>(frame.size() - sizeof(VlanTag));
    std::memcpy(bytes, frame.data(), kAddresses);
    std::memcpy(bytes + kAddresses, frame.data() + kTagged, frame.size() - kTagged);
  }
  if (side.to_kernel.push(side.given)) {
    bell_->ring();
  } else {
    side.drop_full.add();
  }
  return true;
}

size_t Tap::take(MutBytes frame) {
  const size_t tag = vlan_ == 0 ? 0 : sizeof(VlanTag);
  if (from_kernel_.pop(std::span(&taken_, 1)) != 1 || taken_.size < kAddresses ||
      taken_.size + tag > frame.size()) {
    return 0;
  }
  uint8_t* const at = frame.data();
  std::memcpy(at, taken_.bytes.data(), kAddresses);
  if (tag != 0) {
    const std::array<Be16, 2> inserted{kEtherTypeVlan, vlan_};
    std::memcpy(at + kAddresses, inserted.data(), sizeof inserted);
  }
  std::memcpy(at + kAddresses + tag, taken_.bytes.data() + kAddresses, taken_.size - kAddresses);
  return taken_.size + tag;
}

void Tap::run() {
  while (!stop_.load(std::memory_order_relaxed)) {
    const bool busy = write_given();
    read_kernels();
    rest(busy);
  }
}

/// Whether there were any.
bool Tap::write_given() {
  bool any = false;
  for (const auto& side : sides_) {
    while (side->to_kernel.pop(std::span(&frame_, 1)) == 1) {
      any = true;
      if (unfinished_sums_) {
        finish_sum(MutBytes(frame_.bytes).first(frame_.size));
      }
      if (write(fd_, frame_.bytes.data(), frame_.size) != frame_.size) {
        drop_refused_.add();
      }
    }
  }
  return any;
}

void Tap::read_kernels() {
  for (ssize_t got = 1; got > 0;) {
    got = read(fd_, frame_.bytes.data(), frame_.bytes.size());
    if (got > 0) {
      frame_.size = static_cast<uint16_t>(got);
      if (!from_kernel_.push(frame_)) {
        drop_back_.add();
      }
    }
  }
}

/// The kernel's frames end it either way.
void Tap::rest(bool busy) {
  std::array<pollfd, 2> wake{{{fd_, POLLIN, 0}, {bell_->fd(), POLLIN, 0}}};
  if (busy) {  // where one came more come: looked for without a ring
    constexpr timespec kNap{0, kNapNs};
    ppoll(wake.data(), 1, &kNap, nullptr);
    return;
  }
  bell_->arm();
  if (!given() && !stop_.load(std::memory_order_relaxed)) {
    ::poll(wake.data(), wake.size(), kTurnMs);
  }
  bell_->disarm();
}

bool Tap::given() const {
  return std::ranges::any_of(sides_, [](const auto& side) { return side->to_kernel.waiting() != 0; });
}

}  // namespace tercet::dataplane
