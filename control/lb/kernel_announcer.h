#pragma once
// KernelAnnouncer: the Announcer of the kernel engines. Addresses by netlink, VRRP through a raw socket
// (protocol 112), gratuitous ARP as whole frames through AF_PACKET. IPv4.
//
// Needs CAP_NET_ADMIN and CAP_NET_RAW in the network's user namespace; open() finds out, not the first
// failover.

#include <memory>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "control/lb/lb_announcer.h"
#include "control/lb/link_watch.h"
#include "control/lb/netlink.h"
#include "dataplane/port/announcer.h"

namespace tercet::control {

class Guard;

struct KernelAnnouncerOptions {
  std::string interface;
  std::vector<dataplane::Vip> vips;                 ///< all that own() will be called with
  std::vector<dataplane::IpAddress> unicast_peers;  ///< empty: the group 224.0.0.18
  Guard* guard = nullptr;  ///< is told when we are on the air; outlives the announcer. May be null (tests).
};

class KernelAnnouncer final : public LbAnnouncer {
 public:
  /// Opens all sockets and removes virtual addresses that a former life left on the interface. Errors are one
  /// line.
  static tl::expected<std::unique_ptr<KernelAnnouncer>, std::string> open(
      const KernelAnnouncerOptions& options);
  /// Gives its addresses up.
  ~KernelAnnouncer() override;

  void own(const dataplane::Vip& vip) override;
  void disown(const dataplane::Vip& vip) override;
  void announce(const dataplane::Vip& vip) override;
  void advert(Bytes packet) override;
  size_t adverts(std::span<dataplane::Advert> adverts) override;
  dataplane::Reach reach() override;
  void resign() override;

  [[nodiscard]] int descriptor() const override { return vrrp_; }
  [[nodiscard]] int link_descriptor() const override { return watch_.descriptor(); }
  [[nodiscard]] const dataplane::IpAddress& source() const override { return source_; }
  [[nodiscard]] const AnnouncerCounters& counters() const override { return counters_; }
  /// Addresses that open() found left over.
  [[nodiscard]] size_t stale_removed() const { return stale_removed_; }

 private:
  KernelAnnouncer(KernelAnnouncerOptions options, Interface interface, Netlink netlink, LinkWatch watch);
  [[nodiscard]] bool addresses_stand();
  tl::expected<void, std::string> open_sockets();
  tl::expected<void, std::string> remove_stale();
  void send_advert(MutBytes packet, const dataplane::IpAddress& to);

  KernelAnnouncerOptions options_;
  Interface interface_;
  Netlink netlink_;
  LinkWatch watch_;
  dataplane::IpAddress source_{};
  std::vector<dataplane::Vip> owned_;  ///< that own() gave, whether or not the kernel took them
  bool look_ = true;                   ///< reach() must look for itself
  dataplane::Reach reach_ = dataplane::Reach::good;
  int vrrp_ = -1;
  int frames_ = -1;
  size_t stale_removed_ = 0;
  AnnouncerCounters counters_;
};

}  // namespace tercet::control
