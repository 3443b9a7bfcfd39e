#include "dataplane/net/pcap.h"

#include <cstring>

#include "dataplane/net/checksum.h"
#include "dataplane/net/ip.h"
#include "dataplane/net/udp.h"

namespace tercet::dataplane {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
static_assert(kPcapOverheadMax == sizeof(PcapRecordHeader) + sizeof(Ipv6Header) + sizeof(UdpHeader));

uint32_t pseudo_sum(const Ipv6Header& header) {
  const uint32_t sum = ones_sum({header.destination.data(), header.destination.size()},
                                ones_sum({header.source.data(), header.source.size()}));
  return sum + header.payload_length.get() + kProtocolUdp;  // RFC 8200 §8.1
}

/// Returns the size, 0 if it does not fit.
size_t write_udp_packet(MutBytes packet, const Endpoint& from, const Endpoint& to, Bytes payload) {
  const size_t udp_size = sizeof(UdpHeader) + payload.size();
  if (packet.size() < sizeof(Ipv6Header) + udp_size || udp_size > UINT16_MAX) {
    return 0;
  }
  Ipv6Header header;
  header.version_class_flow = uint32_t{6} << 28U;
  header.payload_length = static_cast<uint16_t>(udp_size);
  header.next_header = kProtocolUdp;
  header.source = from.address;
  header.destination = to.address;
  UdpHeader udp;
  udp.source_port = from.port;
  udp.destination_port = to.port;
  udp.length = static_cast<uint16_t>(udp_size);
  udp.checksum = udp_checksum(ones_sum(payload, ones_sum(bytes_of(udp), pseudo_sum(header))));
  std::memcpy(packet.data(), &header, sizeof header);
  std::memcpy(packet.data() + sizeof header, &udp, sizeof udp);
  if (!payload.empty()) {
    std::memcpy(packet.data() + sizeof header + sizeof udp, payload.data(), payload.size());
  }
  return sizeof header + udp_size;
}

/// The IP header at the front of `packet`: sets the addresses; returns its size, 0 if there is none.
size_t take_addresses(Bytes packet, PcapDatagram& out) {
  const unsigned version = packet.empty() ? 0U : packet[0] >> 4U;
  if (version == 4) {
    Ipv4View view;
    if (parse_ip(packet, true, view) != NetDrop::none || view.fragment || view.protocol != kProtocolUdp) {
      return 0;
    }
    out.from = endpoint_of(view.source, 0);
    out.to = endpoint_of(view.destination, 0);
    return view.header_size;
  }
  Ipv6Header header;
  if (version != 6 || packet.size() < sizeof header) {
    return 0;
  }
  std::memcpy(&header, packet.data(), sizeof header);
  if (header.next_header != kProtocolUdp) {
    return 0;
  }
  out.from.address = header.source;
  out.to.address = header.destination;
  return sizeof header;
}

}  // namespace

PcapFileHeader pcap_file_header() {
  PcapFileHeader header;
  header.magic = kPcapNanoseconds;
  header.major = 2;
  header.minor = 4;
  header.longest = uint32_t{kPcapPacketMax};
  header.link_type = kLinkTypeRaw;
  return header;
}

bool is_pcap_of_datagrams(const PcapFileHeader& header) {
  return header.magic == kPcapNanoseconds && header.major == 2 && header.link_type == kLinkTypeRaw;
}

size_t write_pcap_datagram(const PcapDatagram& datagram, MutBytes out) {
  if (out.size() < sizeof(PcapRecordHeader)) {
    return 0;
  }
  const MutBytes packet = out.subspan(sizeof(PcapRecordHeader));
  const size_t size = is_ipv4(datagram.from) && is_ipv4(datagram.to)
                          ? write_udp_packet(packet, ipv4_of(datagram.from.address), datagram.from.port,
                                             ipv4_of(datagram.to.address), datagram.to.port, datagram.payload)
                          : write_udp_packet(packet, datagram.from, datagram.to, datagram.payload);
  if (size == 0 || size > kPcapPacketMax) {
    return 0;
  }
  PcapRecordHeader header;
  header.seconds = static_cast<uint32_t>(datagram.wall_ns / kSecond);
  header.nanoseconds = static_cast<uint32_t>(datagram.wall_ns % kSecond);
  header.captured = static_cast<uint32_t>(size);
  header.original = static_cast<uint32_t>(size);
  std::memcpy(out.data(), &header, sizeof header);
  return sizeof header + size;
}

PcapStep parse_pcap_datagram(Bytes bytes, PcapDatagram& out, size_t& size) {
  PcapRecordHeader record;
  if (bytes.size() < sizeof record) {
    return PcapStep::more;
  }
  std::memcpy(&record, bytes.data(), sizeof record);
  const size_t captured = record.captured;
  if (captured > kPcapPacketMax || captured != record.original || record.nanoseconds >= kSecond) {
    return PcapStep::broken;
  }
  if (bytes.size() - sizeof record < captured) {
    return PcapStep::more;
  }
  const Bytes packet = bytes.subspan(sizeof record, captured);
  const size_t header = take_addresses(packet, out);
  UdpHeader udp;
  if (header == 0 || packet.size() - header < sizeof udp) {
    return PcapStep::broken;
  }
  std::memcpy(&udp, packet.data() + header, sizeof udp);
  if (udp.length != packet.size() - header) {
    return PcapStep::broken;
  }
  out.from.port = udp.source_port;
  out.to.port = udp.destination_port;
  out.payload = packet.subspan(header + sizeof udp);
  out.wall_ns = int64_t{record.seconds.get()} * kSecond + record.nanoseconds.get();
  size = sizeof record + captured;
  return PcapStep::datagram;
}

}  // namespace tercet::dataplane
