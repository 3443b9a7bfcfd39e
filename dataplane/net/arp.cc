#include "dataplane/net/arp.h"

#include <cstring>

namespace tercet::dataplane {
namespace {

ArpPacket packet_of(uint16_t operation, const Mac& sender_mac, const Ipv4& sender) {
  ArpPacket packet;
  packet.hardware_type = kArpEthernet;
  packet.protocol_type = kEtherTypeIpv4;
  packet.hardware_size = sizeof(Mac);
  packet.protocol_size = sizeof(Ipv4);
  packet.operation = operation;
  packet.sender_mac = sender_mac;
  packet.sender = sender;
  return packet;
}

}  // namespace

NetDrop parse_arp(Bytes packet, ArpPacket& out) {
  if (packet.size() < sizeof out) {
    return NetDrop::arp_malformed;
  }
  std::memcpy(&out, packet.data(), sizeof out);
  if (out.hardware_type != kArpEthernet || out.protocol_type != kEtherTypeIpv4 ||
      out.hardware_size != sizeof(Mac) || out.protocol_size != sizeof(Ipv4)) {
    return NetDrop::arp_malformed;
  }
  if (out.operation != kArpRequest && out.operation != kArpReply) {
    return NetDrop::arp_operation;
  }
  const bool nobody_yet = out.operation == kArpRequest && out.sender == Ipv4{};
  if (!is_station(out.sender_mac) || (!is_host(out.sender) && !nobody_yet)) {
    return NetDrop::arp_sender;
  }
  return NetDrop::none;
}

ArpPacket arp_request(const Mac& sender_mac, const Ipv4& sender, const Ipv4& target) {
  ArpPacket packet = packet_of(kArpRequest, sender_mac, sender);
  packet.target = target;
  return packet;
}

ArpPacket arp_reply(const ArpPacket& request, const Mac& mac, const Ipv4& address) {
  ArpPacket packet = packet_of(kArpReply, mac, address);
  packet.target_mac = request.sender_mac;
  packet.target = request.sender;
  return packet;
}

}  // namespace tercet::dataplane
