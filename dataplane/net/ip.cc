#include "dataplane/net/ip.h"

namespace tercet::dataplane {

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
    std::memmove(packet.data() + sizeof whole, payload.data(), payload.size());
  }
  return size;
}

}  // namespace tercet::dataplane
