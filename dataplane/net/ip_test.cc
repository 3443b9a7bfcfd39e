#include "dataplane/net/ip.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string_view>
#include <vector>

#include "dataplane/net/arp.h"
#include "dataplane/net/udp.h"

namespace tercet::dataplane {
namespace {

constexpr Ipv4 kFrom{198, 18, 0, 1};
constexpr Ipv4 kTo{198, 18, 0, 2};

TEST(Ip, TheHeaderChecksumIsThatOfAKnownHeader) {
  // The example of many a textbook: 4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7.
  Ipv4Header header;
  header.total_length = uint16_t{0x73};
  header.flags_offset = uint16_t{0x4000};
  header.protocol = kProtocolUdp;
  header.source = {192, 168, 0, 1};
  header.destination = {192, 168, 0, 199};
  EXPECT_EQ(ones_checksum(ones_sum(bytes_of(header))), 0xB861);
}

TEST(Ip, AUdpPacketSumsToZero) {
  for (const std::string_view text : {"", "a", "ab", "abc", "\xFF\xFF\xFF"}) {
    std::array<uint8_t, 64> packet{};
    const size_t size = write_udp_packet(packet, kFrom, 8210, kTo, 8211, as_bytes(text));
    ASSERT_EQ(size, 28 + text.size());
    EXPECT_EQ(ones_checksum(ones_sum(Bytes(packet).first(20))), 0);
    const Bytes udp = Bytes(packet).subspan(20, size - 20);
    const uint32_t pseudo = ones_sum(kTo, ones_sum(kFrom)) + kProtocolUdp + static_cast<uint32_t>(udp.size());
    EXPECT_EQ(ones_checksum(ones_sum(udp, pseudo)), 0) << text;
    UdpHeader header;
    std::memcpy(&header, udp.data(), sizeof header);
    EXPECT_EQ(header.source_port, 8210);
    EXPECT_EQ(header.destination_port, 8211);
    EXPECT_EQ(header.length, udp.size());
    EXPECT_EQ(as_text(udp.subspan(8)), text);
  }
}

TEST(Ip, AUdpChecksumOfZeroIsSentAsOnes) {
  std::array<uint8_t, 64> packet{};
  bool reached = false;
  for (unsigned value = 0; value <= 0xFFFF; ++value) {
    const std::array<uint8_t, 2> payload{static_cast<uint8_t>(value >> 8U), static_cast<uint8_t>(value)};
    ASSERT_EQ(write_udp_packet(packet, kFrom, 1, kTo, 2, payload), 30U);
    ASSERT_FALSE(packet[26] == 0 && packet[27] == 0);
    reached = reached || (packet[26] == 0xFF && packet[27] == 0xFF);
  }
  EXPECT_TRUE(reached);
}

TEST(Ip, WhatDoesNotFitIsRefused) {
  const std::vector<uint8_t> payload(100);
  for (size_t room = 0; room < 128; ++room) {
    std::vector<uint8_t> packet(room);
    EXPECT_EQ(write_udp_packet(packet, kFrom, 1, kTo, 2, payload), 0U) << room;
  }
  std::vector<uint8_t> large(70'000);
  EXPECT_EQ(write_udp_packet(large, kFrom, 1, kTo, 2, std::vector<uint8_t>(65'508)), 0U);
  EXPECT_EQ(write_udp_packet(large, kFrom, 1, kTo, 2, std::vector<uint8_t>(65'507)), 65'535U);
  EXPECT_EQ(write_ip_packet(MutBytes(large).first(119), {}, payload), 0U);
  EXPECT_EQ(write_ip_packet(MutBytes(large).first(120), {}, payload), 120U);
}

TEST(Arp, TheGoldenAnnouncement) {
  const ArpFrame frame = gratuitous_arp({0x02, 0, 0, 0, 0, 0x0A}, {198, 18, 0, 100});
  const std::array<uint8_t, 42> golden{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02, 0,    0, 0,
                                       0,    0x0A, 0x08, 0x06,                                  //
                                       0x00, 0x01, 0x08, 0x00, 6,    4,    0x00, 0x01,          //
                                       0x02, 0,    0,    0,    0,    0x0A, 198,  18,   0, 100,  //
                                       0,    0,    0,    0,    0,    0,    198,  18,   0, 100};
  EXPECT_TRUE(equal(bytes_of(frame), golden));
}

}  // namespace
}  // namespace tercet::dataplane
