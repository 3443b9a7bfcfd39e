#pragma once
// What tercet-lb wants of an Announcer beyond the contract: what to sleep on, where adverts come from,
// counters. KernelAnnouncer and PortAnnouncer.

#include "base/counters.h"
#include "dataplane/port/announcer.h"

namespace tercet::control {

/// Written by the control thread, read by /metrics.
struct AnnouncerCounters {
  Counter adverts_sent;
  Counter adverts_received;
  Counter announcements;
  Counter send_failed;  ///< advert or frame that was refused: by the kernel, or by a full queue to the port
  Counter address_failed;    ///< address that could not be added or removed
  Counter address_restored;  ///< one of ours that somebody had removed
  Counter link_lost;         ///< the interface lost its carrier, was set down or went away
  Counter drop_own;          ///< our own advert, reflected
  Counter drop_malformed;    ///< no whole IP packet
};

class LbAnnouncer : public dataplane::Announcer {
 public:
  /// Readable when adverts() has something.
  [[nodiscard]] virtual int descriptor() const = 0;
  /// Readable when reach() may say something new; -1: ask it now and then.
  [[nodiscard]] virtual int link_descriptor() const = 0;
  /// Where our adverts come from: VrrpOptions::local.
  [[nodiscard]] virtual const dataplane::IpAddress& source() const = 0;
  [[nodiscard]] virtual const AnnouncerCounters& counters() const = 0;
};

}  // namespace tercet::control
