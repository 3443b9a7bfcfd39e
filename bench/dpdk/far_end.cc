#include "bench/dpdk/far_end.h"

#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <array>
#include <cstring>

#include "base/check.h"
#include "dataplane/port/dpdk/eal.h"

namespace tercet::bench {
namespace {

constexpr unsigned kRing = 1024;  // what net_ring0 of any DPDK program has

rte_ring* make_ring(const char* name) {
  return rte_ring_create(name, kRing, static_cast<int>(rte_socket_id()), RING_F_SP_ENQ | RING_F_SC_DEQ);
}

}  // namespace

tl::expected<std::unique_ptr<FarEnd>, std::string> FarEnd::open(const std::string& eal_arguments) {
  if (auto started = dataplane::start_eal({.arguments = eal_arguments, .prefix = "tercet-bench"}); !started) {
    return tl::unexpected(started.error());
  }
  std::unique_ptr<FarEnd> self(new FarEnd);
  self->to_lb_ = make_ring("to_lb");
  self->from_lb_ = make_ring("from_lb");
  if (self->to_lb_ == nullptr || self->from_lb_ == nullptr) {
    return tl::unexpected(std::string("no memory for rings (") + rte_strerror(rte_errno) + ")");
  }
  if (rte_eth_from_rings("lb", &self->to_lb_, 1, &self->from_lb_, 1, rte_socket_id()) < 0) {
    return tl::unexpected(std::string("net_ring makes no device (") + rte_strerror(rte_errno) + ")");
  }
  auto device = dataplane::Device::open({.name = "net_ring_lb", .more_macs = {}});
  if (!device) {
    return tl::unexpected(device.error());
  }
  self->device_ = *device;
  return self;
}

FarEnd::~FarEnd() {
  take([](MutBytes) {});
  if (device_) {
    const size_t lost = device_->close();
    TERCET_CHECK(lost == 0, "every buffer came home");
  }
  rte_ring_free(to_lb_);
  rte_ring_free(from_lb_);
}

void FarEnd::deliver(Bytes frame, bool summed) {
  rte_mbuf* buffer = rte_pktmbuf_alloc(device_->pool(0));
  TERCET_CHECK(buffer != nullptr, "the pool is larger than what is under way");
  std::memcpy(rte_pktmbuf_mtod(buffer, uint8_t*), frame.data(), frame.size());
  buffer->data_len = static_cast<uint16_t>(frame.size());
  buffer->pkt_len = static_cast<uint32_t>(frame.size());
  if (summed) {
    buffer->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
  }
  TERCET_CHECK(rte_ring_sp_enqueue(to_lb_, buffer) == 0, "the ring is larger than a round");
}

size_t FarEnd::take(const std::function<void(MutBytes frame)>& frame) {
  size_t taken = 0;
  std::array<void*, 64> buffers;
  for (unsigned got = 1; got != 0;) {
    got = rte_ring_sc_dequeue_burst(from_lb_, buffers.data(), buffers.size(), nullptr);
    for (unsigned i = 0; i < got; ++i) {
      auto* buffer = static_cast<rte_mbuf*>(buffers[i]);
      frame({rte_pktmbuf_mtod(buffer, uint8_t*), buffer->data_len});
      rte_pktmbuf_free(buffer);
    }
    taken += got;
  }
  return taken;
}

}  // namespace tercet::bench
