#include "control/lb/port_announcer.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "control/lb/guard.h"
#include "control/lb/netlink.h"
#include "failover/vrrp_packet.h"

namespace tercet::control {

using dataplane::ControlOrder;
using dataplane::ControlPath;
using dataplane::IpAddress;
using dataplane::Vip;

PortAnnouncer::PortAnnouncer(PortAnnouncerOptions options) : options_(std::move(options)) {
  if (options_.path->kernel_tells_link()) {
    if (auto watch = LinkWatch::open()) {
      watch_.emplace(std::move(*watch));
    }
  }
}

bool PortAnnouncer::tell_all(const ControlOrder& order) {
  bool all = true;
  for (size_t thread = 0; thread < options_.path->threads(); ++thread) {
    all = options_.path->orders(thread).push(order) && all;  // told twice is told once
  }
  return all;
}

/// An address that is not given up would be answered for beside its new owner: what cannot be said now is
/// said again. The newest word about an address is the one that counts.
void PortAnnouncer::change(ControlOrder::Kind kind, const Vip& vip) {
  ControlOrder command;
  command.kind = kind;
  command.address = v4_of(vip.address);
  command.virtual_mac = options_.virtual_mac;
  std::erase_if(untold_, [&](const ControlOrder& other) { return other.address == command.address; });
  if (!tell_all(command)) {
    counters_.address_failed.add();
    untold_.push_back(command);
  }
}

void PortAnnouncer::own(const Vip& vip) {
  if (options_.guard != nullptr) {
    options_.guard->on_air(true);
  }
  if (std::ranges::find(owned_, vip) == owned_.end()) {
    owned_.push_back(vip);
  }
  change(ControlOrder::Kind::own, vip);
}

void PortAnnouncer::disown(const Vip& vip) {
  change(ControlOrder::Kind::disown, vip);
  std::erase(owned_, vip);
  if (owned_.empty() && options_.guard != nullptr) {
    options_.guard->on_air(false);
  }
}

void PortAnnouncer::announce(const Vip& vip) {
  ControlOrder command;
  command.kind = ControlOrder::Kind::announce;
  command.address = v4_of(vip.address);
  (options_.path->orders(0).push(command) ? counters_.announcements : counters_.send_failed).add();
}

void PortAnnouncer::advert(Bytes packet) {
  if (options_.unicast_peers.empty()) {
    send_advert(packet, failover::kVrrpGroup);
  }
  for (const IpAddress& peer : options_.unicast_peers) {
    send_advert(packet, peer);
  }
}

void PortAnnouncer::send_advert(Bytes packet, const IpAddress& to) {
  ControlOrder command;
  if (packet.size() < sizeof(failover::VrrpHeader) || packet.size() > command.bytes.size()) {
    counters_.send_failed.add();
    return;
  }
  command.kind = ControlOrder::Kind::advert;
  command.address = v4_of(to);
  command.virtual_mac = options_.virtual_mac;
  command.size = static_cast<uint16_t>(packet.size());
  std::memcpy(command.bytes.data(), packet.data(), packet.size());
  failover::fill_checksum({command.bytes.data(), command.size}, options_.source, to);
  (options_.path->orders(0).push(command) ? counters_.adverts_sent : counters_.send_failed).add();
}

size_t PortAnnouncer::adverts(std::span<dataplane::Advert> adverts) {
  options_.path->silence_adverts();
  size_t count = 0;
  for (size_t thread = 0; thread < options_.path->threads() && count < adverts.size(); ++thread) {
    const auto room = adverts.subspan(count);
    const size_t came = options_.path->adverts(thread).pop(room);
    for (size_t i = 0; i < came; ++i) {
      if (room[i].from == options_.source) {
        counters_.drop_own.add();
        continue;
      }
      adverts[count++] = room[i];
      counters_.adverts_received.add();
    }
  }
  return count;
}

dataplane::Reach PortAnnouncer::reach() {
  using dataplane::Reach;
  std::erase_if(untold_, [this](const ControlOrder& order) { return tell_all(order); });
  if (watch_) {
    watch_->changed();  // so that its descriptor is silent again: asking costs less than remembering
  }
  const bool had = std::exchange(had_link_, options_.path->link_up());
  if (!had_link_) {
    if (had) {
      counters_.link_lost.add();
    }
    return Reach::none;
  }
  return had ? Reach::good : Reach::restored;
}

void PortAnnouncer::resign() {
  const std::vector<Vip> owned = owned_;
  for (const Vip& vip : owned) {
    disown(vip);
  }
}

}  // namespace tercet::control
