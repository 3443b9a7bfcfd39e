#pragma once
// PortAnnouncer: the Announcer where no kernel is under us (DPDK). Addresses are the port's to answer for,
// and announcements and adverts leave by it: all through the engine's ControlPath, ahead of query traffic. A
// killed process leaves nothing behind that answers.

#include <memory>
#include <optional>
#include <vector>

#include "control/lb/lb_announcer.h"
#include "control/lb/link_watch.h"
#include "dataplane/port/announcer.h"
#include "dataplane/port/control_path.h"

namespace tercet::control {

class Guard;

struct PortAnnouncerOptions {
  std::shared_ptr<dataplane::ControlPath> path;
  dataplane::IpAddress source{};                    ///< our own address: where adverts come from
  std::vector<dataplane::IpAddress> unicast_peers;  ///< empty: the group 224.0.0.18
  std::optional<std::array<uint8_t, 6>> virtual_mac;
  Guard* guard = nullptr;  ///< is told when we are on the air (its hook); outlives the announcer. May be null
};

class PortAnnouncer final : public LbAnnouncer {
 public:
  explicit PortAnnouncer(PortAnnouncerOptions options);
  ~PortAnnouncer() override { resign(); }

  void own(const dataplane::Vip& vip) override;
  void disown(const dataplane::Vip& vip) override;
  void announce(const dataplane::Vip& vip) override;
  void advert(Bytes packet) override;
  size_t adverts(std::span<dataplane::Advert> adverts) override;
  dataplane::Reach reach() override;
  void resign() override;

  [[nodiscard]] int descriptor() const override { return options_.path->adverts_bell(); }
  [[nodiscard]] int link_descriptor() const override { return watch_ ? watch_->descriptor() : -1; }
  [[nodiscard]] const dataplane::IpAddress& source() const override { return options_.source; }
  [[nodiscard]] const AnnouncerCounters& counters() const override { return counters_; }

 private:
  /// What all polling threads must know of an address; false while one of them has not been told.
  bool tell_all(const dataplane::ControlOrder& order);
  void change(dataplane::ControlOrder::Kind kind, const dataplane::Vip& vip);
  void send_advert(Bytes packet, const dataplane::IpAddress& to);

  PortAnnouncerOptions options_;
  std::vector<dataplane::Vip> owned_;
  std::vector<dataplane::ControlOrder> untold_;  ///< that found a thread's queue full: told again by reach()
  std::optional<LinkWatch> watch_;               ///< where the device stands on an interface of the kernel
  bool had_link_ = true;
  AnnouncerCounters counters_;
};

}  // namespace tercet::control
