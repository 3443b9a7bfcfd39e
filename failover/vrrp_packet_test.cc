#include "failover/vrrp_packet.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace tercet::failover {
namespace {

constexpr Address kLb1 = v4_address(198, 18, 0, 1);
constexpr VrrpArrival kFromLb1{.ttl = 255, .source = kLb1, .destination = kVrrpGroup};
constexpr uint8_t kVrid = 51;

// vrid 51, priority 100, one address, 10 cs, 198.18.0.100; checksums worked out by hand (RFC 1071).
constexpr std::array<uint8_t, 12> kGolden{0x31, 0x33, 0x64, 0x01, 0x00, 0x0a,
                                          0xfd, 0xa7, 0xc6, 0x12, 0x00, 0x64};
constexpr std::array<uint8_t, 12> kGoldenPlain{0x31, 0x33, 0x64, 0x01, 0x00, 0x0a,
                                               0xa4, 0x4a, 0xc6, 0x12, 0x00, 0x64};

VrrpDrop parse(Bytes packet, VrrpView& out) { return parse_advert(packet, kFromLb1, kVrid, out); }

std::vector<uint8_t> sealed(std::vector<uint8_t> packet) {
  fill_checksum(packet, kLb1, kVrrpGroup);
  return packet;
}

TEST(VrrpPacket, WritesTheGoldenBytes) {
  VrrpBytes packet = write_advert(
      {.vrid = kVrid, .priority = 100, .interval_cs = 10, .addresses = {v4_address(198, 18, 0, 100)}});
  fill_checksum({packet.data(), packet.size()}, kLb1, kVrrpGroup);
  EXPECT_EQ(std::vector<uint8_t>(packet.begin(), packet.end()),
            std::vector<uint8_t>(kGolden.begin(), kGolden.end()));
}

TEST(VrrpPacket, FillingTheChecksumTwiceChangesNothing) {
  auto packet = kGolden;
  fill_checksum(packet, kLb1, kVrrpGroup);
  EXPECT_EQ(packet, kGolden);
}

TEST(VrrpPacket, TakesBothChecksumsAndSaysWhich) {
  VrrpView view;
  ASSERT_EQ(parse(kGolden, view), VrrpDrop::none);
  EXPECT_EQ(view.checksum, Checksum::pseudo_header);
  EXPECT_EQ(view.priority, 100);
  EXPECT_EQ(view.interval, milliseconds(100));
  EXPECT_TRUE(equal(view.addresses, Bytes(kGolden).subspan(8)));
  ASSERT_EQ(parse(kGoldenPlain, view), VrrpDrop::none);
  EXPECT_EQ(view.checksum, Checksum::plain);
}

TEST(VrrpPacket, ThePseudoHeaderCoversSourceAndDestination) {
  VrrpView view;
  VrrpArrival arrival = kFromLb1;
  arrival.source = v4_address(198, 18, 0, 2);
  EXPECT_EQ(parse_advert(kGolden, arrival, kVrid, view), VrrpDrop::bad_checksum);
  EXPECT_EQ(parse_advert(kGoldenPlain, arrival, kVrid, view), VrrpDrop::none);
  arrival = kFromLb1;
  arrival.destination = v4_address(198, 18, 0, 2);
  EXPECT_EQ(parse_advert(kGolden, arrival, kVrid, view), VrrpDrop::bad_checksum);
}

TEST(VrrpPacket, TakesWhatKeepalivedSends) {
  // keepalived 2.2.7 (Debian 12), vrrp_version 3, priority 90, advert_int 0.1, as captured; from 198.18.0.22
  // to the group.
  constexpr std::array<uint8_t, 12> kCaptured{0x31, 0x33, 0x5a, 0x01, 0x00, 0x0a,
                                              0x07, 0x93, 0xc6, 0x12, 0x00, 0x64};
  const Address from = v4_address(198, 18, 0, 22);
  VrrpView view;
  ASSERT_EQ(parse_advert(kCaptured, {.ttl = 255, .source = from, .destination = kVrrpGroup}, kVrid, view),
            VrrpDrop::none);
  EXPECT_EQ(view.checksum, Checksum::pseudo_header);
  EXPECT_EQ(view.priority, 90);
  // And ours is the same, byte for byte.
  VrrpBytes packet = write_advert(
      {.vrid = kVrid, .priority = 90, .interval_cs = 10, .addresses = {v4_address(198, 18, 0, 100)}});
  fill_checksum({packet.data(), packet.size()}, from, kVrrpGroup);
  EXPECT_TRUE(equal({packet.data(), packet.size()}, kCaptured));
}

TEST(VrrpPacket, NoiseIsNeverReadPastItsEnd) {
  uint64_t state = 0x9E3779B97F4A7C15ULL;  // xorshift: the same noise each time
  size_t taken = 0;
  for (int i = 0; i < 200'000; ++i) {
    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
    std::vector<uint8_t> packet(8 + (state % 5) * 4);
    for (size_t at = 0; at < packet.size(); ++at) {
      packet[at] = static_cast<uint8_t>(state >> (at % 8 * 8)) ^ static_cast<uint8_t>(at * 37);
    }
    packet[0] = 0x31;
    if ((state & 64U) != 0) {
      packet[3] = static_cast<uint8_t>((packet.size() - 8) / 4);
    }
    if ((state & 128U) != 0) {
      fill_checksum(packet, kLb1, kVrrpGroup);
    }
    VrrpView view;
    const VrrpDrop drop = parse_advert(packet, kFromLb1, packet[1], view);
    if (drop == VrrpDrop::none) {
      ++taken;
      ASSERT_EQ(view.addresses.size(), packet.size() - 8);
      ASSERT_GE(view.interval, milliseconds(10));
    }
  }
  EXPECT_GT(taken, 10'000U);  // it did get to the end of the parser
}

TEST(VrrpPacket, EveryTruncationIsRefused) {
  for (size_t size = 0; size < kGolden.size(); ++size) {
    // A copy of its own size, so that a sanitizer sees a read past it.
    const std::vector<uint8_t> cut(kGolden.begin(), kGolden.begin() + static_cast<ptrdiff_t>(size));
    VrrpView view;
    EXPECT_EQ(parse(cut, view), size < sizeof(VrrpHeader) ? VrrpDrop::too_short : VrrpDrop::bad_length)
        << size;
  }
}

TEST(VrrpPacket, EveryBitFlipIsRefused) {
  for (const auto& golden : {kGolden, kGoldenPlain}) {
    for (size_t bit = 0; bit < golden.size() * 8; ++bit) {
      std::vector<uint8_t> flipped(golden.begin(), golden.end());
      flipped[bit / 8] = static_cast<uint8_t>(flipped[bit / 8] ^ (1U << (bit % 8)));
      VrrpView view;
      EXPECT_NE(parse(flipped, view), VrrpDrop::none) << "bit " << bit;
    }
  }
}

TEST(VrrpPacket, EveryDropReasonIsReached) {
  struct Case {
    const char* what;
    std::vector<uint8_t> packet;
    uint8_t ttl;
    VrrpDrop want;
  };
  const std::vector<Case> cases = {
      {"nothing", {}, 255, VrrpDrop::too_short},
      {"seven bytes", {0x31, 51, 100, 1, 0, 10, 0}, 255, VrrpDrop::too_short},
      {"through a router", sealed({0x31, 51, 100, 1, 0, 10, 0, 0, 198, 18, 0, 100}), 254, VrrpDrop::bad_ttl},
      {"version 2", sealed({0x21, 51, 100, 1, 0, 1, 0, 0, 198, 18, 0, 100}), 255, VrrpDrop::bad_version},
      {"type 2", sealed({0x32, 51, 100, 1, 0, 10, 0, 0, 198, 18, 0, 100}), 255, VrrpDrop::bad_type},
      {"count 0", sealed({0x31, 51, 100, 0, 0, 10, 0, 0}), 255, VrrpDrop::zero_count},
      {"count 0 with an address", sealed({0x31, 51, 100, 0, 0, 10, 0, 0, 198, 18, 0, 100}), 255,
       VrrpDrop::zero_count},
      {"count 2, one address", sealed({0x31, 51, 100, 2, 0, 10, 0, 0, 198, 18, 0, 100}), 255,
       VrrpDrop::bad_length},
      {"count 255, one address", sealed({0x31, 51, 100, 255, 0, 10, 0, 0, 198, 18, 0, 100}), 255,
       VrrpDrop::bad_length},
      {"bytes behind", sealed({0x31, 51, 100, 1, 0, 10, 0, 0, 198, 18, 0, 100, 0}), 255,
       VrrpDrop::bad_length},
      {"checksum 0", {0x31, 51, 100, 1, 0, 10, 0, 0, 198, 18, 0, 100}, 255, VrrpDrop::bad_checksum},
      {"interval 0", sealed({0x31, 51, 100, 1, 0, 0, 0, 0, 198, 18, 0, 100}), 255, VrrpDrop::zero_interval},
      {"interval 0, reserved bits set", sealed({0x31, 51, 100, 1, 0xF0, 0, 0, 0, 198, 18, 0, 100}), 255,
       VrrpDrop::zero_interval},
      {"another group", sealed({0x31, 52, 100, 1, 0, 10, 0, 0, 198, 18, 0, 100}), 255, VrrpDrop::other_vrid},
      {"ours", sealed({0x31, 51, 100, 1, 0, 10, 0, 0, 198, 18, 0, 100}), 255, VrrpDrop::none},
  };
  std::array<bool, kVrrpDrops> reached{};
  for (const Case& c : cases) {
    VrrpView view;
    VrrpArrival arrival = kFromLb1;
    arrival.ttl = c.ttl;
    const VrrpDrop got = parse_advert(c.packet, arrival, kVrid, view);
    EXPECT_STREQ(name_of(got), name_of(c.want)) << c.what;
    reached[static_cast<size_t>(got)] = true;
  }
  for (size_t i = 0; i < kVrrpDrops; ++i) {
    EXPECT_TRUE(reached[i]) << name_of(static_cast<VrrpDrop>(i));
  }
}

TEST(VrrpPacket, ReservedBitsAndForeignAddressesAreNoReasonToDrop) {
  VrrpView view;
  ASSERT_EQ(parse(sealed({0x31, 51, 0, 2, 0xF0, 100, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2}), view), VrrpDrop::none);
  EXPECT_EQ(view.priority, 0);
  EXPECT_EQ(view.interval, seconds(1));
  EXPECT_EQ(view.addresses.size(), 8U);
}

TEST(VrrpPacket, TheLongestPacketIsTaken) {
  std::vector<uint8_t> packet{0x31, 51, 255, 255, 0x0F, 0xFF, 0, 0};
  packet.resize(kVrrpSizeMax, 0xFF);
  VrrpView view;
  ASSERT_EQ(parse(sealed(packet), view), VrrpDrop::none);
  EXPECT_EQ(view.interval, milliseconds(40'950));
  EXPECT_EQ(view.addresses.size(), size_t{255} * 4);
}

}  // namespace
}  // namespace tercet::failover
