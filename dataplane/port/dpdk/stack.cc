#include "dataplane/port/dpdk/stack.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "dataplane/net/checksum.h"
#include "dataplane/net/icmp.h"

namespace tercet::dataplane {
namespace {

constexpr Ipv4 kVrrpGroup{224, 0, 0, 18};
constexpr uint8_t kTtl = 64;

/// RFC 1112 §6.4: the low 23 bits of the group.
Mac group_mac(const Ipv4& group) {
  return {0x01, 0x00, 0x5E, static_cast<uint8_t>(group[1] & 0x7FU), group[2], group[3]};
}

uint64_t as_number(const Mac& mac) {
  uint64_t out = 0;
  for (const uint8_t byte : mac) {
    out = out << 8U | byte;
  }
  return out;
}

// Here and below a Taken or a Hop is made where it is returned: one that is filled in field by field and then
// copied is read before its stores are through (a third of a datagram's time).
Taken exception(NetDrop reason) { return {.kind = Taken::Kind::exception, .drop = reason, .tap = true}; }

Taken reply(size_t size) { return {.kind = Taken::Kind::reply, .size = static_cast<uint16_t>(size)}; }

}  // namespace

Stack::Stack(const StackOptions& options)
    : mac_(options.mac),
      vlan_(options.vlan),
      own_(ipv4_of(options.own.address)),
      answer_ping_(options.answer_ping),
      vrrp_(options.vrrp),
      ip_sum_out_(options.ip_sum_out),
      udp_sum_out_(options.udp_sum_out),
      unfinished_sums_in_(options.unfinished_sums_in),
      headers_(static_cast<uint32_t>(ethernet_size(options.vlan) + sizeof(Ipv4Header) + sizeof(UdpHeader))),
      routes_(own_, options.own.prefix_length),
      neighbours_(options.neighbours) {
  TERCET_CHECK(check_options(options).has_value(), "stack options were checked before");
  owned_.push_back({own_, mac_});
  for (const StaticRoute& route : options.routes) {
    routes_.add(route);
    neighbours_.keep(route.via, {});
  }
  if (options.gateway) {
    routes_.add({{}, 0, *options.gateway});
    neighbours_.keep(*options.gateway, {});
  }
  lanes_.reserve(options.lanes.size());
  for (const LaneOptions& lane : options.lanes) {
    add_lane(lane);
  }
}

Taken Stack::dropped(NetDrop reason) {
  count(reason);
  return {.drop = reason};
}

// Receiving.

Taken Stack::take(MutBytes frame, RxSums sums, MonoTime now) {
  EthernetView ethernet;
  if (const NetDrop drop = parse_ethernet(frame, ethernet); drop != NetDrop::none) {
    return dropped(drop);
  }
  if (ethernet.vlan != vlan_) {
    return dropped(NetDrop::vlan);
  }
  if (!is_group(ethernet.destination) && !is_our_mac(ethernet.destination)) {
    return dropped(NetDrop::mac_other);
  }
  if (!is_station(ethernet.source)) {
    return dropped(NetDrop::mac_source);
  }
  // Not a virtual MAC: the other LB may have it too, and its adverts must be heard.
  if (same(ethernet.source, mac_)) {
    return dropped(NetDrop::mac_own);
  }
  switch (ethernet.type) {
    case kEtherTypeIpv4:
      return take_ip(frame, ethernet, sums);
    case kEtherTypeArp:
      return take_arp(frame, ethernet, now);
    default:
      return exception(NetDrop::ether_type);
  }
}

Taken Stack::take_arp(MutBytes frame, const EthernetView& ethernet, MonoTime now) {
  ArpPacket arp;
  if (const NetDrop drop = parse_arp(frame.subspan(ethernet.offset), arp); drop != NetDrop::none) {
    return dropped(drop);
  }
  if (routes_.is_directed_broadcast(arp.sender)) {
    return dropped(NetDrop::arp_sender);
  }
  if (const Owned* ours = owned(arp.sender)) {
    if (arp.sender_mac == mac_ || arp.sender_mac == ours->mac) {
      return dropped(NetDrop::mac_own);
    }
    counters_.arp_conflicts.add();
    counters_.conflict_address.set(number(arp.sender));
    counters_.conflict_mac.set(as_number(arp.sender_mac));
    return dropped(NetDrop::arp_conflict);
  }
  const Owned* target = owned(arp.target);
  const bool asks = arp.operation == kArpRequest;
  const Neighbours::Heard heard = learn(arp, is_group(ethernet.destination), now);
  if (asks && target != nullptr) {
    const ArpPacket answer = arp_reply(arp, target->mac, target->address);
    std::memcpy(frame.data() + ethernet.offset, &answer, sizeof answer);
    std::memcpy(frame.data(), arp.sender_mac.data(), sizeof(Mac));
    std::memcpy(frame.data() + sizeof(Mac), target->mac.data(), sizeof(Mac));
    counters_.arp_answered.add();
    return reply(ethernet.offset + sizeof answer);
  }
  if (!heard.known) {
    if (!routes_.on_link(arp.sender) && arp.sender != Ipv4{}) {
      return dropped(NetDrop::arp_off_link);
    }
    return exception(NetDrop::arp_other);
  }
  return {.kind = Taken::Kind::consumed, .tap = true};
}

Neighbours::Heard Stack::learn(const ArpPacket& arp, bool to_group, MonoTime now) {
  if (arp.sender == Ipv4{} || !routes_.on_link(arp.sender)) {
    return {};
  }
  const bool to_us = owned(arp.target) != nullptr;
  const bool answer = arp.operation == kArpReply && to_us && !to_group;
  const Neighbours::Heard heard = neighbours_.heard(arp.sender, arp.sender_mac, answer, to_us, now);
  counters_.arp_learned.add(heard.learned ? 1 : 0);
  counters_.arp_moved.add(heard.moved ? 1 : 0);
  if (heard.moved && heard.kept) {
    move_ = {arp.sender, heard.was, arp.sender_mac};
  }
  counters_.arp_refused.set(neighbours_.refused());
  return heard;
}

void Stack::hear(Bytes frame, MonoTime now) {
  EthernetView ethernet;
  ArpPacket arp;
  if (parse_ethernet(frame, ethernet) == NetDrop::none && ethernet.vlan == vlan_ &&
      ethernet.type == kEtherTypeArp && parse_arp(frame.subspan(ethernet.offset), arp) == NetDrop::none &&
      !routes_.is_directed_broadcast(arp.sender) && owned(arp.sender) == nullptr) {
    learn(arp, is_group(ethernet.destination), now);
  }
}

Taken Stack::take_ip(MutBytes frame, const EthernetView& ethernet, RxSums sums) {
  if (sums.ip == Sum::bad) {
    return dropped(NetDrop::ip_checksum);
  }
  const MutBytes packet = frame.subspan(ethernet.offset);
  Ipv4View ip;
  if (const NetDrop drop = parse_ip(packet, sums.ip == Sum::good, ip); drop != NetDrop::none) {
    return dropped(drop);
  }
  if (!is_host(ip.source) || routes_.is_directed_broadcast(ip.source)) {
    return dropped(NetDrop::ip_source);
  }
  if (owned(ip.source) != nullptr) {
    return dropped(NetDrop::ip_source_ours);
  }
  const bool to_us = owned(ip.destination) != nullptr;
  const bool to_vrrp = ip.protocol == kProtocolVrrp && vrrp_ && (to_us || same(ip.destination, kVrrpGroup));
  if (!to_us && !to_vrrp) {
    if (is_multicast(ip.destination) || is_broadcast(ip.destination)) {
      return exception(NetDrop::ip_group);
    }
    return is_group(ethernet.destination) ? dropped(NetDrop::mac_group) : exception(NetDrop::ip_other);
  }
  if (to_us && is_group(ethernet.destination)) {
    return dropped(NetDrop::mac_group);
  }
  if (ip.fragment) {
    // What is not ours to take, the kernel behind a tap may put together.
    const bool ours = ip.protocol == kProtocolUdp || to_vrrp;
    return ours ? dropped(NetDrop::ip_fragment) : exception(NetDrop::ip_fragment);
  }
  const size_t at = ethernet.offset + ip.header_size;
  const MutBytes payload = frame.subspan(at, ip.size);
  switch (ip.protocol) {
    case kProtocolUdp:
      return take_udp(payload, at, ip, sums.l4);
    case kProtocolIcmp:
      return take_icmp(frame, ethernet, ip);
    case kProtocolVrrp:
      if (!to_vrrp) {
        return exception(NetDrop::ip_protocol);
      }
      return {.kind = Taken::Kind::vrrp,
              .ttl = ip.ttl,
              .offset = static_cast<uint16_t>(at),
              .size = ip.size,
              .from = endpoint_of(ip.source, 0),
              .to = ip.destination};
    default:
      return exception(NetDrop::ip_protocol);
  }
}

Taken Stack::take_udp(Bytes packet, size_t at, const Ipv4View& ip, Sum sum) {
  if (sum == Sum::bad && !unfinished_sums_in_) {
    return dropped(NetDrop::udp_checksum);
  }
  UdpView udp;
  if (const NetDrop drop = parse_udp(packet, ip.source, ip.destination, believed(sum), udp);
      drop != NetDrop::none) {
    return dropped(drop);
  }
  if (udp.source_port == 0) {
    return dropped(NetDrop::udp_port);
  }
  const Lane lane = lane_table_.find(ip.destination, udp.destination_port, ip.source, udp.source_port);
  if (lane == LaneTable::kNone) {
    return exception(NetDrop::udp_other);
  }
  if (udp.size > kDatagramMax) {
    return dropped(NetDrop::udp_long);
  }
  return {.kind = Taken::Kind::datagram,
          .lane = lane,
          .ttl = ip.ttl,
          .offset = static_cast<uint16_t>(at + sizeof(UdpHeader)),
          .size = udp.size,
          .from = endpoint_of(ip.source, udp.source_port),
          .to = ip.destination};
}

Taken Stack::take_icmp(MutBytes frame, const EthernetView& ethernet, const Ipv4View& ip) {
  const Bytes packet = frame.subspan(ethernet.offset + size_t{ip.header_size}, ip.size);
  IcmpHeader header;
  if (const NetDrop drop = parse_icmp(packet, header); drop != NetDrop::none) {
    return dropped(drop);
  }
  if (header.type == kIcmpUnreachable) {
    return note_unreachable(packet);
  }
  if (header.type != kIcmpEcho) {
    return exception(NetDrop::icmp_other);
  }
  if (!answer_ping_) {
    return exception(NetDrop::ping_refused);
  }
  if (packet.size() > kPingMax) {
    return dropped(NetDrop::ping_long);
  }
  return answer_echo(frame, ethernet, ip);
}

Taken Stack::answer_echo(MutBytes frame, const EthernetView& ethernet, const Ipv4View& ip) {
  uint8_t* const packet = frame.data() + ethernet.offset;
  Ipv4Header header;
  std::memcpy(&header, packet, sizeof header);
  make_echo_reply({packet + ip.header_size, ip.size});
  // Options are left out (a source route would have to be reversed, RFC 1122 §3.2.2.6): the message moves up
  // to the header. Type of service and identification stay.
  header.version_ihl = 0x45;
  header.flags_offset = kDontFragment;
  header.ttl = kTtl;
  header.source = ip.destination;
  header.destination = ip.source;
  const size_t size =
      write_ip_packet({packet, sizeof header + ip.size}, header, Bytes{packet + ip.header_size, ip.size});
  // Back where the frame came from: no question is asked for one that proves nothing.
  std::memcpy(frame.data(), ethernet.source.data(), sizeof(Mac));
  std::memcpy(frame.data() + sizeof(Mac), ethernet.destination.data(), sizeof(Mac));
  counters_.pings_answered.add();
  return reply(ethernet.offset + size);
}

Taken Stack::note_unreachable(Bytes packet) {
  Unreachable error;
  const NetDrop drop = parse_unreachable(packet, error);
  if (drop == NetDrop::icmp_malformed) {
    return dropped(drop);
  }
  Lane lane = LaneTable::kNone;
  if (drop == NetDrop::none && owned(error.source) != nullptr) {
    lane = lane_table_.find(error.source, error.source_port, error.destination, error.destination_port);
  }
  if (lane == LaneTable::kNone || lanes_[lane].remote_port == 0) {
    return exception(NetDrop::icmp_other);
  }
  counters_.peer_unreachable.add();
  if (error.hard) {
    unreachable_ |= 1U << lane;
  }
  return {.kind = Taken::Kind::consumed};
}

uint32_t Stack::take_unreachable() { return std::exchange(unreachable_, 0U); }

// Sending.

Hop Stack::slow_hop(const Ipv4& to, const Ipv4& next, NeighbourHint& hint, MonoTime now) {
  if (is_multicast(to)) {
    slow_mac_ = group_mac(to);
    return {Hop::Kind::ready, &slow_mac_};
  }
  if (next == kNowhere || !is_host(to) || is_broadcast(to) || owned(to) != nullptr ||
      owned(next) != nullptr) {
    return {};
  }
  const bool ready = neighbours_.find(next, hint, now, slow_mac_) == Neighbours::Look::ready;
  counters_.arp_refused.set(neighbours_.refused());
  return ready ? Hop{Hop::Kind::ready, &slow_mac_} : Hop{Hop::Kind::resolving};
}

void Stack::write_headers(uint8_t* at, Lane l, const Endpoint& to, const Mac& hop, Bytes payload) const {
  const LaneState& lane = lanes_[l];
  if (vlan_ == 0) {
    std::memcpy(at, lane.headers.data(), kHeadersMax - sizeof(VlanTag));
  } else {
    std::memcpy(at, lane.headers.data(), kHeadersMax);
  }
  std::memcpy(at, hop.data(), sizeof hop);
  auto* const udp_at = at + headers_ - sizeof(UdpHeader);
  auto* const ip_at = udp_at - sizeof(Ipv4Header);
  const auto udp_length = static_cast<uint16_t>(sizeof(UdpHeader) + payload.size());
  const auto ip_length = static_cast<uint16_t>(sizeof(Ipv4Header) + udp_length);
  uint32_t ip_sum = lane.ip_sum + ip_length;
  uint32_t udp_sum = lane.udp_sum + udp_length;  // in the pseudo-header; the UDP header's own follows below
  const auto put = [](uint8_t* place, Be16 value) { std::memcpy(place, &value, sizeof value); };
  put(ip_at + offsetof(Ipv4Header, total_length), ip_length);
  put(udp_at + offsetof(UdpHeader, length), udp_length);
  uint16_t destination_port = lane.remote_port;
  if (destination_port == 0) {
    const Ipv4 address = ipv4_of(to.address);
    const uint32_t value = number(address);
    const uint32_t halves = (value >> 16U) + (value & 0xFFFFU);
    ip_sum += halves;
    udp_sum += halves;
    destination_port = to.port;
    std::memcpy(ip_at + offsetof(Ipv4Header, destination), address.data(), address.size());
    put(udp_at + offsetof(UdpHeader, destination_port), destination_port);
  }
  if (!ip_sum_out_) {
    put(ip_at + offsetof(Ipv4Header, checksum), ones_checksum(ip_sum));
  }
  uint16_t checksum = ones_fold(udp_sum);
  if (!udp_sum_out_) {
    udp_sum += uint32_t{lane.local_port} + destination_port + udp_length;
    checksum = udp_checksum(ones_sum(payload, udp_sum));
  }
  put(udp_at + offsetof(UdpHeader, checksum), checksum);
}

size_t Stack::write_packet(MutBytes frame, const Ipv4Header& header, const Mac& hop, const Mac& source,
                           Bytes payload) const {
  const size_t at = write_ethernet(frame, hop, source, vlan_, kEtherTypeIpv4);
  if (at == 0) {
    return 0;
  }
  const size_t size = write_ip_packet(frame.subspan(at), header, payload);
  return size == 0 ? 0 : at + size;
}

size_t Stack::next_question(MutBytes frame, MonoTime now) {
  if (frame.size() < ethernet_size(vlan_) + sizeof(ArpPacket)) {
    return 0;
  }
  const Neighbours::Question question = neighbours_.next_question(now);
  counters_.arp_unanswered.set(neighbours_.unanswered());
  if (!question.any) {
    return 0;
  }
  counters_.arp_asked.add();
  const ArpPacket packet = arp_request(mac_, own_, question.address);
  const size_t at = write_ethernet(frame, question.to, mac_, vlan_, kEtherTypeArp);
  std::memcpy(frame.data() + at, &packet, sizeof packet);
  return at + sizeof packet;
}

size_t Stack::gratuitous(MutBytes frame, const Ipv4& address) const {
  if (frame.size() < ethernet_size(vlan_) + sizeof(ArpPacket)) {
    return 0;
  }
  const Owned* ours = owned(address);
  const Mac& mac = ours != nullptr ? ours->mac : mac_;
  const ArpPacket packet = arp_request(mac, address, address);
  const size_t at = write_ethernet(frame, kBroadcast, mac, vlan_, kEtherTypeArp);
  std::memcpy(frame.data() + at, &packet, sizeof packet);
  return at + sizeof packet;
}

// Addresses.

void Stack::own(const Ipv4& address, std::optional<Mac> virtual_mac) {
  if (address == own_) {
    return;  // answered for with the device's own MAC, always
  }
  const Mac mac = virtual_mac.value_or(mac_);
  auto* const place =
      std::find_if(owned_.begin(), owned_.end(), [&](const Owned& o) { return o.address == address; });
  if (place != owned_.end()) {
    place->mac = mac;
  } else {
    owned_.push_back({address, mac});
    neighbours_.forget(address);
  }
  for (LaneState& lane : lanes_) {
    write_template(lane);
  }
}

void Stack::disown(const Ipv4& address) {
  for (size_t i = 1; i < owned_.size(); ++i) {
    if (owned_[i].address == address) {
      owned_[i] = owned_.back();
      owned_.pop_back();
      break;
    }
  }
  for (LaneState& lane : lanes_) {
    write_template(lane);
  }
}

bool Stack::owns(const Ipv4& address) const { return owned(address) != nullptr; }

const Stack::Owned* Stack::owned(const Ipv4& address) const {
  for (const Owned& ours : owned_) {
    if (same(ours.address, address)) {
      return &ours;
    }
  }
  return nullptr;
}

bool Stack::is_our_mac(const Mac& mac) const {
  for (const Owned& ours : owned_) {  // the first one's is the device's
    if (same(ours.mac, mac)) {
      return true;
    }
  }
  return false;
}

bool Stack::is_broadcast(const Ipv4& address) const {
  return number(address) == UINT32_MAX || routes_.is_directed_broadcast(address);
}

// Lanes.

void Stack::add_lane(const LaneOptions& options) {
  LaneState lane;
  lane.local = ipv4_of(options.local.address);
  lane.local_port = options.local.port;
  if (options.connected()) {
    lane.remote = ipv4_of(options.remote.address);
    lane.remote_port = options.remote.port;
    lane.next = routes_.find(lane.remote);
    neighbours_.keep(lane.next, {});
  }
  write_template(lane);
  lane_table_.add(static_cast<Lane>(lanes_.size()), lane.local, lane.local_port, lane.remote,
                  lane.remote_port);
  lanes_.push_back(lane);
}

void Stack::write_template(LaneState& lane) {
  const Ipv4 source = lane.local == Ipv4{} ? own_ : lane.local;
  const Owned* ours = owned(source);
  Ipv4Header ip;
  ip.flags_offset = kDontFragment;  // and so an identification of 0 will do (RFC 6864 §4.1)
  ip.ttl = kTtl;
  ip.protocol = kProtocolUdp;
  ip.source = source;
  ip.destination = lane.remote;
  UdpHeader udp;
  udp.source_port = lane.local_port;
  udp.destination_port = lane.remote_port;
  const size_t at =
      write_ethernet(lane.headers, Mac{}, ours != nullptr ? ours->mac : mac_, vlan_, kEtherTypeIpv4);
  std::memcpy(lane.headers.data() + at, &ip, sizeof ip);
  std::memcpy(lane.headers.data() + at + sizeof ip, &udp, sizeof udp);
  lane.ip_sum = ones_sum(bytes_of(ip));
  lane.udp_sum = udp_pseudo_sum(source, lane.remote, 0);
}

}  // namespace tercet::dataplane
