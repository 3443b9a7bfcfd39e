#include "dataplane/net/pcap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "dataplane/net/checksum.h"
#include "dataplane/net/ip.h"
#include "dataplane/net/udp.h"

namespace tercet::dataplane {
namespace {

Endpoint at(const char* text) { return parse_endpoint(text).value(); }

PcapDatagram hello(const char* from, const char* to) {
  return {1'767'225'600'123'456'789, at(from), at(to), as_bytes("hello")};
}
std::vector<uint8_t> written(const PcapDatagram& datagram) {
  std::vector<uint8_t> out(kPcapOverheadMax + datagram.payload.size());
  out.resize(write_pcap_datagram(datagram, out));
  return out;
}

TEST(Pcap, TheFileHeaderByBytes) {
  const PcapFileHeader header = pcap_file_header();
  const uint8_t expected[] = {0x4D, 0x3C, 0xB2, 0xA1,              // magic: nanoseconds, little-endian
                              0x02, 0x00, 0x04, 0x00,              // 2.4
                              0,    0,    0,    0,    0, 0, 0, 0,  // zone, accuracy
                              0xFF, 0xFF, 0x00, 0x00,              // longest
                              0x65, 0x00, 0x00, 0x00};             // LINKTYPE_RAW
  ASSERT_EQ(sizeof header, sizeof expected);
  EXPECT_EQ(std::memcmp(&header, expected, sizeof expected), 0);
  EXPECT_TRUE(is_pcap_of_datagrams(header));
}

TEST(Pcap, OtherFilesAreNotOurs) {
  PcapFileHeader header = pcap_file_header();
  header.magic = 0xA1B2C3D4;  // microseconds
  EXPECT_FALSE(is_pcap_of_datagrams(header));
  header = pcap_file_header();
  header.link_type = 1;  // Ethernet
  EXPECT_FALSE(is_pcap_of_datagrams(header));
}

TEST(Pcap, ADatagramOverIpv4ByBytes) {
  const uint8_t expected[] = {
      0x00, 0xB9, 0x55, 0x69, 0x15, 0xCD, 0x5B, 0x07,  // 1,767,225,600 s, 123,456,789 ns
      33,   0,    0,    0,    33,   0,    0,    0,     // captured, original
      0x45, 0,    0,    33,   0,    0,    0,    0,     // IPv4, 33 bytes
      64,   17,   0xEE, 0x2E, 198,  18,   0,    21,    // UDP; checksum worked out by hand
      198,  18,   0,    100,                           //
      0x9C, 0x40, 0x20, 0x08, 0,    13,   0x73, 0x1B,  // 40000 -> 8200, 13 bytes, checksum
      'h',  'e',  'l',  'l',  'o'};
  const std::vector<uint8_t> bytes = written(hello("198.18.0.21:40000", "198.18.0.100:8200"));
  ASSERT_EQ(bytes.size(), sizeof expected);
  for (size_t i = 0; i < sizeof expected; ++i) {
    EXPECT_EQ(int{bytes[i]}, int{expected[i]}) << i;
  }
}

TEST(Pcap, TheChecksumsHold) {
  for (const bool v6 : {false, true}) {
    std::vector<uint8_t> payload;
    for (size_t size = 0; size < 64; ++size) {
      PcapDatagram datagram = v6 ? hello("[2001:db8::1]:8210", "[2001:db8::11]:8210")
                                 : hello("198.18.0.1:8210", "198.18.0.11:8210");
      datagram.payload = payload;
      const std::vector<uint8_t> bytes = written(datagram);
      const size_t ip = v6 ? sizeof(Ipv6Header) : sizeof(Ipv4Header);
      ASSERT_EQ(bytes.size(), sizeof(PcapRecordHeader) + ip + 8 + size);
      const Bytes packet = Bytes(bytes).subspan(sizeof(PcapRecordHeader));
      const Bytes udp = packet.subspan(ip);
      if (v6) {
        // Addresses, length and protocol of the pseudo-header, then everything: the sum is all ones.
        const uint32_t pseudo = ones_sum(packet.subspan(8, 32)) + static_cast<uint32_t>(udp.size()) + 17;
        EXPECT_EQ(ones_fold(ones_sum(udp, pseudo)), 0xFFFF) << size;
      } else {
        Ipv4View view;
        ASSERT_EQ(parse_ip(packet, false, view), NetDrop::none);
        UdpView inner;
        EXPECT_EQ(parse_udp(udp, view.source, view.destination, UdpSum::compute, inner), NetDrop::none);
        EXPECT_EQ(inner.size, size);
      }
      payload.push_back(static_cast<uint8_t>(size * 37));
    }
  }
}

TEST(Pcap, WhatWasWrittenIsRead) {
  for (const auto& datagram :
       {hello("198.18.0.1:8210", "198.18.0.11:8211"), hello("[2001:db8::1]:8210", "[2001:db8::11]:1")}) {
    const std::vector<uint8_t> bytes = written(datagram);
    PcapDatagram out;
    size_t size = 0;
    for (size_t part = 0; part < bytes.size(); ++part) {
      EXPECT_EQ(parse_pcap_datagram(Bytes(bytes).first(part), out, size), PcapStep::more) << part;
    }
    ASSERT_EQ(parse_pcap_datagram(bytes, out, size), PcapStep::datagram);
    EXPECT_EQ(size, bytes.size());
    EXPECT_EQ(out.wall_ns, datagram.wall_ns);
    EXPECT_EQ(out.from, datagram.from);
    EXPECT_EQ(out.to, datagram.to);
    EXPECT_EQ(as_text(out.payload), "hello");
  }
}

TEST(Pcap, RecordsThatAreNotOursAreBroken) {
  const std::vector<uint8_t> good = written(hello("198.18.0.1:8210", "198.18.0.11:8210"));
  const auto broken = [&](size_t offset, uint8_t value) {
    std::vector<uint8_t> bytes = good;
    bytes[offset] = value;
    PcapDatagram out;
    size_t size = 0;
    return parse_pcap_datagram(bytes, out, size) == PcapStep::broken;
  };
  EXPECT_TRUE(broken(7, 0xFF));       // over a billion nanoseconds
  EXPECT_TRUE(broken(10, 1));         // captured: above any packet
  EXPECT_TRUE(broken(12, 7));         // original differs: a cut packet
  EXPECT_TRUE(broken(16, 0x55));      // IP version 5
  EXPECT_TRUE(broken(16, 0x65));      // IPv6, but too short
  EXPECT_TRUE(broken(16 + 9, 6));     // TCP
  EXPECT_TRUE(broken(16 + 6, 0x20));  // a fragment
  EXPECT_TRUE(broken(16 + 25, 12));   // UDP length is not the rest
}

TEST(Pcap, WhatDoesNotFitIsNotWritten) {
  const PcapDatagram datagram = hello("198.18.0.1:8210", "198.18.0.11:8210");
  std::vector<uint8_t> out(49);
  for (size_t size = 0; size < out.size(); ++size) {
    EXPECT_EQ(write_pcap_datagram(datagram, MutBytes(out).first(size)), 0U) << size;
  }
  EXPECT_EQ(write_pcap_datagram(datagram, out), 49U);
}

}  // namespace
}  // namespace tercet::dataplane
