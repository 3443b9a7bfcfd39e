// The engine on a device between rings in memory (net_ring), whose send queues a test can fill: what
// announces an address leaves by a queue of its own. And what of a stack's view the control thread gets to
// see.

#include <gtest/gtest.h>
#include <rte_eth_ring.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "dataplane/port/dpdk/dpdk_port.h"
#include "dataplane/port/dpdk/eal.h"
#include "dataplane/port/dpdk/stack_rig.h"

namespace tercet::dataplane {
namespace {

using Frame = std::vector<uint8_t>;

constexpr unsigned kRing = 64;

rte_ring* make_ring(const char* name) {
  return rte_ring_create(name, kRing, 0, RING_F_SP_ENQ | RING_F_SC_DEQ | RING_F_EXACT_SZ);
}

class Ring : public testing::Test {
 protected:
  /// A device with one receive queue and `senders` send queues, and its port.
  void open(unsigned senders) {
    const EalOptions eal{"--no-huge -m 64 --no-pci --no-shconf", "tercet-ring-" + std::to_string(getpid())};
    const auto started = start_eal(eal);
    ASSERT_TRUE(started) << started.error();
    in_ = make_ring("in");
    for (unsigned i = 0; i < senders; ++i) {
      out_.push_back(make_ring(i == 0 ? "queries" : "announcements"));
    }
    ASSERT_GE(rte_eth_from_rings("x", &in_, 1, out_.data(), senders, 0), 0);
    auto device = Device::open(
        {.name = "net_ring_x", .more_macs = {}, .lost = [this](size_t lost) { told_lost_ += lost; }});
    ASSERT_TRUE(device) << device.error();
    device_ = *device;
    control_ = std::make_shared<ControlPath>(
        1, DeviceLook{.link_up = [this] { return device_->link_up(); },
                      .count = [this](DeviceCounters& counters) { device_->count(counters); }});
    port_ = make_dpdk_port({.device = device_, .control = control_, .tap = {}, .stack = stack_options()});
    RxBurst burst;
    port_->receive(burst);
    take(0);  // the first questions
  }
  void TearDown() override {
    if (port_ == nullptr) {
      return;
    }
    for (size_t queue = 0; queue < out_.size(); ++queue) {
      take(queue);
    }
    port_->finish();
    port_.reset();
    EXPECT_EQ(device_->close(), 0U) << "buffers are lost";
  }

  void deliver(const Frame& frame, uint64_t flags = 0) {
    rte_mbuf* buffer = rte_pktmbuf_alloc(device_->pool(0));
    ASSERT_NE(buffer, nullptr);
    std::memcpy(rte_pktmbuf_append(buffer, static_cast<uint16_t>(frame.size())), frame.data(), frame.size());
    buffer->ol_flags |= flags;
    ASSERT_EQ(rte_ring_enqueue(in_, buffer), 0);
    RxBurst burst;
    port_->receive(burst);
  }
  std::vector<Frame> take(size_t queue) {
    std::vector<Frame> frames;
    void* buffer = nullptr;
    while (rte_ring_dequeue(out_[queue], &buffer) == 0) {
      auto* frame = static_cast<rte_mbuf*>(buffer);
      const auto* data = rte_pktmbuf_mtod(frame, const uint8_t*);
      frames.emplace_back(data, data + frame->data_len);
      rte_pktmbuf_free(frame);
    }
    return frames;
  }
  /// Nobody takes what was sent: the queue of queries is full.
  void fill() {
    deliver(frames::bytes(frames::kArpReply));  // the peer can be reached
    for (unsigned i = 0; i < 2 * kRing; ++i) {
      TxBurst& burst = port_->transmit();
      burst.push(100, kToPeer, {});
      port_->send(burst);
    }
    ASSERT_EQ(rte_ring_count(out_[0]), kRing);
    ASSERT_GE(port_->counters().drop_send_refused.get(), kRing);
  }
  void announce() {
    ControlOrder order;
    order.kind = ControlOrder::Kind::announce;
    order.address = frames::kVirtual;
    ASSERT_TRUE(control_->orders(0).push(order));
    RxBurst burst;
    port_->receive(burst);
  }

  [[nodiscard]] uint64_t dropped(std::string_view reason) const {
    for (const NamedCounter& drop : port_->drops()) {
      if (drop.name == reason) {
        return drop.counter->get();
      }
    }
    ADD_FAILURE() << "no drop is called " << reason;
    return 0;
  }

  rte_ring* in_ = nullptr;
  std::vector<rte_ring*> out_;
  std::shared_ptr<Device> device_;
  std::shared_ptr<ControlPath> control_;
  std::unique_ptr<Port> port_;
  size_t told_lost_ = 0;
};

TEST_F(Ring, AnAnnouncementLeavesByItsOwnQueueWhileTheQueriesIsFull) {
  ASSERT_NO_FATAL_FAILURE(open(2));
  ASSERT_TRUE(device_->has_control_queue());
  fill();
  const uint64_t refused = port_->counters().drop_send_refused.get();
  announce();
  EXPECT_EQ(port_->counters().drop_send_refused.get(), refused);
  const auto sent = take(1);
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0][13], 0x06) << "ARP";
  EXPECT_TRUE(std::equal(frames::kVirtual.begin(), frames::kVirtual.end(), sent[0].begin() + 28));
}

TEST_F(Ring, WithoutOneToSpareItSharesTheQueries) {
  ASSERT_NO_FATAL_FAILURE(open(1));
  EXPECT_FALSE(device_->has_control_queue());
  announce();
  EXPECT_EQ(take(0).size(), 1U);
  fill();
  const uint64_t refused = port_->counters().drop_send_refused.get();
  announce();
  EXPECT_EQ(port_->counters().drop_send_refused.get(), refused + 1) << "counted, and announced again later";
}

TEST_F(Ring, WhoClaimsOurAddressIsToldToTheControlThread) {
  ASSERT_NO_FATAL_FAILURE(open(1));
  Frame claim = frames::bytes(frames::kArpReply);
  std::copy(frames::kUs.begin(), frames::kUs.end(), claim.begin() + 28);
  deliver(claim);
  deliver(claim);
  std::array<AddressClaim, 2> claims;
  ASSERT_EQ(control_->claims(0).pop(std::span(claims)), 1U) << "the same is told once a second";
  EXPECT_EQ(claims[0].address, frames::kUs);
  EXPECT_EQ(claims[0].mac, frames::kPeerMac);
}

TEST_F(Ring, APeerThatComesToAnotherHardwareAddressIsToldAndCounted) {
  ASSERT_NO_FATAL_FAILURE(open(1));
  Frame question = frames::bytes(frames::kArpRequest);
  deliver(question);
  question[27] = 9;  // the sender's MAC ends in it
  deliver(question);
  deliver(question);
  std::array<AddressClaim, 2> claims;
  ASSERT_EQ(control_->claims(0).pop(std::span(claims)), 1U);
  EXPECT_EQ(claims[0].address, frames::kPeer);
  EXPECT_EQ(claims[0].mac, (Mac{2, 0, 0, 0, 0, 9}));
  EXPECT_EQ(claims[0].before, frames::kPeerMac);
  const auto moved = std::ranges::find_if(port_->frame_events(), [](const NamedCounter& event) {
    return std::string_view(event.name) == "arp_moved";
  });
  ASSERT_NE(moved, port_->frame_events().end());
  EXPECT_EQ(moved->counter->get(), 1U);
}

TEST_F(Ring, AnAdvertThatIsLongerThanAnyIsCountedAsSuch) {
  ASSERT_NO_FATAL_FAILURE(open(1));
  const std::vector<uint8_t> bytes(kAdvertMax + 1);
  Ipv4Header header;
  header.ttl = 255;
  header.protocol = kProtocolVrrp;
  header.source = frames::kPeer;
  header.destination = {224, 0, 0, 18};
  Frame frame(2'000);
  const size_t at =
      write_ethernet(frame, {0x01, 0x00, 0x5E, 0x00, 0x00, 0x12}, frames::kPeerMac, 0, kEtherTypeIpv4);
  frame.resize(at + write_ip_packet(MutBytes(frame).subspan(at), header, bytes));
  ASSERT_GT(frame.size(), bytes.size());
  deliver(frame);
  EXPECT_EQ(dropped("too_long"), 1U);
  EXPECT_EQ(dropped("control_full"), 0U);
}

TEST_F(Ring, BuffersThatDoNotComeHomeAreToldWhenTheDeviceGoes) {
  ASSERT_NO_FATAL_FAILURE(open(1));
  ASSERT_NE(rte_pktmbuf_alloc(device_->pool(0)), nullptr);
  port_->finish();
  port_.reset();
  control_.reset();
  device_.reset();
  EXPECT_EQ(told_lost_, 1U);
}

TEST_F(Ring, APeersClosedPortIsCountedAsOnOtherEngines) {
  ASSERT_NO_FATAL_FAILURE(open(1));
  deliver(frames::bytes(frames::kUnreachable));
  EXPECT_EQ(port_->take_unreachable(), 1U << kToPeer);
  EXPECT_EQ(port_->counters().peer_unreachable.get(), 1U);
}

TEST_F(Ring, ADriversWordForAChecksumThatDoesNotStandThereIsTaken) {
  ASSERT_NO_FATAL_FAILURE(open(1));
  Frame vote = frames::bytes(frames::kVote);
  vote[40] ^= 0xFFU;  // the UDP checksum
  deliver(vote);
  EXPECT_EQ(port_->counters().received_datagrams.get(), 0U);
  deliver(vote, RTE_MBUF_F_RX_L4_CKSUM_NONE);
  EXPECT_EQ(port_->counters().received_datagrams.get(), 1U);
  deliver(vote, RTE_MBUF_F_RX_L4_CKSUM_BAD);
  EXPECT_EQ(port_->counters().received_datagrams.get(), 1U);
}

TEST_F(Ring, TheDeviceSaysWhatIsLeftOfItsBuffers) {
  ASSERT_NO_FATAL_FAILURE(open(1));
  control_->count_device();
  const DeviceCounters& counters = control_->device();
  EXPECT_EQ(counters.queues, 1U);
  EXPECT_EQ(counters.link_up.get(), 1U);
  const uint64_t free = counters.buffers_free[0].get();
  EXPECT_GT(free, 0U);
  EXPECT_LT(free, counters.buffers.get());
  fill();
  control_->count_device();
  EXPECT_LE(counters.buffers_free[0].get(), free - kRing + 1) << "those that lie in the ring are in use";
}

}  // namespace
}  // namespace tercet::dataplane
