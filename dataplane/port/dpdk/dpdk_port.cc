#include "dataplane/port/dpdk/dpdk_port.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "dataplane/port/dpdk/eal.h"
#include "dataplane/port/dpdk/join.h"
#include "dataplane/port/dpdk/limits.h"
#include "dataplane/port/dpdk/sleeper.h"

namespace tercet::dataplane {
namespace {

constexpr size_t kIpAndUdp = sizeof(Ipv4Header) + sizeof(UdpHeader);
constexpr int kSendTries = 8;

Sum sum_of(uint64_t flags, uint64_t mask, uint64_t good, uint64_t bad) {
  const uint64_t said = flags & mask;
  // Both bits: it does not stand in the frame, which is whole all the same (a virtual machine's neighbour
  // leaves it to a device that the frame never meets).
  return said == good || said == mask ? Sum::good : said == bad ? Sum::bad : Sum::unknown;
}

RxSums sums_of(const rte_mbuf& frame) {
  return {sum_of(frame.ol_flags, RTE_MBUF_F_RX_IP_CKSUM_MASK, RTE_MBUF_F_RX_IP_CKSUM_GOOD,
                 RTE_MBUF_F_RX_IP_CKSUM_BAD),
          sum_of(frame.ol_flags, RTE_MBUF_F_RX_L4_CKSUM_MASK, RTE_MBUF_F_RX_L4_CKSUM_GOOD,
                 RTE_MBUF_F_RX_L4_CKSUM_BAD)};
}

uint8_t* data_of(rte_mbuf* frame) { return rte_pktmbuf_mtod(frame, uint8_t*); }
void set_size(rte_mbuf* frame, size_t size) {
  frame->data_len = static_cast<uint16_t>(size);
  frame->pkt_len = static_cast<uint32_t>(size);
}

/// A datagram that waits for its next hop's hardware address: headers are written when it is known.
struct Parked {
  rte_mbuf* frame = nullptr;  ///< the payload alone
  Lane lane = 0;
  Endpoint to;
  MonoTime until;
};

class DpdkPort final : public Port {
 public:
  explicit DpdkPort(DpdkPortOptions options);
  ~DpdkPort() override { give_back(); }

  size_t receive(RxBurst& burst, MonoTime now) override;
  TxBurst& transmit() override;
  void send(TxBurst& burst) override;
  void wait(MonoTime until) override;
  void watch(int fd) override { sleeper_.watch(fd); }
  uint32_t take_unreachable() override;
  void finish() override;
  [[nodiscard]] Endpoint local(Lane lane) const override { return lanes_[lane].local; }
  [[nodiscard]] const PortCounters& counters() const override { return counters_; }
  [[nodiscard]] const char* engine() const override { return "dpdk"; }
  [[nodiscard]] std::span<const NamedCounter> drops() const override { return named_; }
  [[nodiscard]] std::span<const NamedCounter> frame_events() const override { return frame_events_; }

 private:
  void take(rte_mbuf* frame, MonoTime now, RxBurst& burst);
  bool join_counted(rte_mbuf*& frame);
  void take_vrrp(const Taken& taken, const uint8_t* packet);
  void tell_conflict(MonoTime now);
  void tell(const AddressClaim& claim, MonoTime now);
  void take_questions(RxBurst& burst);
  void answer(const TxDatagram& datagram);
  void share_arp(Bytes frame);
  void hear_arp(MonoTime now);
  void obey(MonoTime now);
  void announce(const ControlOrder& order, MonoTime now);
  void ask(MonoTime now);
  void take_from_tap();
  void unpark(MonoTime now);
  /// Writes the headers in front of the payload and puts the frame in line.
  void address(rte_mbuf* frame, Lane lane, const Endpoint& to, const Mac& hop);
  void put(rte_mbuf* frame) {
    line_[lined_++] = frame;
    if (lined_ == line_.size()) {
      flush();
    }
  }
  void flush() { lined_ -= transmit_all(queue_, {line_.data(), lined_}); }
  size_t transmit_all(uint16_t queue, std::span<rte_mbuf*> frames);
  void refill();
  void give_back();
  [[nodiscard]] rte_mbuf* fresh() { return rte_pktmbuf_alloc(pool_); }

  std::shared_ptr<Device> device_;
  std::shared_ptr<ControlPath> control_;
  std::shared_ptr<Tap> tap_;
  uint16_t id_;
  uint16_t queue_;
  rte_mempool* pool_;
  Stack stack_;
  std::vector<LaneOptions> lanes_;
  bool busy_;
  Sleeper sleeper_;
  bool adopted_ = false;

  FixedVector<rte_mbuf*, kBurstMax> lent_;        ///< of the last receive()'s burst
  LocalDatagram question_;                        ///< the same
  std::array<rte_mbuf*, kBurstMax> tx_frames_{};  ///< behind tx_'s buffers
  TxBurst tx_;
  size_t tx_used_ = kBurstMax;                 ///< so many of tx_frames_ are gone and want successors
  std::array<uint8_t, kDatagramMax> spare_{};  ///< written into where there is no buffer, and never sent
  std::array<rte_mbuf*, kBurstMax> line_{};    ///< addressed frames, to be sent next
  size_t lined_ = 0;
  FixedVector<Parked, kParkedMax> parked_;
  uint64_t resolutions_ = 0;  ///< when they were last tried

  MonoTime turn_;  ///< when it began: the time of all that is done in it but sleeping

  PortCounters counters_;
  AddressClaim told_claim_;  ///< to the control thread
  MonoTime tell_claim_again_;
  Counter drop_no_buffer_;
  Counter drop_too_long_;
  Counter drop_control_full_;
  Counter none_;
  std::vector<NamedCounter> named_;
  std::vector<NamedCounter> frame_events_;
};

DpdkPort::DpdkPort(DpdkPortOptions options)
    : device_(std::move(options.device)),
      control_(std::move(options.control)),
      tap_(std::move(options.tap)),
      id_(device_->id()),
      queue_(options.queue),
      pool_(device_->pool(options.queue)),
      stack_(options.stack),
      lanes_(options.stack.lanes),
      busy_(options.poll == PollMode::busy),
      sleeper_(device_, options.queue, options.spin) {
  if (tap_ != nullptr) {
    named_.push_back({"tap_full", &tap_->drop_full(queue_)});
    // Every thread's list has the same names; these two are one thread's, counted with the first.
    named_.push_back({"tap_refused", queue_ == 0 ? &tap_->drop_refused() : &none_});
    named_.push_back({"tap_back_full", queue_ == 0 ? &tap_->drop_back() : &none_});
  }
  named_.insert(named_.end(), {{"no_buffer", &drop_no_buffer_},
                               {"too_long", &drop_too_long_},
                               {"control_full", &drop_control_full_}});
  for (size_t i = 1; i < kNetDrops; ++i) {
    named_.push_back({name_of(static_cast<NetDrop>(i)), &stack_.counters().drops[i]});
  }
  const StackCounters& stack = stack_.counters();
  frame_events_ = {{"arp_asked", &stack.arp_asked},           {"arp_answered", &stack.arp_answered},
                   {"arp_learned", &stack.arp_learned},       {"arp_moved", &stack.arp_moved},
                   {"arp_unanswered", &stack.arp_unanswered}, {"arp_refused", &stack.arp_refused},
                   {"ping_answered", &stack.pings_answered}};
  refill();
}

// ---- receive

size_t DpdkPort::receive(RxBurst& burst, MonoTime now) {
  if (!adopted_) {
    adopted_ = true;
    TERCET_CHECK(adopt_polling_thread(queue_), "DPDK has room for our polling threads (checked at start)");
  }
  rte_pktmbuf_free_bulk(lent_.data(), static_cast<unsigned>(lent_.size()));
  lent_.clear();
  burst.datagrams.clear();
  turn_ = now;
  obey(now);
  hear_arp(now);
  std::array<rte_mbuf*, kReceiveAtOnce> frames;
  size_t got = kReceiveAtOnce;
  // Bounded by frames, not datagrams: a flood of what is not for us must not keep the thread here.
  for (size_t room = kBurstMax; got == kReceiveAtOnce && room != 0; room -= kReceiveAtOnce) {
    got = rte_eth_rx_burst(id_, queue_, frames.data(), kReceiveAtOnce);
    counters_.receive_calls.add();
    if (got != 0) {
      sleeper_.came();
    }
    for (size_t i = 0; i < got; ++i) {
      rte_prefetch0(data_of(frames[i]));
    }
    for (size_t i = 0; i < got; ++i) {
      take(frames[i], now, burst);
    }
  }
  if (const auto move = stack_.take_move()) {
    tell({.address = move->address, .mac = move->now, .before = move->was}, now);
  }
  take_questions(burst);
  // They stand in the order of their deadlines.
  if (!parked_.empty() && (stack_.resolutions() != resolutions_ || now >= parked_[0].until)) {
    unpark(now);
  }
  if (tap_ != nullptr && queue_ == 0 && tap_->has()) {
    take_from_tap();
  }
  if (stack_.due() <= now) {
    ask(now);
  }
  if (lined_ != 0) {
    flush();
  }
  if (!burst.datagrams.empty()) {
    sleeper_.traffic(now);
    counters_.received_datagrams.add(burst.datagrams.size());
  }
  return burst.datagrams.size();
}

void DpdkPort::take(rte_mbuf* frame, MonoTime now, RxBurst& burst) {
  if (frame->nb_segs != 1 && !join_counted(frame)) {
    return;
  }
  uint8_t* data = data_of(frame);
  const MutBytes bytes(data, frame->data_len);
  if (control_->threads() > 1) {
    share_arp(bytes);
  }
  const RxSums sums = sums_of(*frame);
  // Nearly all of them; a Taken of each would be written and read back.
  if (const auto [headers, lane] = stack_.plain(bytes, sums); headers != nullptr) {
    const auto& [ip, udp] = *headers;
    RxDatagram& datagram = burst.datagrams.add();
    datagram.bytes = {data + stack_.headers(), udp.length - sizeof udp};
    datagram.lane = lane;
    put_endpoint(datagram.from, ip.source, udp.source_port);
    lent_.push_back(frame);
    return;
  }
  const Taken taken = stack_.take(bytes, sums, now);
  if (taken.tap && tap_ != nullptr && !tap_->give(queue_, bytes)) {
    drop_too_long_.add();
  }
  switch (taken.kind) {
    case Taken::Kind::datagram:
      burst.datagrams.push_back({bytes.subspan(taken.offset, taken.size), taken.lane, taken.from});
      lent_.push_back(frame);
      return;
    case Taken::Kind::reply:
      rte_pktmbuf_adj(frame, taken.offset);
      set_size(frame, taken.size);
      put(frame);
      return;
    case Taken::Kind::vrrp:
      take_vrrp(taken, data + taken.offset);
      break;
    case Taken::Kind::exception:
      if (tap_ == nullptr) {
        stack_.count(taken.drop);
      }
      break;
    case Taken::Kind::dropped:
      if (taken.drop == NetDrop::arp_conflict) {
        tell_conflict(now);
      }
      break;
    case Taken::Kind::consumed:
      break;
  }
  rte_pktmbuf_free(frame);
}

void DpdkPort::tell_conflict(MonoTime now) {
  AddressClaim claim;
  claim.address = ipv4_of(static_cast<uint32_t>(stack_.counters().conflict_address.get()));
  const uint64_t mac = stack_.counters().conflict_mac.get();
  for (size_t i = 0; i < claim.mac.size(); ++i) {
    claim.mac[i] = static_cast<uint8_t>(mac >> (40U - 8U * i));
  }
  tell(claim, now);
}

void DpdkPort::tell(const AddressClaim& claim, MonoTime now) {
  if (claim != told_claim_ || now >= tell_claim_again_) {
    told_claim_ = claim;
    tell_claim_again_ = now + seconds(1);
    control_->claims(queue_).push(claim);
  }
}

uint32_t DpdkPort::take_unreachable() {
  counters_.peer_unreachable.set(stack_.counters().peer_unreachable.get());
  return stack_.take_unreachable();
}

bool DpdkPort::join_counted(rte_mbuf*& frame) {
  const Joined joined = join(frame, pool_);
  (joined == Joined::done       ? counters_.frames_joined
   : joined == Joined::too_long ? drop_too_long_
                                : drop_no_buffer_)
      .add();
  return joined == Joined::done;
}

void DpdkPort::take_vrrp(const Taken& taken, const uint8_t* packet) {
  Advert advert;
  if (taken.size > advert.bytes.size()) {
    drop_too_long_.add();
    return;
  }
  advert.from = taken.from.address;
  advert.to = endpoint_of(taken.to, 0).address;
  advert.ttl = taken.ttl;
  advert.size = taken.size;
  std::memcpy(advert.bytes.data(), packet, taken.size);
  if (!control_->adverts(queue_).push(advert)) {
    drop_control_full_.add();
    return;
  }
  control_->ring_for_adverts();
}

/// One question a poll: it is for a person, and the buffer holds one.
void DpdkPort::take_questions(RxBurst& burst) {
  if (queue_ != 0 || control_->questions().waiting() == 0 || burst.datagrams.full() ||
      control_->questions().pop(std::span(&question_, 1)) != 1) {
    return;
  }
  burst.datagrams.push_back({MutBytes(question_.bytes).first(question_.size), kLocalLane, {}});
}

void DpdkPort::answer(const TxDatagram& datagram) {
  LocalDatagram local;
  local.size = datagram.size;
  std::memcpy(local.bytes.data(), datagram.data, datagram.size);
  if (control_->answers().push(local)) {
    ControlPath::ring(control_->answers_bell());
  } else {
    drop_control_full_.add();
  }
}

// ---- several queues: ARP comes to one of them

void DpdkPort::share_arp(Bytes frame) {
  EthernetView ethernet;
  if (parse_ethernet(frame, ethernet) != NetDrop::none || ethernet.type != kEtherTypeArp) {
    return;
  }
  ArpCopy copy;
  copy.size = static_cast<uint16_t>(std::min(frame.size(), copy.bytes.size()));
  std::memcpy(copy.bytes.data(), frame.data(), copy.size);
  for (size_t to = 0; to < control_->threads(); ++to) {
    if (to != queue_) {
      control_->arp(queue_, to).push(copy);  // full: the next answer teaches it
    }
  }
}

void DpdkPort::hear_arp(MonoTime now) {
  for (size_t from = 0; from < control_->threads(); ++from) {
    if (from == queue_) {
      continue;
    }
    ArpCopy copy;
    while (control_->arp(from, queue_).pop(std::span(&copy, 1)) == 1) {
      stack_.hear({copy.bytes.data(), copy.size}, now);
    }
  }
}

// ---- the control thread's orders

void DpdkPort::obey(MonoTime now) {
  Link<ControlOrder>& orders = control_->orders(queue_);
  if (orders.waiting() == 0) {
    return;
  }
  ControlOrder order;
  for (size_t i = 0; i < kOrdersAtOnce && orders.pop(std::span(&order, 1)) == 1; ++i) {
    switch (order.kind) {
      case ControlOrder::Kind::own:
        stack_.own(order.address, order.virtual_mac);
        break;
      case ControlOrder::Kind::disown:
        stack_.disown(order.address);
        break;
      case ControlOrder::Kind::announce:
      case ControlOrder::Kind::advert:
        announce(order, now);
        break;
    }
  }
}

void DpdkPort::announce(const ControlOrder& order, MonoTime now) {
  rte_mbuf* frame = fresh();
  if (frame == nullptr) {
    drop_no_buffer_.add();
    return;
  }
  const MutBytes room(data_of(frame), kFrameRoom);
  size_t size = 0;
  if (order.kind == ControlOrder::Kind::announce) {
    size = stack_.gratuitous(room, order.address);
  } else if (const Hop hop = stack_.next_hop(order.address, now); hop.kind == Hop::Kind::ready) {
    Ipv4Header header;
    header.tos = kTosInternetControl;
    header.ttl = 255;  // RFC 9568 §5.1.1.3
    header.protocol = kProtocolVrrp;
    header.source = stack_.own_address();
    header.destination = order.address;
    size = stack_.write_packet(room, header, *hop.mac, order.virtual_mac.value_or(stack_.mac()),
                               {order.bytes.data(), order.size});
  } else {  // its neighbour is being asked for: the next advert comes soon
    stack_.count(hop.kind == Hop::Kind::no_route ? NetDrop::no_route : NetDrop::unresolved);
  }
  if (size == 0) {
    rte_pktmbuf_free(frame);
    return;
  }
  set_size(frame, size);
  transmit_all(queue_ == 0 ? device_->control_queue() : queue_, {&frame, 1});
}

void DpdkPort::ask(MonoTime now) {
  for (size_t i = 0; i < kOrdersAtOnce; ++i) {
    rte_mbuf* frame = fresh();
    if (frame == nullptr) {
      drop_no_buffer_.add();
      return;
    }
    const size_t size = stack_.next_question({data_of(frame), kFrameRoom}, now);
    if (size == 0) {
      rte_pktmbuf_free(frame);
      return;
    }
    set_size(frame, size);
    put(frame);
  }
}

/// What the kernel behind the tap sends leaves as it is: its addresses are ours.
void DpdkPort::take_from_tap() {
  for (size_t i = 0; i < kOrdersAtOnce; ++i) {
    rte_mbuf* frame = fresh();
    const size_t size = frame == nullptr ? 0 : tap_->take({data_of(frame), kFrameRoom});
    if (size == 0) {
      rte_pktmbuf_free(frame);
      return;
    }
    set_size(frame, size);
    put(frame);
  }
}

// ---- send

void DpdkPort::refill() {
  const auto used = static_cast<unsigned>(std::exchange(tx_used_, 0));
  if (rte_pktmbuf_alloc_bulk(pool_, tx_frames_.data(), used) != 0) {
    drop_no_buffer_.add();
    std::fill_n(tx_frames_.begin(), used, nullptr);
  }
  for (size_t i = 0; i < used; ++i) {
    tx_.replace(i, tx_frames_[i] == nullptr ? spare_.data() : data_of(tx_frames_[i]));
  }
}

TxBurst& DpdkPort::transmit() {
  if (tx_used_ != 0) {
    refill();
  }
  return tx_;
}

void DpdkPort::send(TxBurst& burst) {
  const auto& datagrams = burst.datagrams();
  for (size_t i = 0; i < datagrams.size(); ++i) {
    const TxDatagram& d = datagrams[i];
    if (d.lane == kLocalLane) {
      answer(d);
      continue;
    }
    rte_mbuf* frame = std::exchange(tx_frames_[i], nullptr);
    if (frame == nullptr) {
      drop_no_buffer_.add();
      continue;
    }
    set_size(frame, d.size);
    const Hop hop = stack_.next_hop(d.lane, d.to, turn_);
    if (hop.kind == Hop::Kind::ready) {
      address(frame, d.lane, d.to, *hop.mac);
    } else if (hop.kind == Hop::Kind::no_route) {
      stack_.count(NetDrop::no_route);
      rte_pktmbuf_free(frame);
    } else if (!parked_.try_push({frame, d.lane, d.to, turn_ + seconds(1)})) {
      stack_.count(NetDrop::unresolved);
      rte_pktmbuf_free(frame);
    }
  }
  tx_used_ = std::max(tx_used_, datagrams.size());
  burst.forget_sent();
  if (stack_.due() <= turn_) {
    ask(turn_);
  }
  flush();
}

void DpdkPort::address(rte_mbuf* frame, Lane lane, const Endpoint& to, const Mac& hop) {
  const auto headers = static_cast<uint16_t>(stack_.headers());
  const Bytes payload(data_of(frame), frame->data_len);
  auto* start = reinterpret_cast<uint8_t*>(rte_pktmbuf_prepend(frame, headers));
  stack_.write_headers(start, lane, to, hop, payload);
  if (device_->ip_sum_out() || device_->udp_sum_out()) {
    frame->tx_offload =
        rte_mbuf_tx_offload(headers - kIpAndUdp, sizeof(Ipv4Header), sizeof(UdpHeader), 0, 0, 0, 0);
    frame->ol_flags |= RTE_MBUF_F_TX_IPV4 | (device_->ip_sum_out() ? RTE_MBUF_F_TX_IP_CKSUM : 0) |
                       (device_->udp_sum_out() ? RTE_MBUF_F_TX_UDP_CKSUM : 0);
  }
  counters_.sent_datagrams.add();
  put(frame);
}

/// What waited for a neighbour: on its way, or too old.
void DpdkPort::unpark(MonoTime now) {
  resolutions_ = stack_.resolutions();
  size_t kept = 0;
  for (size_t i = 0; i < parked_.size(); ++i) {
    const Parked waiting = parked_[i];
    const Hop hop = stack_.next_hop(waiting.lane, waiting.to, now);
    if (hop.kind == Hop::Kind::ready) {
      address(waiting.frame, waiting.lane, waiting.to, *hop.mac);
    } else if (hop.kind == Hop::Kind::no_route || now >= waiting.until) {
      stack_.count(NetDrop::unresolved);
      rte_pktmbuf_free(waiting.frame);
    } else {
      parked_[kept++] = waiting;
    }
  }
  parked_.resize(kept);
}

/// Sends all or drops what the device does not take after a few tries. Returns how many frames are gone.
size_t DpdkPort::transmit_all(uint16_t queue, std::span<rte_mbuf*> frames) {
  size_t sent = 0;
  for (int tries = 0; sent < frames.size() && tries < kSendTries; ++tries) {
    sent += rte_eth_tx_burst(id_, queue, frames.data() + sent, static_cast<uint16_t>(frames.size() - sent));
    counters_.send_calls.add();
  }
  if (sent < frames.size()) {
    counters_.drop_send_refused.add(frames.size() - sent);
    rte_pktmbuf_free_bulk(frames.data() + sent, static_cast<unsigned>(frames.size() - sent));
  }
  return frames.size();
}

// ---- waiting

void DpdkPort::wait(MonoTime until) {
  slept_since_ = {};
  if (busy_ || turn_ >= until) {
    return;
  }
  if (sleeper_.gives_way(turn_)) {
    return;
  }
  const MonoTime now = raw_now();
  if (now < until && sleeper_.wait(now, until)) {
    slept_since_ = now;
  }
}

void DpdkPort::finish() {
  give_back();
  if (std::exchange(adopted_, false)) {
    release_polling_thread();
  }
}

/// Every buffer that we hold goes back to its pool.
void DpdkPort::give_back() {
  rte_pktmbuf_free_bulk(lent_.data(), static_cast<unsigned>(lent_.size()));
  lent_.clear();
  for (rte_mbuf*& frame : tx_frames_) {
    rte_pktmbuf_free(std::exchange(frame, nullptr));
  }
  tx_used_ = kBurstMax;
  for (const Parked& waiting : parked_) {
    rte_pktmbuf_free(waiting.frame);
  }
  parked_.clear();
}

}  // namespace

std::unique_ptr<Port> make_dpdk_port(DpdkPortOptions options) {
  return std::make_unique<DpdkPort>(std::move(options));
}

}  // namespace tercet::dataplane
