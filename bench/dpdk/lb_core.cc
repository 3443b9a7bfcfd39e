#include "bench/dpdk/lb_core.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "dataplane/net/arp.h"
#include "dataplane/net/udp.h"
#include "dataplane/port/dpdk/dpdk_port.h"

namespace tercet::bench {
namespace {

using dataplane::Ipv4;
using dataplane::ipv4_of;
using dataplane::Mac;

constexpr Ipv4 kGateway{198, 18, 0, 1};
constexpr Ipv4 kVirtual{198, 18, 0, 100};
constexpr uint16_t kClientPort = 8'200;
constexpr uint16_t kServerPort = 8'210;
/// Of everybody but the LB: clients are behind the router, and it does not matter here who the others are.
constexpr Mac kTheirMac{0x02, 0, 0, 0, 0, 0x01};
constexpr Mac kOurMac{0x02, 0, 0, 0, 0, 0x11};  // net_ring has none
constexpr Duration kTurn = microseconds(20);    // between two turns of a busy LB

constexpr Ipv4 address_of(ServerId server) { return {198, 18, 0, static_cast<uint8_t>(11 + index(server))}; }
Endpoint endpoint_of(ServerId server) { return dataplane::endpoint_of(address_of(server), kServerPort); }
Endpoint clients_at() { return dataplane::endpoint_of(kVirtual, kClientPort); }

}  // namespace

LbCore::LbCore(const LbCoreOptions& options)
    : options_(options), keys_(seal::generate_cell_keys(seal::Algorithm::aes_256_gcm)) {}

LbCore::~LbCore() {
  loop_.reset();
  stepped_loop_.reset();
  if (port_) {
    port_->finish();
    port_.reset();
  }
}

tl::expected<std::unique_ptr<LbCore>, std::string> LbCore::make(const LbCoreOptions& options) {
  std::unique_ptr<LbCore> self(new LbCore(options));
  if (auto done = self->set_up(); !done) {
    return tl::unexpected(done.error());
  }
  return self;
}

tl::expected<void, std::string> LbCore::set_up() {
  auto far_end = FarEnd::open(options_.eal);
  if (!far_end) {
    return tl::unexpected(far_end.error());
  }
  far_end_ = std::move(*far_end);
  control_ =
      std::make_shared<dataplane::ControlPath>(1, dataplane::DeviceLook{.link_up = [] { return true; }});

  dataplane::StackOptions stack;
  stack.mac = kOurMac;
  stack.own = {endpoint_of(ServerId::lb1).address, 24};
  stack.gateway = kGateway;
  stack.ip_sum_out = stack.udp_sum_out = options_.device_sums;
  stack.lanes = {{clients_at(), {}}};
  dataplane::Routes routes;
  for (unsigned i = 1; i < kServers; ++i) {
    routes.lane_of[i] = static_cast<Lane>(stack.lanes.size());
    stack.lanes.push_back({endpoint_of(ServerId::lb1), endpoint_of(static_cast<ServerId>(i))});
  }
  if (auto sound = dataplane::check_options(stack); !sound) {
    return sound;
  }
  dataplane::DpdkPortOptions port;
  port.device = far_end_->device();
  port.control = control_;
  port.poll = dataplane::PollMode::busy;
  port.stack = stack;
  port_ = dataplane::make_dpdk_port(port);
  dataplane::ControlOrder own;
  own.kind = dataplane::ControlOrder::Kind::own;
  own.address = kVirtual;
  control_->orders(0).push(own);

  keyring_ = std::make_unique<seal::Keyring>(
      keys_.servers[0],
      seal::KeyringOptions{.client_cache_entries = options_.key_cache, .provider = options_.provider});
  dataplane::Balancer::Options balancer;
  balancer.proposer.self = ServerId::lb1;
  balancer.proposer.cell = keys_.servers[0].cell;
  balancer.proposer.instance = Nonce{1};
  balancer_ = std::make_unique<dataplane::Balancer>(balancer, dataplane::Balancer::Control{});
  loop_ = std::make_unique<dataplane::OneThread>(*port_, *keyring_, *balancer_, routes);
  stepped_port_ = std::make_unique<SteppedPort>(*port_, steps_);
  stepped_service_ = std::make_unique<SteppedService>(*balancer_, steps_);
  stepped_loop_ =
      std::make_unique<dataplane::OneThread>(*stepped_port_, *keyring_, *stepped_service_, routes);
  for (const Slot slot : kSlots) {
    voters_.push_back(std::make_unique<Voter>(slot, keys_.servers[index(server_of(slot))]));
  }
  clients_ = std::make_unique<Clients>(options_.clients, keys_.client);
  if (options_.evict_bytes != 0) {
    junk_.reserve(options_.evict_bytes);
    madvise(junk_.data(), options_.evict_bytes, MADV_HUGEPAGE);
    junk_.resize(options_.evict_bytes, 1);
  }

  now_ = clock_.now();
  for (int i = 0; i < 400'000 && !balancer_->proposer().serving(now_.mono); ++i) {
    turn(nullptr);
    hear_lb();
    speak();
  }
  if (!balancer_->proposer().serving(now_.mono)) {
    return tl::unexpected(std::string("the load balancer does not come to serve"));
  }
  return {};
}

/// As Poller's. The real clock is read, as it is there, and the cell's time goes its own way.
uint64_t LbCore::turn(Steps* steps) {
  now_.mono = now_.mono + kTurn;
  const uint64_t began = ticks();
  if (steps != nullptr) {
    steps_.begin();
  }
  const Moment read = clock_.now();
  now_.dice = read.dice;
  now_.wall = read.wall;
  if (steps != nullptr) {
    steps_.mark(Step::clock);
  }
  dataplane::Loop& loop = steps == nullptr ? *loop_ : *stepped_loop_;
  const MonoTime again = loop.poll(now_);
  loop.wait(again);
  if (steps != nullptr) {
    steps_.mark(Step::rest);
  }
  const uint64_t took = ticks() - began;
  if (steps != nullptr) {
    *steps = steps_;
  }
  return took;
}

void LbCore::hear_lb() {
  far_end_->take([this](MutBytes bytes) { take(bytes); });
}

void LbCore::take(MutBytes bytes) {
  dataplane::EthernetView ethernet;
  if (parse_ethernet(bytes, ethernet) != dataplane::NetDrop::none) {
    ++wrong_;
    return;
  }
  if (ethernet.type == dataplane::kEtherTypeArp) {
    answer_arp(bytes);
    return;
  }
  constexpr size_t kHeaders = sizeof(dataplane::Ipv4Header) + sizeof(dataplane::UdpHeader);
  const MutBytes packet = bytes.subspan(ethernet.offset);
  if (packet.size() < kHeaders) {
    ++wrong_;
    return;
  }
  dataplane::Ipv4Header ip;
  dataplane::UdpHeader udp;
  std::memcpy(&ip, packet.data(), sizeof ip);
  std::memcpy(&udp, packet.data() + sizeof ip, sizeof udp);
  const MutBytes datagram = packet.subspan(kHeaders);
  const Ipv4 to = ip.destination;
  for (const Slot slot : kSlots) {
    if (to == address_of(server_of(slot))) {
      ++accepts_;
      voters_[index(slot)]->hear(datagram, now_);
      return;
    }
  }
  if (to == address_of(ServerId::lb2)) {
    return;  // it is switched off
  }
  if (replied_ == replies_.size() || bytes.size() > replies_[0].bytes.size()) {
    ++wrong_;
    return;
  }
  reply_frame_ = bytes.size();
  std::copy(bytes.begin(), bytes.end(), replies_[replied_].bytes.begin());
  replies_[replied_++].size = static_cast<uint32_t>(bytes.size());
}

void LbCore::answer_arp(MutBytes bytes) {
  dataplane::ArpPacket question;
  if (parse_arp(bytes.subspan(sizeof(dataplane::EthernetHeader)), question) != dataplane::NetDrop::none ||
      question.operation != dataplane::kArpRequest || question.sender == question.target) {
    return;
  }
  std::array<uint8_t, 60> reply{};
  dataplane::write_ethernet(reply, question.sender_mac, kTheirMac, 0, dataplane::kEtherTypeArp);
  const dataplane::ArpPacket packet = arp_reply(question, kTheirMac, question.target);
  std::memcpy(reply.data() + sizeof(dataplane::EthernetHeader), &packet, sizeof packet);
  far_end_->deliver(reply, false);
}

void LbCore::speak() {
  std::array<uint8_t, 1'500> out;
  for (const Slot slot : kSlots) {
    voters_[index(slot)]->speak(now_, [&](ServerId to, Bytes datagram) {
      if (to == ServerId::lb1) {
        const size_t size = frame(out, endpoint_of(server_of(slot)), endpoint_of(to), datagram);
        far_end_->deliver(Bytes(out).first(size), options_.device_sums);
      }
    });
  }
}

size_t LbCore::frame(MutBytes out, const Endpoint& from, const Endpoint& to, Bytes datagram) const {
  const size_t head = dataplane::write_ethernet(out, kOurMac, kTheirMac, 0, dataplane::kEtherTypeIpv4);
  return head + dataplane::write_udp_packet(out.subspan(head), ipv4_of(from.address), from.port,
                                            ipv4_of(to.address), to.port, datagram);
}

void LbCore::evict() {
  constexpr size_t kLine = 64;
  uint64_t sum = 0;
  for (size_t at = 0; at < junk_.size(); at += kLine) {
    sum += junk_[at];
    junk_[at] = static_cast<uint8_t>(sum);
  }
  junk_sum_ += sum;
}

void LbCore::play(size_t burst, size_t rounds, bool stepped, std::vector<Round>& out) {
  const bool again = !junk_.empty() && !options_.evict_code;
  queries_.resize(burst * rounds * (again ? 2 : 1));
  replies_.resize(queries_.size());
  std::array<uint8_t, kClientDatagramMax> datagram;
  for (Frame& query : queries_) {
    Endpoint from;
    const size_t size = clients_->next(datagram, from);
    query.size = static_cast<uint32_t>(frame(query.bytes, from, clients_at(), Bytes(datagram).first(size)));
    query_frame_ = query.size;
  }
  std::span<const Frame> rest(queries_);
  const auto next = [&] {
    const std::span<const Frame> some = rest.first(burst);
    rest = rest.subspan(burst);
    return some;
  };
  for (size_t i = 0; i < rounds; ++i) {
    Round round;
    evict();
    if (again) {
      play_one(next(), stepped, round);
    }
    play_one(next(), stepped, round);
    out.push_back(round);
  }
  check_replies();
}

void LbCore::play_one(std::span<const Frame> burst, bool stepped, Round& round) {
  const size_t wanted = replied_ + burst.size();
  for (const Frame& query : burst) {
    far_end_->deliver(Bytes(query.bytes).first(query.size), options_.device_sums);
  }
  round.queries = turn(stepped ? &round.steps[0] : nullptr);
  hear_lb();
  speak();
  round.votes = turn(stepped ? &round.steps[1] : nullptr);
  hear_lb();
  if (replied_ != wanted) {
    round.queries = round.votes = 0;  // a timer came between, say: not what is measured
    for (int tries = 0; tries < 10'000 && replied_ != wanted; ++tries) {
      speak();
      turn(nullptr);
      hear_lb();
    }
  }
}

void LbCore::check_replies() {
  for (size_t i = 0; i < replied_; ++i) {
    const MutBytes packet =
        MutBytes(replies_[i].bytes).first(replies_[i].size).subspan(sizeof(dataplane::EthernetHeader));
    dataplane::Ipv4Header ip;
    dataplane::UdpHeader udp;
    std::memcpy(&ip, packet.data(), sizeof ip);
    std::memcpy(&udp, packet.data() + sizeof ip, sizeof udp);
    const Endpoint to = dataplane::endpoint_of(ip.destination, udp.destination_port);
    wrong_ += clients_->take(to, packet.subspan(sizeof ip + sizeof udp)) ? 0U : 1U;
  }
  replied_ = 0;
  wrong_ += clients_->waiting();
}

void LbCore::warm_up() {
  const size_t evict_bytes = junk_.size();
  junk_.resize(0);
  std::vector<Round> rounds;
  constexpr size_t kBurst = 32;
  constexpr size_t kAtOnce = 32;
  for (size_t done = 0; done < clients_->size(); done += kBurst * kAtOnce) {
    rounds.clear();
    play(kBurst, kAtOnce, false, rounds);
  }
  junk_.resize(evict_bytes, 1);
}

}  // namespace tercet::bench
