#include "control/lb/kernel_announcer.h"

#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "control/lb/guard.h"
#include "dataplane/net/arp.h"
#include "dataplane/net/ip.h"
#include "failover/vrrp_packet.h"
#include "wire/endpoint.h"

namespace tercet::control {

using dataplane::Advert;
using dataplane::IpAddress;
using dataplane::Vip;

namespace {

template <class T>
bool set(int fd, int level, int option, const T& value) {
  return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

std::string socket_error(const std::string& what, const std::string& interface) {
  if (errno == EPERM || errno == EACCES) {
    return missing_capability(what + " on " + interface);
  }
  return what + " on " + interface + " failed (" + std::strerror(errno) +
         "): check the interface with `ip link`";
}

}  // namespace

KernelAnnouncer::KernelAnnouncer(KernelAnnouncerOptions options, Interface interface, Netlink netlink,
                                 LinkWatch watch)
    : options_(std::move(options)),
      interface_(std::move(interface)),
      netlink_(std::move(netlink)),
      watch_(std::move(watch)) {}

tl::expected<std::unique_ptr<KernelAnnouncer>, std::string> KernelAnnouncer::open(
    const KernelAnnouncerOptions& options) {
  for (const Vip& vip : options.vips) {
    if (!failover::is_v4(vip.address) || vip.prefix_length > 32 || vip.prefix_length == 0) {
      return tl::unexpected(text_of(vip) +
                            " cannot be a virtual address: give an IPv4 address with a prefix, like "
                            "198.18.0.100/24, in clients.virtual_ips");
    }
  }
  auto interface = find_interface(options.interface);
  if (!interface) {
    return tl::unexpected(interface.error());
  }
  auto netlink = Netlink::open();
  if (!netlink) {
    return tl::unexpected(netlink.error());
  }
  auto watch = LinkWatch::open();
  if (!watch) {
    return tl::unexpected(watch.error());
  }
  std::unique_ptr<KernelAnnouncer> announcer(
      new KernelAnnouncer(options, std::move(*interface), std::move(*netlink),
                          std::move(*watch)));  // its constructor is private
  if (auto removed = announcer->remove_stale(); !removed) {
    return tl::unexpected(removed.error());
  }
  auto source = find_source(announcer->netlink_, announcer->interface_, options.vips);
  if (!source) {
    return tl::unexpected(source.error());
  }
  announcer->source_ = *source;
  if (auto opened = announcer->open_sockets(); !opened) {
    return tl::unexpected(opened.error());
  }
  return announcer;
}

tl::expected<void, std::string> KernelAnnouncer::remove_stale() {
  // Whatever its prefix length: a former configuration may have said another one.
  for (const InterfaceAddress& there : netlink_.addresses(interface_.index)) {
    const bool ours = std::ranges::any_of(
        options_.vips, [&](const Vip& vip) { return vip.address == there.address.address; });
    if (ours && netlink_.remove_alone(there.address, interface_.index) == 0) {
      ++stale_removed_;
    }
  }
  // Removing each as configured, though it is not there any more, tells whether we may change addresses at
  // all.
  for (const Vip& vip : options_.vips) {
    const int error = netlink_.remove(vip, interface_.index);
    if (error == EPERM || error == EACCES) {
      return tl::unexpected(missing_capability("addresses of " + interface_.name + " cannot be changed"));
    }
    if (error != 0) {
      return tl::unexpected("address " + text_of(vip) + " on " + interface_.name + " cannot be removed (" +
                            std::strerror(error) + "): see `ip address show dev " + interface_.name + "`");
    }
  }
  return {};
}

tl::expected<void, std::string> KernelAnnouncer::open_sockets() {
  vrrp_ = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, failover::kVrrpProtocol);
  if (vrrp_ < 0) {
    return tl::unexpected(socket_error("a raw socket for VRRP", interface_.name));
  }
  ip_mreqn group{};
  std::memcpy(&group.imr_multiaddr, failover::kVrrpGroup.data() + 12, 4);
  group.imr_ifindex = static_cast<int>(interface_.index);
  const int ttl = failover::kVrrpTtl;
  const int tos = dataplane::kTosInternetControl;
  const int off = 0;
  const bool multicast = options_.unicast_peers.empty();
  // Bound to its interface: adverts of the same VRID on another network are somebody else's group.
  if (setsockopt(vrrp_, SOL_SOCKET, SO_BINDTODEVICE, interface_.name.c_str(),
                 static_cast<socklen_t>(interface_.name.size() + 1)) != 0 ||
      !set(vrrp_, IPPROTO_IP, IP_TTL, ttl) || !set(vrrp_, IPPROTO_IP, IP_MULTICAST_TTL, ttl) ||
      !set(vrrp_, IPPROTO_IP, IP_MULTICAST_LOOP, off) || !set(vrrp_, IPPROTO_IP, IP_MULTICAST_IF, group) ||
      !set(vrrp_, IPPROTO_IP, IP_TOS, tos) ||
      (multicast && !set(vrrp_, IPPROTO_IP, IP_ADD_MEMBERSHIP, group))) {
    return tl::unexpected(socket_error("the raw socket for VRRP", interface_.name));
  }
  // Protocol 0: sends frames, is handed none.
  frames_ = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (frames_ < 0) {
    return tl::unexpected(socket_error("a packet socket for gratuitous ARP", interface_.name));
  }
  return {};
}

KernelAnnouncer::~KernelAnnouncer() {
  resign();
  if (vrrp_ >= 0) {
    close(vrrp_);
  }
  if (frames_ >= 0) {
    close(frames_);
  }
}

void KernelAnnouncer::own(const Vip& vip) {
  // First the word to the guard: were we killed in between, it removes an address that is not there yet.
  if (options_.guard != nullptr) {
    options_.guard->on_air(true);
  }
  if (std::ranges::find(owned_, vip) == owned_.end()) {
    owned_.push_back(vip);
  }
  if (netlink_.add(vip, interface_.index) != 0) {
    counters_.address_failed.add();
    look_ = true;
  }
}

void KernelAnnouncer::disown(const Vip& vip) {
  if (netlink_.remove_alone(vip, interface_.index) != 0) {
    counters_.address_failed.add();
  }
  std::erase(owned_, vip);
  if (owned_.empty() && options_.guard != nullptr) {
    options_.guard->on_air(false);
  }
}

void KernelAnnouncer::announce(const Vip& vip) {
  if (!interface_.has_arp) {
    return;  // loopback, point to point: nobody keeps a table
  }
  // The MAC may have changed since start (a bond's failover, an operator): the frame must say today's.
  ifreq request{};
  std::memcpy(request.ifr_name, interface_.name.c_str(), interface_.name.size() + 1);
  if (ioctl(vrrp_, SIOCGIFHWADDR, &request) == 0) {
    std::memcpy(interface_.mac.data(), request.ifr_hwaddr.sa_data, interface_.mac.size());
  }
  const dataplane::ArpFrame frame = dataplane::gratuitous_arp(interface_.mac, v4_of(vip.address));
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(dataplane::kEtherTypeArp);
  to.sll_ifindex = static_cast<int>(interface_.index);
  to.sll_halen = sizeof(frame.destination);
  std::memcpy(to.sll_addr, frame.destination.data(), frame.destination.size());
  if (sendto(frames_, &frame, sizeof frame, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0) {
    counters_.send_failed.add();
  } else {
    counters_.announcements.add();
  }
}

void KernelAnnouncer::advert(Bytes packet) {
  std::array<uint8_t, failover::kVrrpSizeMax> buffer{};
  if (packet.size() < sizeof(failover::VrrpHeader) || packet.size() > buffer.size()) {
    counters_.send_failed.add();
    return;
  }
  std::memcpy(buffer.data(), packet.data(), packet.size());
  const MutBytes copy(buffer.data(), packet.size());
  if (options_.unicast_peers.empty()) {
    send_advert(copy, failover::kVrrpGroup);
  }
  for (const IpAddress& peer : options_.unicast_peers) {
    send_advert(copy, peer);
  }
}

void KernelAnnouncer::send_advert(MutBytes packet, const IpAddress& to) {
  failover::fill_checksum(packet, source_, to);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  std::memcpy(&address.sin_addr, to.data() + 12, 4);
  // The source is said for each packet: bound to it, the socket would not be handed what comes to the group.
  iovec part{packet.data(), packet.size()};
  alignas(cmsghdr) std::array<uint8_t, CMSG_SPACE(sizeof(in_pktinfo))> control{};
  msghdr message{};
  message.msg_name = &address;
  message.msg_namelen = sizeof address;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = IPPROTO_IP;
  header->cmsg_type = IP_PKTINFO;
  header->cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
  in_pktinfo info{};
  info.ipi_ifindex = static_cast<int>(interface_.index);
  std::memcpy(&info.ipi_spec_dst, source_.data() + 12, 4);
  std::memcpy(CMSG_DATA(header), &info, sizeof info);
  if (sendmsg(vrrp_, &message, MSG_DONTWAIT) < 0) {
    counters_.send_failed.add();
  } else {
    counters_.adverts_sent.add();
  }
}

size_t KernelAnnouncer::adverts(std::span<Advert> adverts) {
  size_t count = 0;
  std::array<uint8_t, 60 + dataplane::kAdvertMax + 1> packet{};  // one more, so that an overlong one shows
  while (count < adverts.size()) {
    const ssize_t got = recv(vrrp_, packet.data(), packet.size(), MSG_DONTWAIT);
    if (got < 0) {
      if (errno == EINTR) {
        continue;
      }
      break;  // EAGAIN, or the interface is gone: nothing to hear either way
    }
    // A raw socket hands up the IP header (raw(7)); the kernel has checked it, but its length counts.
    const auto size = static_cast<size_t>(got);
    dataplane::Ipv4Header header;
    if (size < sizeof header) {
      counters_.drop_malformed.add();
      continue;
    }
    std::memcpy(&header, packet.data(), sizeof header);
    const size_t header_size = size_t{4} * (header.version_ihl & 0x0FU);
    if (header_size < sizeof header || header_size > size || size - header_size > dataplane::kAdvertMax) {
      counters_.drop_malformed.add();
      continue;
    }
    if (mapped(header.source) == source_) {
      counters_.drop_own.add();
      continue;
    }
    Advert& advert = adverts[count++];
    advert.from = mapped(header.source);
    advert.to = mapped(header.destination);
    advert.ttl = header.ttl;
    advert.size = static_cast<uint16_t>(size - header_size);
    std::memcpy(advert.bytes.data(), packet.data() + header_size, advert.size);
    counters_.adverts_received.add();
  }
  return count;
}

dataplane::Reach KernelAnnouncer::reach() {
  using dataplane::Reach;
  look_ = watch_.changed() || look_;
  if (!look_) {
    return reach_ == Reach::none ? Reach::none : Reach::good;
  }
  look_ = false;
  const bool had = reach_ != Reach::none;
  if (!has_carrier(options_.interface)) {
    if (had) {
      counters_.link_lost.add();
    }
    return reach_ = Reach::none;
  }
  const uint64_t restored = counters_.address_restored.get();
  if (!addresses_stand()) {
    look_ = true;  // tried again at the next call
    return reach_ = Reach::none;
  }
  reach_ = Reach::good;
  return had && restored == counters_.address_restored.get() ? Reach::good : Reach::restored;
}

/// Puts back what is missing; false when the kernel refuses.
bool KernelAnnouncer::addresses_stand() {
  if (owned_.empty()) {
    return true;
  }
  const std::vector<InterfaceAddress> there = netlink_.addresses(interface_.index);
  bool all = true;
  for (const Vip& vip : owned_) {
    if (std::ranges::any_of(there, [&](const InterfaceAddress& a) { return a.address == vip; })) {
      continue;
    }
    if (netlink_.add(vip, interface_.index) == 0) {
      counters_.address_restored.add();
    } else {
      counters_.address_failed.add();
      all = false;
    }
  }
  return all;
}

void KernelAnnouncer::resign() {
  while (!owned_.empty()) {
    disown(Vip(owned_.back()));
  }
}

}  // namespace tercet::control
