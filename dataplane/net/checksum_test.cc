#include "dataplane/net/checksum.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace tercet::dataplane {
namespace {

/// RFC 1071's definition, word by word.
uint16_t naive(Bytes bytes, uint32_t sum) {
  for (size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<uint32_t>(bytes[i]) << 8U | (i + 1 < bytes.size() ? bytes[i + 1] : 0U);
  }
  while (sum > 0xFFFF) {
    sum = (sum & 0xFFFFU) + (sum >> 16U);
  }
  return static_cast<uint16_t>(~sum);
}

TEST(Checksum, TheExampleOfRfc1071) {
  const std::vector<uint8_t> bytes{0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7};
  EXPECT_EQ(ones_fold(ones_sum(bytes)), 0xDDF2);
  EXPECT_EQ(ones_checksum(ones_sum(bytes)), 0x220D);
  EXPECT_EQ(ones_checksum(ones_sum({})), 0xFFFF);
}

TEST(Checksum, EveryLengthAndPlaceIsThatOfTheDefinition) {
  std::mt19937_64 random(1);
  std::vector<uint8_t> bytes(1'600);
  for (const unsigned high : {0x00U, 0xFFU}) {  // noise, and what carries most
    for (uint8_t& byte : bytes) {
      byte = static_cast<uint8_t>(random() | high);
    }
    for (size_t size = 0; size <= 160; ++size) {
      for (size_t at = 0; at < 9; ++at) {
        const Bytes part = Bytes(bytes).subspan(at, size);
        EXPECT_EQ(ones_checksum(ones_sum(part)), naive(part, 0)) << size << " at " << at;
        EXPECT_EQ(ones_checksum(ones_sum(part, 0x2FFFF)), naive(part, 0x2FFFF)) << size << " at " << at;
      }
    }
    for (size_t size = 1'400; size <= 1'452; ++size) {
      EXPECT_EQ(ones_checksum(ones_sum(Bytes(bytes).first(size))), naive(Bytes(bytes).first(size), 0))
          << size;
    }
  }
  const std::vector<uint8_t> ones(65'535, 0xFF);
  EXPECT_EQ(ones_checksum(ones_sum(ones)), naive(ones, 0));
}

TEST(Checksum, ASumGoesOnWhereItWasLeft) {
  std::mt19937_64 random(2);
  std::vector<uint8_t> bytes(301);
  for (uint8_t& byte : bytes) {
    byte = static_cast<uint8_t>(random());
  }
  for (size_t cut = 0; cut <= 300; cut += 2) {
    const uint32_t first = ones_sum(Bytes(bytes).first(cut));
    EXPECT_EQ(ones_checksum(ones_sum(Bytes(bytes).subspan(cut), first)), naive(bytes, 0)) << cut;
  }
}

TEST(Checksum, FoldsWhateverFitsASum) {
  EXPECT_EQ(ones_fold(0xFFFFFFFF), 0xFFFF);
  EXPECT_EQ(ones_fold(0x0001FFFF), 0x0001);
  EXPECT_EQ(ones_fold(0xFFFF0001), 0x0001);
  EXPECT_EQ(ones_fold(0), 0);
}

TEST(Checksum, AnUpdateIsACheckOverTheChangedBytes) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 20'000; ++i) {
    std::vector<uint8_t> bytes(20);
    for (uint8_t& byte : bytes) {
      byte = static_cast<uint8_t>(random() % 3 == 0 ? 0xFF : random() % 2 == 0 ? 0 : random());
    }
    bytes[0] = 0x45;  // all zero bytes are what RFC 1624 excludes: no header is that
    const uint16_t before = ones_checksum(ones_sum(bytes));
    const auto old = static_cast<uint16_t>(bytes[6] << 8U | bytes[7]);
    const auto fresh = static_cast<uint16_t>(random());
    bytes[6] = static_cast<uint8_t>(fresh >> 8U);
    bytes[7] = static_cast<uint8_t>(fresh);
    ASSERT_EQ(ones_update(before, old, fresh), ones_checksum(ones_sum(bytes))) << i;
  }
  // RFC 1624 §4: its own example, where the older equation gave 0xFFFF.
  EXPECT_EQ(ones_update(0xDD2F, 0x5555, 0x3285), 0x0000);
}

}  // namespace
}  // namespace tercet::dataplane
