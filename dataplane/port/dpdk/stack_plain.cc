// The short way through the stack. It makes no rules: each condition is one of stack.cc's, as that reads for
// a frame with nothing unusual about it, and a frame that does not meet them all goes the long way, where the
// reason has its name. So it may be too strict, never too generous. All tests of the stack hold the two
// against each other (StackRig::take), the fuzz test with a million frames.

#include "dataplane/net/checksum.h"
#include "dataplane/port/dpdk/stack.h"

namespace tercet::dataplane {
namespace {

constexpr uint8_t kNoOptions = 0x45;  // version 4, five words

/// Where a header stands. (A copy of it would be read in other pieces than it was written in, and wait.)
template <class Header>
const Header& header_at(const uint8_t* at) {
  static_assert(alignof(Header) == 1);
  return *reinterpret_cast<const Header*>(at);
}

}  // namespace

/// IPv4 of our VLAN, from another station to ours.
inline bool Stack::is_plain(const uint8_t* frame) const {
  const auto& ethernet = header_at<EthernetHeader>(frame);
  if (vlan_ == 0) {
    if (ethernet.type != kEtherTypeIpv4) {
      return false;
    }
  } else {
    const auto& tag = header_at<VlanTag>(frame + sizeof ethernet);
    if (ethernet.type != kEtherTypeVlan || (tag.control & kVlanIdMask) != vlan_ ||
        tag.type != kEtherTypeIpv4) {
      return false;
    }
  }
  const Mac& to = ethernet.destination;
  return (same(to, mac_) || (!is_group(to) && is_our_mac(to))) && is_station(ethernet.source) &&
         !same(ethernet.source, mac_);
}

/// UDP in one piece that is all there, from a host to an address of ours.
inline bool Stack::is_plain(const Ipv4Header& ip, size_t room) const {
  if (ip.version_ihl != kNoOptions || ip.protocol != kProtocolUdp || (ip.flags_offset & kFragment) != 0 ||
      ip.total_length > room || !is_host(ip.source) || routes_.is_directed_broadcast(ip.source)) {
    return false;
  }
  bool from_us = false;
  bool to_us = false;
  for (const Owned& ours : owned_) {
    from_us |= same(ours.address, ip.source);
    to_us |= same(ours.address, ip.destination);
  }
  return to_us && !from_us;
}

/// Where the device did not say so, or found one wrong.
bool Stack::are_right(const Ipv4Udp& headers, RxSums sums) const {
  const auto& [ip, udp] = headers;
  if (sums.ip == Sum::bad || (sums.l4 == Sum::bad && !unfinished_sums_in_)) {
    return false;
  }
  const Bytes datagram(reinterpret_cast<const uint8_t*>(&udp), udp.length);
  return (sums.ip == Sum::good || ones_fold(ones_sum(bytes_of(ip))) == 0xFFFF) &&
         is_sum_right(datagram, udp.checksum, ip.source, ip.destination, believed(sums.l4));
}

Plain Stack::plain(Bytes frame, RxSums sums) const {
  if (frame.size() < headers_ || !is_plain(frame.data())) {
    return {};
  }
  const Bytes packet = frame.subspan(headers_ - sizeof(Ipv4Udp));
  const auto& headers = header_at<Ipv4Udp>(packet.data());
  const auto& [ip, udp] = headers;
  const size_t length = udp.length;
  if (!is_plain(ip, packet.size()) || length < sizeof udp || length > sizeof udp + kDatagramMax ||
      sizeof ip + length > ip.total_length || udp.source_port == 0) {
    return {};
  }
  const Lane lane = lane_table_.find(ip.destination, udp.destination_port, ip.source, udp.source_port);
  if (lane == LaneTable::kNone) {
    return {};
  }
  const bool are_good = sums.ip == Sum::good && sums.l4 == Sum::good;
  return are_good || are_right(headers, sums) ? Plain{&headers, lane} : Plain{};
}

}  // namespace tercet::dataplane
