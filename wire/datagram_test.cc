#include "wire/datagram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>
#include <vector>

namespace tercet {
namespace {

constexpr CellId kCell{0x1122334455667788};

std::vector<uint8_t> datagram(DatagramKind kind, uint8_t sender, uint32_t access,
                              size_t size = kSealOverhead) {
  DatagramHeader header;
  header.kind = static_cast<uint8_t>(kind);
  header.sender = sender;
  header.access_id = access;
  header.cell_id = kCell.value;
  header.counter = 1;
  std::vector<uint8_t> bytes(size);
  if (size != 0) {
    std::memcpy(bytes.data(), &header, std::min(size, sizeof header));
  }
  return bytes;
}

TEST(Datagram, HeaderBytesAreThese) {
  auto bytes = datagram(DatagramKind::lb_to_client, 1, 0x0A0B0C0D);
  const std::vector<uint8_t> head(bytes.begin(), bytes.begin() + 24);
  EXPECT_EQ(head,
            (std::vector<uint8_t>{1,    2,    1,    0,    0x0D, 0x0C, 0x0B, 0x0A, 0x88, 0x77, 0x66, 0x55,
                                  0x44, 0x33, 0x22, 0x11, 1,    0,    0,    0,    0,    0,    0,    0}));
}

TEST(Datagram, WhoMaySendWhat) {
  struct Case {
    int number;
    DatagramKind kind;
    uint8_t sender;
    uint32_t access;
    int drop;  // -1: taken
  };
  constexpr int kSender = static_cast<int>(Drop::sender);
  constexpr int kMalformed = static_cast<int>(Drop::malformed);
  const Case cases[] = {
      {1, DatagramKind::client_to_lb, kSenderClient, 7, -1},
      {2, DatagramKind::client_to_lb, kSenderClient, 0, kMalformed},
      {3, DatagramKind::client_to_lb, 0, 7, kSender},
      {4, DatagramKind::lb_to_client, 0, 7, -1},
      {5, DatagramKind::lb_to_client, 1, 7, -1},
      {6, DatagramKind::lb_to_client, 2, 7, kSender},
      {7, DatagramKind::lb_to_client, kSenderClient, 7, kSender},
      {8, DatagramKind::lb_to_client, 1, 0, kMalformed},
      {9, DatagramKind::server_to_server, 4, 0, -1},
      {10, DatagramKind::server_to_server, 5, 0, kSender},
      {11, DatagramKind::server_to_server, kSenderClient, 0, kSender},
      {12, DatagramKind::server_to_server, 4, 1, kMalformed},
      {13, DatagramKind::resignation, 1, 0, -1},
      {14, DatagramKind::resignation, 2, 0, kSender},
      {15, DatagramKind::resignation, 1, 1, kMalformed},
      {16, static_cast<DatagramKind>(0), 1, 0, static_cast<int>(Drop::kind)},
      {17, static_cast<DatagramKind>(5), 1, 0, static_cast<int>(Drop::kind)},
  };
  for (const Case& c : cases) {
    auto bytes = datagram(c.kind, c.sender, c.access);
    const auto view = parse_datagram(bytes, kCell);
    EXPECT_EQ(view ? -1 : static_cast<int>(view.error()), c.drop) << "case " << c.number;
  }
}

TEST(Datagram, EachFieldIsChecked) {
  const auto drop_of = [](auto change) {
    auto bytes = datagram(DatagramKind::server_to_server, 2, 0);
    change(*reinterpret_cast<DatagramHeader*>(bytes.data()));
    const auto view = parse_datagram(bytes, kCell);
    return view ? "taken" : name_of(view.error());
  };
  EXPECT_STREQ(drop_of([](DatagramHeader&) {}), "taken");
  EXPECT_STREQ(drop_of([](DatagramHeader& h) { h.version = 0; }), "version");
  EXPECT_STREQ(drop_of([](DatagramHeader& h) { h.version = 2; }), "version");
  EXPECT_STREQ(drop_of([](DatagramHeader& h) { h.reserved = 1; }), "reserved");
  EXPECT_STREQ(drop_of([](DatagramHeader& h) { h.cell_id = kCell.value + 1; }), "cell");
  EXPECT_STREQ(drop_of([](DatagramHeader& h) { h.counter = 0; }), "malformed");
}

TEST(Datagram, SizeIsCheckedFirst) {
  for (size_t size = 0; size < kSealOverhead; ++size) {
    auto bytes = datagram(DatagramKind::server_to_server, 2, 0, size);
    bytes.shrink_to_fit();  // so that the sanitizer sees a read behind the end
    EXPECT_EQ(parse_datagram(bytes, kCell).error(), Drop::too_short) << size;
  }
  auto longest = datagram(DatagramKind::server_to_server, 2, 0, kCellDatagramMax);
  EXPECT_TRUE(parse_datagram(longest, kCell));
  auto longer = datagram(DatagramKind::server_to_server, 2, 0, kCellDatagramMax + 1);
  EXPECT_EQ(parse_datagram(longer, kCell).error(), Drop::too_long);
}

TEST(Drop, NamesAreDifferentAndPresent) {
  for (size_t i = 0; i < kDrops; ++i) {
    ASSERT_NE(kDropNames[i], nullptr);
    ASSERT_FALSE(std::string_view(kDropNames[i]).empty());
    for (size_t k = 0; k < i; ++k) {
      EXPECT_STRNE(kDropNames[i], kDropNames[k]);
    }
  }
}

}  // namespace
}  // namespace tercet
