#include "dataplane/net/ip.h"

#include <cstring>

namespace tercet::dataplane {

uint32_t ones_sum(Bytes bytes, uint32_t sum) {
  for (size_t i = 0; i + 1 < bytes.size(); i += 2) {
    sum += static_cast<uint32_t>(bytes[i]) << 8U | bytes[i + 1];
  }
  if (bytes.size() % 2 != 0) {
    sum += static_cast<uint32_t>(bytes.back()) << 8U;
  }
  return sum;
}

uint16_t ones_checksum(uint32_t sum) {
  while ((sum >> 16U) != 0) {
    sum = (sum & 0xFFFFU) + (sum >> 16U);
  }
  return static_cast<uint16_t>(~sum);
}

size_t write_ip_packet(MutBytes packet, const Ipv4Header& header, Bytes payload) {
  const size_t size = sizeof header + payload.size();
  if (size > packet.size() || size > UINT16_MAX) {
    return 0;
  }
  Ipv4Header whole = header;
  whole.total_length = static_cast<uint16_t>(size);
  whole.checksum = 0;
  whole.checksum = ones_checksum(ones_sum(bytes_of(whole)));
  std::memcpy(packet.data(), &whole, sizeof whole);
  if (!payload.empty()) {
    std::memcpy(packet.data() + sizeof whole, payload.data(), payload.size());
  }
  return size;
}

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
  udp.checksum = 0;
  // RFC 768: the sum covers addresses, protocol and length too; a result of 0 is sent as all ones (0 means
  // "none").
  uint32_t sum = ones_sum(destination, ones_sum(source)) + kProtocolUdp + static_cast<uint32_t>(udp_size);
  sum = ones_sum(payload, ones_sum(bytes_of(udp), sum));
  const uint16_t checksum = ones_checksum(sum);
  udp.checksum = checksum == 0 ? uint16_t{0xFFFF} : checksum;

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
