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

#include "base/counters.h"
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

/// Written by the control thread, read by /metrics.
struct AnnouncerCounters {
  Counter adverts_sent;
  Counter adverts_received;
  Counter announcements;
  Counter send_failed;       ///< advert or frame that the kernel refused
  Counter address_failed;    ///< address that the kernel would not add or remove
  Counter address_restored;  ///< one of ours that somebody had removed
  Counter link_lost;         ///< the interface lost its carrier, was set down or went away
  Counter drop_own;          ///< our own advert, reflected
  Counter drop_malformed;    ///< no whole IP packet
};

class KernelAnnouncer final : public dataplane::Announcer {
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

  /// Readable when adverts() has something.
  [[nodiscard]] int descriptor() const { return vrrp_; }
  /// Readable when reach() may say something new.
  [[nodiscard]] int link_descriptor() const { return watch_.descriptor(); }
  /// Where our adverts come from: VrrpOptions::local.
  [[nodiscard]] const dataplane::IpAddress& source() const { return source_; }
  [[nodiscard]] const AnnouncerCounters& counters() const { return counters_; }
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
