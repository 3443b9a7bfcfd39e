#include "dataplane/net/icmp.h"

#include <cstring>

#include "dataplane/net/checksum.h"
#include "dataplane/net/udp.h"

namespace tercet::dataplane {

NetDrop parse_icmp(Bytes packet, IcmpHeader& out) {
  if (packet.size() < sizeof out) {
    return NetDrop::icmp_malformed;
  }
  if (ones_fold(ones_sum(packet)) != 0xFFFF) {
    return NetDrop::icmp_checksum;
  }
  std::memcpy(&out, packet.data(), sizeof out);
  return NetDrop::none;
}

void make_echo_reply(MutBytes packet) {
  IcmpHeader header;
  std::memcpy(&header, packet.data(), sizeof header);
  const auto before = static_cast<uint16_t>(header.type << 8U | header.code);
  header.type = kIcmpEchoReply;
  const uint16_t checksum = ones_update(header.checksum, before, header.code);
  // Both zeros of one's complement: where all else is zero, only the other one adds up.
  header.checksum = checksum == 0 ? uint16_t{0xFFFF} : checksum;
  std::memcpy(packet.data(), &header, sizeof header);
}

NetDrop parse_unreachable(Bytes packet, Unreachable& out) {
  const Bytes quoted = packet.subspan(sizeof(IcmpHeader));
  Ipv4Header ip;
  if (quoted.size() < sizeof ip) {
    return NetDrop::icmp_malformed;
  }
  std::memcpy(&ip, quoted.data(), sizeof ip);
  // Neither its length nor its checksum is looked at: routers cut what they quote, and some have changed it.
  const size_t header_size = (ip.version_ihl & 0x0FU) * size_t{4};
  UdpHeader udp;
  if (ip.version_ihl >> 4U != 4 || header_size < sizeof ip || header_size + sizeof udp > quoted.size()) {
    return NetDrop::icmp_malformed;
  }
  if (ip.protocol != kProtocolUdp || (ip.flags_offset & kFragment) != 0) {
    return NetDrop::icmp_other;
  }
  std::memcpy(&udp, quoted.data() + header_size, sizeof udp);
  out.source = ip.source;
  out.destination = ip.destination;
  out.source_port = udp.source_port;
  out.destination_port = udp.destination_port;
  switch (packet[1]) {
    case 2:  // protocol
    case 3:  // port
    case 9:  // network, host, communication administratively prohibited
    case 10:
    case 13:
      out.hard = true;
      break;
    default:  // network or host down, too big, …: what passes
      out.hard = false;
  }
  return NetDrop::none;
}

}  // namespace tercet::dataplane
