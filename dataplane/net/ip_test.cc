#include "dataplane/net/ip.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "dataplane/net/frames_rig.h"

namespace tercet::dataplane {
namespace {

/// What follows the Ethernet header, padding included.
std::vector<uint8_t> packet(std::string_view frame) {
  const std::vector<uint8_t> whole = frames::bytes(frame);
  return {whole.begin() + 14, whole.end()};
}

NetDrop parse(Bytes bytes, bool checked = false) {
  Ipv4View view;
  return parse_ip(bytes, checked, view);
}

/// After a change: the checksum made right again.
void finish(std::vector<uint8_t>& bytes, size_t header = 20) {
  bytes[10] = bytes[11] = 0;
  const uint16_t sum = ones_checksum(ones_sum(Bytes(bytes).first(header)));
  bytes[10] = static_cast<uint8_t>(sum >> 8U);
  bytes[11] = static_cast<uint8_t>(sum);
}

TEST(Ip, APacketIsReadAndItsPaddingTrimmed) {
  Ipv4View view;
  ASSERT_EQ(parse_ip(packet(frames::kQuery), false, view), NetDrop::none);
  EXPECT_EQ(view.source, frames::kClient);
  EXPECT_EQ(view.destination, frames::kVirtual);
  EXPECT_EQ(view.ttl, 64);
  EXPECT_EQ(view.protocol, kProtocolUdp);
  EXPECT_FALSE(view.fragment);
  EXPECT_EQ(view.header_size, 20);
  EXPECT_EQ(view.size, 13);  // 46 bytes were there
}

TEST(Ip, OptionsAreSkipped) {
  Ipv4View view;
  ASSERT_EQ(parse_ip(packet(frames::kQueryOptions), false, view), NetDrop::none);
  EXPECT_EQ(view.header_size, 28);
  EXPECT_EQ(view.size, 13);
}

TEST(Ip, APieceIsCalledOne) {
  Ipv4View view;
  ASSERT_EQ(parse_ip(packet(frames::kFragment), false, view), NetDrop::none);
  EXPECT_TRUE(view.fragment);
  std::vector<uint8_t> last = packet(frames::kFragment);
  last[6] = 0;
  last[7] = 1;  // no more, but not the first
  finish(last);
  ASSERT_EQ(parse_ip(last, false, view), NetDrop::none);
  EXPECT_TRUE(view.fragment);
  last[6] = 0x40;  // "do not fragment" alone is none
  last[7] = 0;
  finish(last);
  ASSERT_EQ(parse_ip(last, false, view), NetDrop::none);
  EXPECT_FALSE(view.fragment);
}

TEST(Ip, EveryFlippedBitOfTheHeaderIsSeen) {
  for (const auto& [frame, header] : {std::pair{frames::kQuery, 20U}, {frames::kQueryOptions, 28U}}) {
    std::vector<uint8_t> bytes = packet(frame);
    for (size_t bit = 0; bit < header * 8; ++bit) {
      bytes[bit / 8] ^= static_cast<uint8_t>(1U << bit % 8);
      EXPECT_NE(parse(bytes), NetDrop::none) << bit;
      bytes[bit / 8] ^= static_cast<uint8_t>(1U << bit % 8);
    }
  }
  std::vector<uint8_t> bytes = packet(frames::kQuery);
  bytes[8] ^= 1U;
  EXPECT_EQ(parse(bytes), NetDrop::ip_checksum);
  EXPECT_EQ(parse(bytes, true), NetDrop::none) << "the device has looked";
}

TEST(Ip, LengthsAreThoseOfThePacket) {
  const std::vector<uint8_t> whole = packet(frames::kQueryOptions);  // 28 + 13, no padding left out
  for (size_t size = 0; size < 41; ++size) {
    const std::vector<uint8_t> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    const NetDrop expected = size < 20   ? NetDrop::ip_short
                             : size < 28 ? NetDrop::ip_header
                                         : NetDrop::ip_length;
    EXPECT_EQ(parse(cut), expected) << size;
  }
  std::vector<uint8_t> bytes = packet(frames::kQuery);
  const auto with = [&](size_t at, uint8_t value) {
    std::vector<uint8_t> changed = bytes;
    changed[at] = value;
    finish(changed);
    return parse(changed);
  };
  EXPECT_EQ(with(0, 0x55), NetDrop::ip_version);
  EXPECT_EQ(with(0, 0x65), NetDrop::ip_version);
  EXPECT_EQ(with(0, 0x44), NetDrop::ip_header);
  EXPECT_EQ(with(0, 0x40), NetDrop::ip_header);
  EXPECT_EQ(with(0, 0x4F), NetDrop::ip_header) << "60 bytes in a packet of 46";
  EXPECT_EQ(with(3, 19), NetDrop::ip_length);
  EXPECT_EQ(with(3, 0), NetDrop::ip_length);
  EXPECT_EQ(with(3, 20), NetDrop::none) << "no payload is a payload";
  EXPECT_EQ(with(3, 46), NetDrop::none);
  EXPECT_EQ(with(3, 47), NetDrop::ip_length);
  EXPECT_EQ(with(2, 0xFF), NetDrop::ip_length);
}

TEST(Ip, WhichAddressesAHostCanHave) {
  for (const Ipv4 host :
       {Ipv4{198, 18, 0, 1}, Ipv4{1, 0, 0, 0}, Ipv4{223, 255, 255, 255}, Ipv4{126, 1, 2, 3}}) {
    EXPECT_TRUE(is_host(host)) << int{host[0]};
  }
  for (const Ipv4 none : {Ipv4{0, 0, 0, 0}, Ipv4{0, 1, 2, 3}, Ipv4{127, 0, 0, 1}, Ipv4{224, 0, 0, 18},
                          Ipv4{239, 255, 255, 255}, Ipv4{240, 0, 0, 1}, Ipv4{255, 255, 255, 255}}) {
    EXPECT_FALSE(is_host(none)) << int{none[0]};
  }
}

TEST(Ip, NumbersAndEndpointsAreTheSameAddress) {
  EXPECT_EQ(number(frames::kUs), 0xC6120001);
  EXPECT_EQ(ipv4_of(0xC6120001), frames::kUs);
  const Endpoint endpoint = endpoint_of(frames::kUs, 8210);
  EXPECT_EQ(to_string(endpoint), "198.18.0.1:8210");
  EXPECT_EQ(ipv4_of(endpoint.address), frames::kUs);
}

TEST(Ip, APacketIsWrittenOrRefused) {
  const std::vector<uint8_t> payload(100);
  std::vector<uint8_t> room(120);
  EXPECT_EQ(write_ip_packet(MutBytes(room).first(119), {}, payload), 0U);
  ASSERT_EQ(write_ip_packet(room, {}, payload), 120U);
  EXPECT_EQ(parse(room), NetDrop::none);
  std::vector<uint8_t> large(70'000);
  EXPECT_EQ(write_ip_packet(large, {}, std::vector<uint8_t>(65'516)), 0U);
  EXPECT_EQ(write_ip_packet(large, {}, std::vector<uint8_t>(65'515)), 65'535U);
}

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

}  // namespace
}  // namespace tercet::dataplane
