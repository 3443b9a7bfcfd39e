// Frames that a device hands over in several buffers: joined and served, or dropped under a name, and every
// buffer comes home. The device is two rings in memory (net_ring), so that the test makes the buffers itself.
// One process for each test, since EAL starts once.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <cstring>

#include "dataplane/port/dpdk/dpdk_port.h"
#include "dataplane/port/dpdk/eal.h"
#include "dataplane/port/dpdk/stack_rig.h"
#include "dataplane/port/socket.h"
#include "tests/allocations/allocations.h"
#include "tests/dpdk/vhost_pair.h"

namespace tercet::dataplane {
namespace {

using Frame = std::vector<uint8_t>;
using testing::ElementsAre;

constexpr size_t kRoom = 2048;  ///< of a buffer (dataplane/port/dpdk/limits.h)
constexpr uint64_t kSumsGood = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;

const std::string kVote = "vote of the second";

Frame vote(size_t padded_to = 0) {
  Frame bytes = frames::bytes(frames::kVote);
  bytes.resize(std::max(bytes.size(), padded_to));
  return bytes;
}

/// `frame` in buffers of `sizes`, the rest in one more; `at_end`: the first has no room behind its bytes.
rte_mbuf* chain_of(rte_mempool* pool, const Frame& frame, const std::vector<size_t>& sizes,
                   bool at_end = false) {
  rte_mbuf* head = nullptr;
  Bytes rest = frame;
  for (size_t i = 0; i <= sizes.size(); ++i) {
    const Bytes bytes = rest.first(i < sizes.size() ? sizes[i] : rest.size());
    rest = rest.subspan(bytes.size());
    rte_mbuf* made = rte_pktmbuf_alloc(pool);
    if (at_end && i == 0) {
      made->data_off = static_cast<uint16_t>(made->buf_len - bytes.size());
    }
    std::memcpy(rte_pktmbuf_append(made, static_cast<uint16_t>(bytes.size())), bytes.data(), bytes.size());
    if (head == nullptr) {
      head = made;
    } else {
      EXPECT_EQ(rte_pktmbuf_chain(head, made), 0);
    }
  }
  return head;
}

std::string drops_of(const Port& port) {
  std::string text;
  for (const NamedCounter& drop : port.drops()) {
    if (drop.counter->get() != 0) {
      text += std::string(drop.name) + "=" + std::to_string(drop.counter->get()) + " ";
    }
  }
  return text;
}

class Segments : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(start_eal({.arguments = "--no-huge -m 64 --no-pci --no-shconf"}));
    to_us_ = ring("to_us");
    from_us_ = ring("from_us");
    ASSERT_GE(rte_eth_from_rings("us", &to_us_, 1, &from_us_, 1, rte_socket_id()), 0);
    const auto device = Device::open({.name = "net_ring_us", .more_macs = {}});
    ASSERT_TRUE(device) << device.error();
    device_ = *device;
    pool_ = device_->pool(0);
    // The device has no hardware address: the stack's is that of frames_rig.h.
    port_ = make_dpdk_port({.device = device_,
                            .control = std::make_shared<ControlPath>(1, DeviceLook{}),
                            .tap = {},
                            .stack = stack_options()});
  }
  void TearDown() override {
    sent();
    port_->finish();
    port_.reset();
    EXPECT_EQ(device_->close(), 0U) << "buffers are lost";
  }
  static rte_ring* ring(const char* name) {
    return rte_ring_create(name, 256, static_cast<int>(rte_socket_id()), RING_F_SP_ENQ | RING_F_SC_DEQ);
  }

  rte_mbuf* chain(const Frame& frame, const std::vector<size_t>& sizes, bool at_end = false) {
    return chain_of(pool_, frame, sizes, at_end);
  }
  std::vector<std::string> receive(rte_mbuf* frame) {
    EXPECT_EQ(rte_ring_sp_enqueue(to_us_, frame), 0);
    std::vector<std::string> payloads;
    port_->receive(burst_);
    for (const RxDatagram& d : burst_.datagrams) {
      payloads.emplace_back(d.bytes.begin(), d.bytes.end());
    }
    return payloads;
  }
  /// What left, but for questions of ARP.
  std::vector<Frame> sent() {
    std::vector<Frame> frames;
    void* object = nullptr;
    while (rte_ring_sc_dequeue(from_us_, &object) == 0) {
      auto* left = static_cast<rte_mbuf*>(object);
      EXPECT_EQ(left->nb_segs, 1) << "the device need not gather";
      const auto* data = rte_pktmbuf_mtod(left, const uint8_t*);
      if (data[13] != 0x06) {
        frames.emplace_back(data, data + left->data_len);
      }
      rte_pktmbuf_free(left);
    }
    return frames;
  }
  [[nodiscard]] std::string drops() const { return drops_of(*port_); }
  [[nodiscard]] uint64_t joined() const { return port_->counters().frames_joined.get(); }

  rte_ring* to_us_ = nullptr;
  rte_ring* from_us_ = nullptr;
  std::shared_ptr<Device> device_;
  rte_mempool* pool_ = nullptr;
  std::unique_ptr<Port> port_;
  RxBurst burst_;
};

TEST_F(Segments, ADatagramIsServedWhereverItIsCut) {
  const size_t size = vote().size();
  for (size_t cut = 1; cut < size; ++cut) {
    EXPECT_THAT(receive(chain(vote(), {cut})), ElementsAre(kVote)) << cut;
  }
  EXPECT_EQ(joined(), size - 1);
  EXPECT_THAT(receive(chain(vote(), {14, 20, 8, 2})), ElementsAre(kVote)) << "a header in each";
  EXPECT_THAT(receive(chain(vote(), {size})), ElementsAre(kVote)) << "the last one is empty";
  EXPECT_EQ(drops(), "");
}

TEST_F(Segments, ItIsCopiedWhereItsFirstBufferHasNoRoom) {
  const size_t size = vote().size();
  for (size_t cut = 1; cut < size; ++cut) {
    EXPECT_THAT(receive(chain(vote(), {cut}, true)), ElementsAre(kVote)) << cut;
  }
  EXPECT_EQ(joined(), size - 1);
  EXPECT_EQ(drops(), "");
}

TEST_F(Segments, WhatTheDeviceSaidOfTheChecksumsStaysTrue) {
  Frame wrong = vote();
  wrong[40] ^= 1U;
  for (const bool copied : {false, true}) {
    EXPECT_THAT(receive(chain(wrong, {34}, copied)), ElementsAre());
    rte_mbuf* said_good = chain(wrong, {34}, copied);
    said_good->ol_flags |= kSumsGood;
    EXPECT_THAT(receive(said_good), ElementsAre(kVote));
  }
  EXPECT_EQ(drops(), "udp_checksum=2 ");
}

TEST_F(Segments, AnEchoLeavesInOnePiece) {
  for (const bool copied : {false, true}) {
    receive(chain(frames::bytes(frames::kPing), {20, 24}, copied));
    EXPECT_THAT(sent(), ElementsAre(frames::bytes(frames::kPong)));
  }
  EXPECT_EQ(drops(), "");
}

TEST_F(Segments, WhatFitsNoBufferIsDroppedUnderItsName) {
  EXPECT_THAT(receive(chain(vote(kRoom), {1'000})), ElementsAre(kVote));
  EXPECT_THAT(receive(chain(vote(kRoom + 1), {1'000})), ElementsAre());
  EXPECT_THAT(receive(chain(vote(9'018), {kRoom, kRoom, kRoom, kRoom})), ElementsAre());
  EXPECT_EQ(drops(), "too_long=2 ");
  EXPECT_EQ(joined(), 1U);
  EXPECT_THAT(receive(chain(vote(), {20})), ElementsAre(kVote));
}

TEST_F(Segments, WithoutABufferToCopyIntoItIsDroppedUnderItsName) {
  port_->receive(burst_);  // asks for its neighbours, in buffers of their own
  sent();
  rte_mbuf* in_place = chain(vote(), {20});
  rte_mbuf* to_be_copied = chain(vote(), {20}, true);
  std::vector<rte_mbuf*> taken;
  while (rte_mbuf* each = rte_pktmbuf_alloc(pool_)) {
    taken.push_back(each);
  }
  EXPECT_THAT(receive(to_be_copied), ElementsAre());
  EXPECT_EQ(drops(), "no_buffer=1 ");
  EXPECT_THAT(receive(in_place), ElementsAre(kVote)) << "which needs none";
  rte_pktmbuf_free_bulk(taken.data(), static_cast<unsigned>(taken.size()));
}

TEST_F(Segments, JoiningAllocatesNothing) {
  receive(chain(vote(), {20}));
  const Frame bytes = vote();
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(rte_ring_sp_enqueue(to_us_, chain(bytes, {20, 20}, i % 2 == 0)), 0);
    const uint64_t before = allocations_so_far();
    const size_t got = port_->receive(burst_);
    ASSERT_EQ(allocations_so_far(), before);
    ASSERT_EQ(got, 1U);
  }
}

/// A device of a host that gives its guest frames as long as the guest's MTU.
TEST(LargeMtu, IsKeptWhereTheDeviceCanUseSeveralBuffersForAFrame) {
  const VhostPair pair;
  ASSERT_TRUE(start_eal({.arguments = pair.eal()}));
  const auto host = Device::open({.name = VhostPair::kHost, .more_macs = {}});
  ASSERT_TRUE(host) << host.error();
  EXPECT_EQ((*host)->buffers_a_frame(), 1U);
  pair.plug_in();
  uint16_t id = 0;
  ASSERT_EQ(rte_eth_dev_get_port_by_name(VhostPair::kGuest, &id), 0);
  const rte_eth_conf any{};
  ASSERT_EQ(rte_eth_dev_configure(id, 1, 1, &any), 0);  // before which no MTU can be set
  ASSERT_EQ(rte_eth_dev_set_mtu(id, 4'000), 0);
  const auto guest = Device::open({.name = VhostPair::kGuest, .more_macs = {}});
  ASSERT_TRUE(guest) << guest.error();
  EXPECT_EQ((*guest)->buffers_a_frame(), 2U) << (*guest)->describe();
  StackOptions options = stack_options();
  options.mac = (*guest)->mac();
  auto port = make_dpdk_port({.device = *guest,
                              .control = std::make_shared<ControlPath>(1, DeviceLook{}),
                              .tap = {},
                              .stack = options});
  RxBurst burst;
  size_t datagrams = 0;
  for (const size_t size : {60, 2'048, 2'049, 4'000, 60}) {
    Frame bytes = vote(size);
    std::ranges::copy(options.mac, bytes.begin());
    rte_mbuf* frame = chain_of((*host)->pool(0), bytes, std::vector<size_t>(size > kRoom ? 1 : 0, kRoom));
    const MonoTime give_up = raw_now() + seconds(2);
    while (rte_eth_tx_burst((*host)->id(), 0, &frame, 1) == 0 && raw_now() < give_up) {
    }
    datagrams += port->receive(burst);
  }
  EXPECT_EQ(datagrams, 3U);
  EXPECT_EQ(drops_of(*port), "too_long=2 ");
  port->finish();
  port.reset();
  EXPECT_EQ((*guest)->close(), 0U) << "buffers are lost";
  EXPECT_EQ((*host)->close(), 0U) << "buffers are lost";
}

}  // namespace
}  // namespace tercet::dataplane
