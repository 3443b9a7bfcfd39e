#include "dataplane/net/udp.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string_view>
#include <vector>

#include "dataplane/net/frames_rig.h"

namespace tercet::dataplane {
namespace {

using frames::kClient;
using frames::kVirtual;
constexpr Ipv4 kFrom{198, 18, 0, 1};
constexpr Ipv4 kTo{198, 18, 0, 2};

/// The UDP packet of a fixture without IP options.
std::vector<uint8_t> packet(std::string_view frame, size_t size) {
  const std::vector<uint8_t> whole = frames::bytes(frame);
  return {whole.begin() + 34, whole.begin() + 34 + static_cast<ptrdiff_t>(size)};
}

NetDrop parse(Bytes bytes, UdpSum sum = UdpSum::compute) {
  UdpView view;
  return parse_udp(bytes, kClient, kVirtual, sum, view);
}

TEST(Udp, ADatagramIsRead) {
  UdpView view;
  const std::vector<uint8_t> bytes = packet(frames::kQuery, 13);
  ASSERT_EQ(parse_udp(bytes, kClient, kVirtual, UdpSum::compute, view), NetDrop::none);
  EXPECT_EQ(view.source_port, 40000);
  EXPECT_EQ(view.destination_port, 8210);
  EXPECT_EQ(view.size, 5);
}

TEST(Udp, TheChecksumCoversAddressesPortsLengthAndPayload) {
  UdpView view;
  std::vector<uint8_t> bytes = packet(frames::kQuery, 13);
  EXPECT_EQ(parse_udp(bytes, frames::kPeer, kVirtual, UdpSum::compute, view), NetDrop::udp_checksum);
  EXPECT_EQ(parse_udp(bytes, kClient, frames::kUs, UdpSum::compute, view), NetDrop::udp_checksum);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<uint8_t>(1U << bit % 8);
    EXPECT_NE(parse(bytes), NetDrop::none) << bit;
    bytes[bit / 8] ^= static_cast<uint8_t>(1U << bit % 8);
  }
  bytes.back() ^= 1U;
  EXPECT_EQ(parse(bytes, UdpSum::good), NetDrop::none) << "the device has looked";
}

TEST(Udp, AChecksumOfZeroIsNone) {
  std::vector<uint8_t> bytes = packet(frames::kQueryUnsummed, 13);
  EXPECT_EQ(parse(bytes), NetDrop::none);
  bytes.back() ^= 1U;
  EXPECT_EQ(parse(bytes), NetDrop::none);
}

TEST(Udp, AnUnfinishedSumIsTakenOnlyWhereItIsExpected) {
  std::vector<uint8_t> bytes = packet(frames::kQuery, 13);
  const uint16_t pseudo = ones_fold(udp_pseudo_sum(kClient, kVirtual, 13));
  bytes[6] = static_cast<uint8_t>(pseudo >> 8U);
  bytes[7] = static_cast<uint8_t>(pseudo);
  EXPECT_EQ(parse(bytes), NetDrop::udp_checksum);
  EXPECT_EQ(parse(bytes, UdpSum::compute_or_unfinished), NetDrop::none);
  bytes[7] ^= 1U;
  EXPECT_EQ(parse(bytes, UdpSum::compute_or_unfinished), NetDrop::udp_checksum);
  EXPECT_EQ(parse(packet(frames::kQuery, 13), UdpSum::compute_or_unfinished), NetDrop::none);
}

TEST(Udp, TheLengthIsInThePacket) {
  const std::vector<uint8_t> whole = packet(frames::kQuery, 13);
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::vector<uint8_t> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_EQ(parse(cut), NetDrop::udp_length) << size;
  }
  std::vector<uint8_t> longer = whole;
  longer.push_back(0xEE);  // not under the checksum, not in the payload
  UdpView view;
  EXPECT_EQ(parse_udp(longer, kClient, kVirtual, UdpSum::compute, view), NetDrop::none);
  EXPECT_EQ(view.size, 5);
  std::vector<uint8_t> lying = whole;
  for (const uint8_t length : std::initializer_list<uint8_t>{0, 1, 7, 14, 255}) {
    lying[5] = length;
    EXPECT_EQ(parse(lying, UdpSum::good), NetDrop::udp_length) << int{length};
  }
}

TEST(Udp, WrittenAsTheFixtureIs) {
  std::array<uint8_t, 64> out{};
  const size_t size = write_udp_packet(out, kClient, 40000, kVirtual, 8210, as_bytes("seat?"));
  const std::vector<uint8_t> query = frames::bytes(frames::kQuery);
  ASSERT_EQ(size, 33U);
  EXPECT_TRUE(equal(Bytes(out).subspan(20, 13), Bytes(query).subspan(34, 13)));
  EXPECT_TRUE(equal(Bytes(out).subspan(12, 8), Bytes(query).subspan(26, 8)));
}

TEST(Udp, AUdpPacketSumsToZero) {
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

TEST(Udp, AUdpChecksumOfZeroIsSentAsOnes) {
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

TEST(Udp, WhatDoesNotFitIsRefused) {
  const std::vector<uint8_t> payload(100);
  for (size_t room = 0; room < 128; ++room) {
    std::vector<uint8_t> packet(room);
    EXPECT_EQ(write_udp_packet(packet, kFrom, 1, kTo, 2, payload), 0U) << room;
  }
  std::vector<uint8_t> large(70'000);
  EXPECT_EQ(write_udp_packet(large, kFrom, 1, kTo, 2, std::vector<uint8_t>(65'508)), 0U);
  EXPECT_EQ(write_udp_packet(large, kFrom, 1, kTo, 2, std::vector<uint8_t>(65'507)), 65'535U);
}

}  // namespace
}  // namespace tercet::dataplane
