#include "dataplane/port/dpdk/device.h"

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "base/check.h"
#include "dataplane/port/burst.h"
#include "dataplane/port/dpdk/eal_arguments.h"
#include "dataplane/port/dpdk/eal_log.h"
#include "dataplane/port/dpdk/kernel_interface.h"
#include "dataplane/port/dpdk/limits.h"
#include "dataplane/port/dpdk/membership.h"

namespace tercet::dataplane {
namespace {

/// Ethernet's header, a VLAN tag and the checksum behind the frame.
constexpr size_t kAroundMtu = RTE_ETHER_HDR_LEN + RTE_VLAN_HLEN + RTE_ETHER_CRC_LEN;

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : ", ") + name;
  }
  return text;
}

/// The sockets of this process that are of `domain`, in the order in which they were opened. A driver opens
/// its own, one a queue, and hands them to nobody; polling one with poll(2) takes nothing from it.
std::vector<int> sockets_of(int domain) {
  std::vector<int> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    const int fd = std::atoi(entry.path().filename().c_str());
    int its_domain = 0;
    socklen_t size = sizeof its_domain;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &its_domain, &size) == 0 && its_domain == domain) {
      found.push_back(fd);
    }
  }
  std::ranges::sort(found);
  return found;
}

std::string error_text(int error) { return rte_strerror(error < 0 ? -error : error); }

std::string none_found(const std::string& arguments) {
  if (!names_a_device(arguments)) {
    return "DPDK found no device: give one in port.eal (--vdev=… or -a PCI-ADDRESS); a NIC must be bound to "
           "vfio-pci (dpdk-devbind.py) unless its driver is mlx";
  }
  if (const std::string why = eal_failure_since(0); !why.empty()) {
    return "DPDK could not make the device that port.eal names (" + why + "): correct its --vdev or -a";
  }
  return "DPDK found no device where port.eal says that one is: see whether it is there and bound to "
         "vfio-pci "
         "(dpdk-devbind.py -s), unless its driver is mlx";
}

tl::expected<uint16_t, std::string> find(const std::string& wanted, const std::string& arguments) {
  const std::vector<std::string> names = Device::names();
  if (names.empty()) {
    return tl::unexpected(none_found(arguments));
  }
  if (wanted.empty() && names.size() > 1) {
    return tl::unexpected("DPDK found several devices (" + joined(names) + "): name one in port.device");
  }
  uint16_t id = 0;
  const std::string& name = wanted.empty() ? names[0] : wanted;
  if (rte_eth_dev_get_port_by_name(name.c_str(), &id) != 0) {
    return tl::unexpected("DPDK knows no device " + name + ": port.device must be one of " + joined(names));
  }
  return id;
}

}  // namespace

std::vector<std::string> Device::names() {
  std::vector<std::string> names;
  for (uint64_t id = rte_eth_find_next(0); id < RTE_MAX_ETHPORTS;
       id = rte_eth_find_next(static_cast<uint16_t>(id + 1))) {
    char name[RTE_ETH_NAME_MAX_LEN] = {};
    if (rte_eth_dev_get_name_by_port(static_cast<uint16_t>(id), name) == 0) {
      names.emplace_back(name);
    }
  }
  return names;
}

tl::expected<std::shared_ptr<Device>, std::string> Device::open(const DeviceOptions& options) {
  const size_t mark = eal_log_mark();
  const auto id = find(options.name, options.arguments);
  if (!id) {
    return tl::unexpected(id.error());
  }
  std::shared_ptr<Device> self(new Device);
  self->id_ = *id;
  char name[RTE_ETH_NAME_MAX_LEN] = {};
  rte_eth_dev_get_name_by_port(*id, name);
  self->name_ = name;
  self->log_mark_ = mark;
  for (const KernelDevice& device : kernel_devices(options.arguments)) {
    if (device.name == self->name_) {
      self->interface_ = device.interface;
    }
  }
  self->queues_ = options.queues;
  if (auto done = self->configure(options); !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = self->make_pools(); !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = self->set_up_queues(); !done) {
    return tl::unexpected(done.error());
  }
  self->accept_addresses(options);
  self->lost_ = options.lost;
  return self;
}

tl::expected<void, std::string> Device::configure(const DeviceOptions& options) {
  rte_eth_dev_info info{};
  if (const int error = rte_eth_dev_info_get(id_, &info); error != 0) {
    return tl::unexpected(name_ + " says nothing about itself (" + error_text(error) +
                          "): use another device");
  }
  driver_ = info.driver_name;
  index_ = info.if_index;
  numa_node_ = rte_eth_dev_socket_id(id_);
  if (queues_ > info.max_rx_queues || queues_ > info.max_tx_queues) {
    return tl::unexpected(name_ + " has " + std::to_string(std::min(info.max_rx_queues, info.max_tx_queues)) +
                          " queue(s) and port.steering_threads asks for " + std::to_string(queues_) +
                          ": lower that, or give the device more (af_packet: qpairs=N in its --vdev)");
  }
  // The kernel deals out what comes to all queues that the driver made (PACKET_FANOUT), read or not.
  if (driver_ == "net_af_packet" && info.max_rx_queues > queues_) {
    return tl::unexpected(
        name_ + " fills " + std::to_string(info.max_rx_queues) + " queues, of which " +
        std::to_string(queues_) + (queues_ == 1 ? " is" : " are") +
        " read: what comes to the others would be lost: write qpairs=" + std::to_string(queues_) +
        " in port.eal, or port.steering_threads = " + std::to_string(info.max_rx_queues));
  }
  // memif agrees with its peer on the number of queues in each direction, tap has as many of both: one more
  // would be refused.
  const bool spare = info.max_tx_queues > queues_ && driver_ != "net_memif" && driver_ != "net_tap";
  control_queue_ = spare ? queues_ : uint16_t{0};
  receive_ring_ = options.receive_ring;
  send_ring_ = options.send_ring;

  rte_eth_conf conf{};
  if (options.offload) {
    constexpr uint64_t kSumsIn = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
    sums_in_ = (info.rx_offload_capa & kSumsIn) == kSumsIn;
    ip_sum_out_ = (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM) != 0;
    udp_sum_out_ = (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_UDP_CKSUM) != 0;
    conf.rxmode.offloads |= sums_in_ ? kSumsIn : 0;
    conf.txmode.offloads |= ip_sum_out_ ? RTE_ETH_TX_OFFLOAD_IPV4_CKSUM : 0;
    conf.txmode.offloads |= udp_sum_out_ ? RTE_ETH_TX_OFFLOAD_UDP_CKSUM : 0;
  }
  // Every buffer of a queue is of that queue's pool and has one owner: the driver may give them back in bulk.
  conf.txmode.offloads |= info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
  // Not told an MTU, DPDK sets the device to 1,500. One that has a larger one (virtio: its host's) keeps that
  // if it can use several buffers for one frame: what is too long for us is then dropped by us, under a name.
  // Not asked for otherwise: some drivers receive slower with it.
  uint16_t mtu = 0;
  if (rte_eth_dev_get_mtu(id_, &mtu) == 0 && mtu + kAroundMtu > kFrameRoom &&
      (info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) != 0) {
    conf.rxmode.mtu = mtu;
    conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
    buffers_a_frame_ = (mtu + kAroundMtu + kFrameRoom - 1) / kFrameRoom;
  }
  constexpr uint64_t kSpread = RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_IPV4;
  if (queues_ > 1 && (info.flow_type_rss_offloads & RTE_ETH_RSS_NONFRAG_IPV4_UDP) != 0) {
    spreads_ = true;
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_hf = kSpread & info.flow_type_rss_offloads;
  }
  const auto senders = static_cast<uint16_t>(queues_ + (spare ? 1 : 0));
  conf.intr_conf.rxq = options.interrupts ? 1 : 0;
  interrupts_wanted_ = options.interrupts;
  int refused = rte_eth_dev_configure(id_, queues_, senders, &conf);
  if (refused != 0 && interrupts_wanted_) {  // some drivers do where the machine has no vectors for them
    interrupts_wanted_ = false;
    conf.intr_conf.rxq = 0;
    refused = rte_eth_dev_configure(id_, queues_, senders, &conf);
  }
  if (refused != 0) {
    return refuses("refuses its configuration", refused);
  }
  if (const int error = rte_eth_dev_adjust_nb_rx_tx_desc(id_, &receive_ring_, &send_ring_); error != 0) {
    return refuses("refuses its ring sizes", error);
  }
  rte_ether_addr mac{};
  if (const int error = rte_eth_macaddr_get(id_, &mac); error != 0) {
    return refuses("has no hardware address", error);
  }
  std::copy(std::begin(mac.addr_bytes), std::end(mac.addr_bytes), mac_.begin());
  return {};
}

tl::expected<void, std::string> Device::make_pools() {
  const size_t wanted = size_t{receive_ring_} + 2 * size_t{send_ring_} + 2 * kBurstMax + kParkedMax +
                        kReceiveAtOnce * buffers_a_frame_ + kOrdersAtOnce + 3 * kBufferCache;
  const auto count = static_cast<unsigned>(wanted);
  for (uint16_t queue = 0; queue < queues_; ++queue) {
    const std::string name = "tercet_" + std::to_string(id_) + "_" + std::to_string(queue);
    rte_mempool* pool = rte_pktmbuf_pool_create(name.c_str(), count, kBufferCache, 0,
                                                RTE_PKTMBUF_HEADROOM + kFrameRoom, numa_node_);
    if (pool == nullptr) {
      return tl::unexpected("no memory for " + std::to_string(count) + " packet buffers (" +
                            error_text(rte_errno) +
                            "): give DPDK more (-m MEGABYTES in port.eal, or more huge pages: "
                            "sysctl vm.nr_hugepages)");
    }
    pools_.push_back(pool);
  }
  return {};
}

tl::expected<void, std::string> Device::set_up_queues() {
  const auto node = static_cast<unsigned>(numa_node_);
  for (uint16_t queue = 0; queue < queues_; ++queue) {
    if (const int error = rte_eth_rx_queue_setup(id_, queue, receive_ring_, node, nullptr, pools_[queue]);
        error != 0) {
      return refuses("cannot receive", error);
    }
  }
  const unsigned senders = unsigned{queues_} + (has_control_queue() ? 1U : 0U);
  for (uint16_t queue = 0; queue < senders; ++queue) {
    if (const int error = rte_eth_tx_queue_setup(id_, queue, send_ring_, node, nullptr); error != 0) {
      return refuses("cannot send", error);
    }
  }
  if (const int error = rte_eth_dev_start(id_); error != 0) {
    return refuses("does not start", error);
  }
  started_ = true;
  find_descriptors();
  if (interrupts_wanted_ && descriptors_.empty()) {
    open_interrupts();
  }
  return {};
}

tl::unexpected<std::string> Device::refuses(const std::string& what, int error) const {
  const std::string why = eal_failure_since(log_mark_);
  return tl::unexpected(name_ + " " + what + " (" + (why.empty() ? error_text(error) : why) +
                        "): correct what port.eal says of it, or use another device");
}

void Device::find_descriptors() {
  if (driver_ == "net_af_packet" || driver_ == "net_af_xdp") {
    descriptors_ = sockets_of(driver_ == "net_af_packet" ? AF_PACKET : AF_XDP);
    if (descriptors_.size() != queues_) {
      descriptors_.clear();  // more than one such device in this process: whose is whose is not known
    }
  } else if (driver_ == "net_tap" && interrupts_wanted_) {
    // What it calls an interrupt is the queue itself, which cannot be switched off.
    for (uint16_t queue = 0; queue < queues_; ++queue) {
      descriptors_.push_back(rte_eth_dev_rx_intr_ctl_q_get_fd(id_, queue));
    }
  }
}

void Device::open_interrupts() {
  for (uint16_t queue = 0; queue < queues_; ++queue) {
    interrupts_.push_back(RxInterrupt::open(id_, queue));
    if (interrupts_.back() == nullptr) {
      interrupts_.clear();
      return;
    }
  }
}

/// Devices that filter by address are told of VRRP's group and of virtual addresses; one that cannot be told
/// hears everything, and what is not for us is dropped (and counted) in software.
void Device::accept_addresses(const DeviceOptions& options) {
  constexpr Mac kVrrpGroup{0x01, 0x00, 0x5E, 0x00, 0x00, 0x12};  // 224.0.0.18 (RFC 9568 §7.3, RFC 1112 §6.4)
  if (driver_ == "net_af_packet" || driver_ == "net_af_xdp") {
    std::vector<Mac> all = options.more_macs;
    if (options.vrrp) {
      all.push_back(kVrrpGroup);
    }
    memberships_ = let_through(index_, all);
    if (memberships_) {
      return;
    }
  }
  rte_ether_addr group{};
  std::copy(kVrrpGroup.begin(), kVrrpGroup.end(), std::begin(group.addr_bytes));
  if (options.vrrp && rte_eth_dev_set_mc_addr_list(id_, &group, 1) != 0 &&
      rte_eth_allmulticast_enable(id_) != 0) {
    rte_eth_promiscuous_enable(id_);
  }
  for (const Mac& mac : options.more_macs) {
    rte_ether_addr address{};
    std::copy(mac.begin(), mac.end(), std::begin(address.addr_bytes));
    if (rte_eth_dev_mac_addr_add(id_, &address, 0) != 0) {
      rte_eth_promiscuous_enable(id_);
    }
  }
}

Device::~Device() {
  if (const size_t lost = close(); lost != 0 && lost_) {
    lost_(lost);
  }
}

size_t Device::close() {
  if (std::exchange(closed_, true)) {
    return 0;
  }
  interrupts_.clear();
  if (started_) {
    rte_eth_dev_stop(id_);
  }
  rte_eth_dev_close(id_);
  size_t out = 0;
  for (rte_mempool* pool : pools_) {
    out += rte_mempool_in_use_count(pool);
    rte_mempool_free(pool);
  }
  pools_.clear();
  return out;
}

void Device::take_error(uint16_t queue) const {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(descriptor(queue), SOL_SOCKET, SO_ERROR, &error, &size);
}

bool Device::link_up() const {
  if (!interface_.empty()) {
    return kernel_link_up(interface_);  // the driver says that it always is
  }
  rte_eth_link link{};
  return rte_eth_link_get_nowait(id_, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

void Device::count(DeviceCounters& counters) const {
  counters.link_up.set(link_up() ? 1 : 0);
  rte_eth_stats stats{};
  if (rte_eth_stats_get(id_, &stats) == 0) {
    counters.missed.set(stats.imissed);
    counters.no_buffer.set(stats.rx_nombuf);
    counters.receive_errors.set(stats.ierrors);
    counters.send_errors.set(stats.oerrors);
  }
  for (size_t queue = 0; queue < pools_.size() && queue < counters.buffers_free.size(); ++queue) {
    counters.buffers.set(pools_[queue]->size);
    counters.buffers_free[queue].set(rte_mempool_avail_count(pools_[queue]));
  }
}

std::string Device::describe() const {
  const bool hardware = sums_in_ || ip_sum_out_ || udp_sum_out_;
  return name_ + " (" + driver_ + "), " + std::to_string(queues_) + (queues_ == 1 ? " queue" : " queues") +
         ", checksums in " + (hardware ? "hardware where it can" : "software") +
         (buffers_a_frame_ > 1 ? ", a frame in up to " + std::to_string(buffers_a_frame_) + " buffers" : "") +
         (!interrupts_.empty() ? ", interrupts" : "") +
         (has_control_queue() ? ", announcements by a queue of their own" : "");
}

}  // namespace tercet::dataplane
