#include "dataplane/net/icmp.h"

#include <gtest/gtest.h>

#include <vector>

#include "dataplane/net/frames_rig.h"

namespace tercet::dataplane {
namespace {

std::vector<uint8_t> message(std::string_view frame) {
  const std::vector<uint8_t> whole = frames::bytes(frame);
  return {whole.begin() + 34, whole.end()};
}

void finish(std::vector<uint8_t>& bytes) {
  bytes[2] = bytes[3] = 0;
  const uint16_t sum = ones_checksum(ones_sum(bytes));
  bytes[2] = static_cast<uint8_t>(sum >> 8U);
  bytes[3] = static_cast<uint8_t>(sum);
}

TEST(Icmp, AnEchoBecomesItsReply) {
  std::vector<uint8_t> ping = message(frames::kPing);
  IcmpHeader header;
  ASSERT_EQ(parse_icmp(ping, header), NetDrop::none);
  EXPECT_EQ(header.type, kIcmpEcho);
  make_echo_reply(ping);
  EXPECT_EQ(ping, message(frames::kPong));
}

TEST(Icmp, TheReplysChecksumIsRightForAnyData) {
  for (unsigned value = 0; value <= 0xFFFF; ++value) {
    std::vector<uint8_t> ping{8, 0, 0, 0, static_cast<uint8_t>(value >> 8U), static_cast<uint8_t>(value),
                              0, 1};
    finish(ping);
    make_echo_reply(ping);
    IcmpHeader header;
    ASSERT_EQ(parse_icmp(ping, header), NetDrop::none) << value;
    ASSERT_EQ(header.type, kIcmpEchoReply);
  }
}

TEST(Icmp, AReplyOfNothingButZerosAddsUpToo) {
  std::vector<uint8_t> ping{8, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  finish(ping);
  make_echo_reply(ping);
  EXPECT_EQ(ping, (std::vector<uint8_t>{0, 0, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0}));
  IcmpHeader header;
  EXPECT_EQ(parse_icmp(ping, header), NetDrop::none);
}

TEST(Icmp, DamageIsSeen) {
  std::vector<uint8_t> ping = message(frames::kPing);
  IcmpHeader header;
  for (size_t size = 0; size < ping.size(); ++size) {
    const std::vector<uint8_t> cut(ping.begin(), ping.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_EQ(parse_icmp(cut, header), size < 8 ? NetDrop::icmp_malformed : NetDrop::icmp_checksum) << size;
  }
  for (size_t bit = 0; bit < ping.size() * 8; ++bit) {
    ping[bit / 8] ^= static_cast<uint8_t>(1U << bit % 8);
    EXPECT_EQ(parse_icmp(ping, header), NetDrop::icmp_checksum) << bit;
    ping[bit / 8] ^= static_cast<uint8_t>(1U << bit % 8);
  }
}

TEST(Icmp, AnErrorNamesTheDatagramThatItIsAbout) {
  Unreachable error;
  ASSERT_EQ(parse_unreachable(message(frames::kUnreachable), error), NetDrop::none);
  EXPECT_EQ(error.source, frames::kUs);
  EXPECT_EQ(error.destination, frames::kPeer);
  EXPECT_EQ(error.source_port, 8220);
  EXPECT_EQ(error.destination_port, 8220);
  EXPECT_TRUE(error.hard);
}

TEST(Icmp, WhichErrorsAreFinal) {
  for (uint8_t code = 0; code < 16; ++code) {
    std::vector<uint8_t> bytes = message(frames::kUnreachable);
    bytes[1] = code;
    Unreachable error;
    ASSERT_EQ(parse_unreachable(bytes, error), NetDrop::none);
    EXPECT_EQ(error.hard, code == 2 || code == 3 || code == 9 || code == 10 || code == 13) << int{code};
  }
}

TEST(Icmp, AnErrorThatQuotesTooLittleIsMalformed) {
  const std::vector<uint8_t> whole = message(frames::kUnreachable);
  Unreachable error;
  for (size_t size = 8; size < whole.size(); ++size) {
    const std::vector<uint8_t> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    const NetDrop expected = size < 8 + 20 + 8 ? NetDrop::icmp_malformed : NetDrop::none;
    EXPECT_EQ(parse_unreachable(cut, error), expected) << size;
  }
  const auto with = [&](size_t at, uint8_t value) {
    std::vector<uint8_t> changed = whole;
    changed[8 + at] = value;
    return parse_unreachable(changed, error);
  };
  EXPECT_EQ(with(0, 0x65), NetDrop::icmp_malformed);
  EXPECT_EQ(with(0, 0x44), NetDrop::icmp_malformed);
  EXPECT_EQ(with(0, 0x4F), NetDrop::icmp_malformed) << "its options would leave no room for ports";
  EXPECT_EQ(with(9, 6), NetDrop::icmp_other) << "about TCP";
  EXPECT_EQ(with(7, 1), NetDrop::icmp_other) << "about a later piece, which has no ports";
}

}  // namespace
}  // namespace tercet::dataplane
