#include "dataplane/net/unfinished.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

#include "dataplane/net/frames_rig.h"

namespace tercet::dataplane {
namespace {

/// Five bytes of a connection, from the peer to us, with the right sum.
constexpr std::string_view kTcp =
    "0200 0000 0001 "                 // to
    "0200 0000 0002 "                 // from
    "0800 "                           // type
    "4500 "                           // version, header length, type of service
    "002d "                           // total length
    "1234 4000 "                      // identification, flags and offset
    "4006 "                           // TTL, protocol
    "9c6f "                           // checksum
    "c612 0002 c612 0001 "            // source, destination
    "9c40 0016 0102 0304 0506 0708 "  // ports, sequence, acknowledgement
    "5018 7210 "                      // offset, flags, window
    "f783 "                           // checksum
    "0000 "                           // urgent
    "7373 682d 32 "                   // payload
    "00";                             // padding
constexpr size_t kTcpSumAt = 14 + 20 + 16;
constexpr uint16_t kTcpPseudo = 0x8C47;

/// The same over IPv6.
constexpr std::string_view kTcp6 =
    "0200 0000 0001 "                           // to
    "0200 0000 0002 "                           // from
    "86dd "                                     // type
    "6000 0000 0019 "                           // version, class, flow, payload length
    "0640 "                                     // next header, hop limit
    "2001 0db8 0000 0000 0000 0000 0000 0002 "  // source
    "2001 0db8 0000 0000 0000 0000 0000 0001 "  // destination
    "9c40 0016 0102 0304 0506 0708 "            // ports, sequence, acknowledgement
    "5018 7210 "                                // offset, flags, window
    "2837 "                                     // checksum
    "0000 "                                     // urgent
    "7373 682d 32";                             // payload
constexpr size_t kTcp6SumAt = 14 + 40 + 16;
constexpr uint16_t kTcp6Pseudo = 0x5B94;

/// 198.18.0.2 + 198.18.0.1 + 17 + 26.
constexpr size_t kVoteSumAt = 14 + 20 + 6;
constexpr uint16_t kVotePseudo = 0x8C53;
/// 203.0.113.7 + 198.18.0.100 + 17 + 13.
constexpr uint16_t kQueryPseudo = 0x029D;

std::vector<uint8_t> with_sum(std::string_view frame, size_t at, uint16_t sum) {
  std::vector<uint8_t> bytes = frames::bytes(frame);
  bytes[at] = static_cast<uint8_t>(sum >> 8U);
  bytes[at + 1] = static_cast<uint8_t>(sum);
  return bytes;
}

void expect_finished(std::string_view frame, size_t at, uint16_t pseudo) {
  std::vector<uint8_t> bytes = with_sum(frame, at, pseudo);
  EXPECT_TRUE(finish_sum(bytes));
  EXPECT_EQ(bytes, frames::bytes(frame));
  EXPECT_FALSE(finish_sum(bytes)) << "it is right now";
}

void expect_untouched(std::vector<uint8_t> bytes) {
  const std::vector<uint8_t> before = bytes;
  EXPECT_FALSE(finish_sum(bytes));
  EXPECT_EQ(bytes, before);
}

TEST(Unfinished, AnUnfinishedSumIsFinished) {
  expect_finished(kTcp, kTcpSumAt, kTcpPseudo);
  expect_finished(kTcp6, kTcp6SumAt, kTcp6Pseudo);
  expect_finished(frames::kVote, kVoteSumAt, kVotePseudo);
  expect_finished(frames::kQueryOptions, kVoteSumAt + 8, kQueryPseudo);
  expect_finished(frames::kQueryTagged, kVoteSumAt + 4, kQueryPseudo);
}

TEST(Unfinished, ARightAndAWrongSumStay) {
  for (const std::string_view frame : frames::kAll) {
    expect_untouched(frames::bytes(frame));
  }
  expect_untouched(with_sum(kTcp, kTcpSumAt, kTcpPseudo + 1));
  expect_untouched(with_sum(kTcp6, kTcp6SumAt, kTcp6Pseudo - 1));
  expect_untouched(with_sum(kTcp, kTcpSumAt, 0));
}

TEST(Unfinished, OnlyAWholePacketHasOne) {
  std::vector<uint8_t> piece = with_sum(kTcp, kTcpSumAt, kTcpPseudo);
  piece[14 + 6] |= 0x20;  // more fragments
  expect_untouched(piece);
  for (const auto& whole :
       {with_sum(kTcp6, kTcp6SumAt, kTcp6Pseudo), with_sum(frames::kVote, kVoteSumAt, kVotePseudo)}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      expect_untouched({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)});
    }
  }
  // Headers that end within the sum's field.
  for (uint8_t size = 0; size < 20; ++size) {
    std::vector<uint8_t> bytes = with_sum(kTcp6, kTcp6SumAt, kTcp6Pseudo);
    bytes[14 + 5] = size;
    expect_untouched(bytes);
  }
}

TEST(Unfinished, NoBytesLeadOutsideOfThem) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 200'000; ++i) {
    std::vector<uint8_t> bytes = frames::bytes(i % 2 == 0 ? kTcp : kTcp6);
    for (int flip = 0; flip < 3; ++flip) {
      bytes[random() % bytes.size()] = static_cast<uint8_t>(random());
    }
    bytes.resize(random() % bytes.size());
    bytes.shrink_to_fit();
    finish_sum(bytes);
  }
}

}  // namespace
}  // namespace tercet::dataplane
