#pragma once
// Why a frame or a packet was dropped below UDP, where no kernel is under us. The names stand in /metrics and
// are stable: append new reasons before `count_`, with a name in the table. What is dropped above UDP has
// wire/drop.h.

#include <array>
#include <cstddef>
#include <cstdint>

namespace tercet::dataplane {

enum class NetDrop : uint8_t {
  none,            ///< taken: nothing was dropped
  frame_short,     ///< no whole Ethernet header (or tag)
  mac_source,      ///< source is a group or zero: no station sends that
  mac_own,         ///< source is ours: our own frame came back
  mac_other,       ///< to another station (a port that hears everything)
  mac_group,       ///< a unicast packet in a broadcast or multicast frame (RFC 1122 §3.3.6)
  vlan,            ///< tagged for another VLAN, or not tagged where ours is
  ether_type,      ///< neither ARP nor IPv4
  arp_malformed,   ///< too short, or not Ethernet and IPv4
  arp_operation,   ///< neither request nor reply
  arp_sender,      ///< a sender that cannot be: group MAC, broadcast, multicast or loopback address
  arp_off_link,    ///< its sender's address is not on this link
  arp_conflict,    ///< another station says that an address of ours is its own
  arp_other,       ///< asks for, or answers about, an address that is not our concern
  ip_short,        ///< no whole IPv4 header
  ip_version,      ///< not 4
  ip_header,       ///< header length below 20 or beyond the packet
  ip_length,       ///< total length below the header or beyond the frame
  ip_checksum,     ///< of the header
  ip_fragment,     ///< a piece: Tercet sends none, and reassembly is a way to be attacked
  ip_source,       ///< source zero, loopback, multicast or broadcast
  ip_source_ours,  ///< source is an address of ours ("land")
  ip_other,        ///< to an address that is not ours (an unowned virtual address, too)
  ip_group,        ///< to a multicast group or broadcast address
  ip_protocol,     ///< to us, but neither UDP nor ICMP
  udp_length,      ///< no whole UDP header, or its length is not in the packet
  udp_long,        ///< payload longer than kDatagramMax
  udp_checksum,    ///< wrong
  udp_port,        ///< source port 0: nobody to answer
  udp_other,       ///< to us, but no lane has that port
  icmp_malformed,  ///< too short, or an error that quotes no whole header
  icmp_checksum,   ///< wrong
  icmp_other,      ///< a type that we do not know, or an error about somebody else's datagram
  ping_refused,    ///< an echo request while `answer_ping` is off
  ping_long,       ///< an echo request longer than kPingMax
  no_route,        ///< to be sent, but no route leads there
  unresolved,      ///< to be sent, but its next hop did not answer ARP (or too many wait for it)
  count_
};
inline constexpr size_t kNetDrops = static_cast<size_t>(NetDrop::count_);

inline constexpr auto kNetDropNames = std::to_array<const char*>({
    "none",           "frame_short",   "mac_source",    "mac_own",        "mac_other",  "mac_group",
    "vlan",           "ether_type",    "arp_malformed", "arp_operation",  "arp_sender", "arp_off_link",
    "arp_conflict",   "arp_other",     "ip_short",      "ip_version",     "ip_header",  "ip_length",
    "ip_checksum",    "ip_fragment",   "ip_source",     "ip_source_ours", "ip_other",   "ip_group",
    "ip_protocol",    "udp_length",    "udp_long",      "udp_checksum",   "udp_port",   "udp_other",
    "icmp_malformed", "icmp_checksum", "icmp_other",    "ping_refused",   "ping_long",  "no_route",
    "unresolved",
});
static_assert(kNetDropNames.size() == kNetDrops, "each reason has a name, in the enum's order");

constexpr const char* name_of(NetDrop drop) { return kNetDropNames[static_cast<size_t>(drop)]; }

}  // namespace tercet::dataplane
