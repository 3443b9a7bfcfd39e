// Frames in, verdicts and frames out, byte for byte: the whole engine (device, port, stack) between two
// capture files, by DPDK's pcap driver. One process for each test, since EAL starts once.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>

#include "dataplane/port/dpdk/dpdk_engine.h"
#include "dataplane/port/socket.h"
#include "tests/dpdk/pcap_file.h"

namespace tercet::dataplane {
namespace {

using Frame = std::vector<uint8_t>;

Frame bytes(std::string_view hex) {
  Frame out;
  std::string digits;
  for (const char c : hex) {
    if (c != ' ' && c != '\n') {
      digits += c;
    }
  }
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    out.push_back(static_cast<uint8_t>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  }
  return out;
}

// The driver's own hardware address is 02:70:63:61:70:00 ("pcap"); the neighbour is 02:54:43:00:00:21,
// 198.18.0.21; we are 198.18.0.1.
constexpr const char* kArpRequest =
    "ffffffffffff 025443000021 0806 0001 0800 06 04 0001"
    "025443000021 c6120015 000000000000 c6120001";
constexpr const char* kArpReply =
    "025443000021 027063617000 0806 0001 0800 06 04 0002"
    "027063617000 c6120001 025443000021 c6120015";
constexpr const char* kArpForAnother =
    "ffffffffffff 025443000021 0806 0001 0800 06 04 0001"
    "025443000021 c6120015 000000000000 c6120002";
// An echo request of 8 bytes, identifier 1, sequence 2.
constexpr const char* kPing =
    "027063617000 025443000021 0800"
    "4500 0024 0001 4000 40 01 ae9d c6120015 c6120001"
    "0800 e7e8 0001 0002 0102030405060708";
constexpr const char* kPong =
    "025443000021 027063617000 0800"
    "4500 0024 0001 4000 40 01 ae9d c6120001 c6120015"
    "0000 efe8 0001 0002 0102030405060708";

/// A datagram from the neighbour's port 5000 to our port 8200: "hello", checksum as given.
Frame datagram(uint16_t checksum) {
  Frame frame = bytes(
      "027063617000 025443000021 0800"
      "4500 0021 0002 4000 40 11 ae8f c6120015 c6120001"
      "1388 2008 000d 0000 68656c6c6f");
  frame[40] = static_cast<uint8_t>(checksum >> 8U);
  frame[41] = static_cast<uint8_t>(checksum);
  return frame;
}
constexpr uint16_t kRight = 0xfc36;
/// What we send back: "world", from where it was sent to.
constexpr const char* kAnswer =
    "025443000021 027063617000 0800"
    "4500 0021 0000 4000 40 11 ae91 c6120001 c6120015"
    "2008 1388 000d f22c 776f726c64";

/// Who was only learned from its own question is asked itself once it is used, by unicast.
constexpr const char* kCheck =
    "025443000021 027063617000 0806 0001 0800 06 04 0001"
    "027063617000 c6120001 000000000000 c6120015";

class Pcap : public testing::Test {
 protected:
  void SetUp() override {
    const std::string folder = testing::TempDir() + "tercet-pcap-" + std::to_string(getpid());
    in_ = folder + "-in";
    out_ = folder + "-out";
  }
  void TearDown() override {
    unlink(in_.c_str());
    unlink(out_.c_str());
  }
  struct Ran {
    std::vector<std::string> payloads;
    std::vector<Frame> sent;
    std::string drops;
  };
  /// Everything through the port; each datagram is answered with "world".
  Ran run(const std::vector<Frame>& frames) {
    {
      PcapFile input(in_);
      for (const Frame& frame : frames) {
        input.add(frame);
      }
    }
    DpdkOptions options;
    options.eal.arguments =
        "--no-huge -m 64 --no-pci --no-shconf --vdev=net_pcap0,rx_pcap=" + in_ + ",tx_pcap=" + out_;
    options.own = {parse_address("198.18.0.1").value().address, 24};
    PortOptions lanes;
    lanes.lanes = {{parse_endpoint("198.18.0.1:8200").value(), {}}};
    auto network = open_dpdk(options, lanes, 1);
    Ran ran;
    if (!network) {
      ADD_FAILURE() << network.error();
      return ran;
    }
    Port& port = *network->ports[0];
    RxBurst burst;
    for (int turn = 0; turn < 20; ++turn) {
      port.receive(burst);
      for (const RxDatagram& d : burst.datagrams) {
        ran.payloads.emplace_back(d.bytes.begin(), d.bytes.end());
        TxBurst& out = port.transmit();
        std::memcpy(out.next().data(), "world", 5);
        out.push(5, d.lane, d.from);
        port.send(out);
      }
    }
    for (const NamedCounter& drop : port.drops()) {
      if (drop.counter->get() != 0) {
        ran.drops += std::string(drop.name) + "=" + std::to_string(drop.counter->get()) + " ";
      }
    }
    port.finish();
    network->ports.clear();
    EXPECT_EQ(network->device->close(), 0U) << "buffers are lost";
    ran.sent = read_pcap(out_);
    return ran;
  }

  std::string in_;
  std::string out_;
};

TEST_F(Pcap, QuestionsAndEchoesAreAnsweredAndDatagramsHandedUp) {
  const Ran ran = run({bytes(kArpRequest), bytes(kArpForAnother), bytes(kPing), datagram(kRight)});
  EXPECT_THAT(ran.payloads, testing::ElementsAre("hello"));
  EXPECT_THAT(ran.sent, testing::ElementsAre(bytes(kArpReply), bytes(kPong), bytes(kAnswer), bytes(kCheck)));
  EXPECT_EQ(ran.drops, "")
      << "a question for another's address is not ours to answer, but tells of its sender";
}

TEST_F(Pcap, WhatIsDamagedIsDroppedUnderItsName) {
  Frame short_frame = datagram(kRight);
  short_frame.resize(30);
  Frame wrong_sum = datagram(kRight ^ 1U);
  Frame fragment = datagram(kRight);
  fragment[20] = 0x20;  // more fragments; the header's checksum still says "don't fragment"
  Frame other_port = datagram(0);
  other_port[37] = 9;
  const Ran ran = run({bytes(kArpRequest), short_frame, wrong_sum, fragment, other_port});
  EXPECT_THAT(ran.payloads, testing::IsEmpty());
  EXPECT_THAT(ran.sent, testing::ElementsAre(bytes(kArpReply)));
  EXPECT_EQ(ran.drops, "ip_short=1 ip_checksum=1 udp_checksum=1 udp_other=1 ");
}

TEST_F(Pcap, ADatagramWithoutAChecksumIsTakenAsRfc768Says) {
  const Ran ran = run({bytes(kArpRequest), datagram(0)});
  EXPECT_THAT(ran.payloads, testing::ElementsAre("hello"));
  EXPECT_THAT(ran.sent, testing::ElementsAre(bytes(kArpReply), bytes(kAnswer), bytes(kCheck)));
}

}  // namespace
}  // namespace tercet::dataplane
