#include "dataplane/net/udp.h"

namespace tercet::dataplane {

size_t write_udp_packet(MutBytes packet, Ipv4 source, uint16_t source_port, Ipv4 destination,
                        uint16_t destination_port, Bytes payload) {
  const size_t udp_size = sizeof(UdpHeader) + payload.size();
  if (packet.size() < sizeof(Ipv4Header) + udp_size || sizeof(Ipv4Header) + udp_size > UINT16_MAX) {
    return 0;
  }
  UdpHeader udp;
  udp.source_port = source_port;
  udp.destination_port = destination_port;
  udp.length = static_cast<uint16_t>(udp_size);
  const uint32_t pseudo = udp_pseudo_sum(source, destination, udp.length);
  udp.checksum = udp_checksum(ones_sum(payload, ones_sum(bytes_of(udp), pseudo)));

  MutBytes body = packet.subspan(sizeof(Ipv4Header), udp_size);
  std::memcpy(body.data(), &udp, sizeof udp);
  if (!payload.empty()) {
    std::memcpy(body.data() + sizeof udp, payload.data(), payload.size());
  }
  Ipv4Header header;
  header.protocol = kProtocolUdp;
  header.total_length = static_cast<uint16_t>(sizeof header + udp_size);
  header.source = source;
  header.destination = destination;
  header.checksum = ones_checksum(ones_sum(bytes_of(header)));
  std::memcpy(packet.data(), &header, sizeof header);
  return sizeof header + udp_size;
}

}  // namespace tercet::dataplane
