#include "control/lb/tercet_lb.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

#include "control/crypto.h"
#include "control/lb/status_document.h"
#include "control/logging.h"
#include "wire/seal/container.h"
#include "wire/seal/key_file.h"

namespace tercet::control {
namespace {

constexpr Duration kDocumentEvery = milliseconds(100);
constexpr Duration kLookAtLink = milliseconds(50);    ///< of a device that tells nobody when it comes or goes
constexpr Duration kStopFor = milliseconds(500);      ///< for the resignation to be told
constexpr Duration kSecondClaims = milliseconds(40);  ///< lb2 leaves lb1 the first claim

/// GenesisBody::activation_id: the hex digits of the activation id, its dashes left out.
std::array<uint8_t, 16> activation_digits(CellId cell) {
  std::array<uint8_t, 16> digits{};
  size_t at = 0;
  for (const char c : seal::activation_id_of(cell)) {
    if (c != '-' && at < digits.size()) {
      digits[at++] = static_cast<uint8_t>(c);
    }
  }
  return digits;
}

}  // namespace

tl::expected<Guard, std::string> start_guard(const LbConfig& config, MutBytes argv) {
  GuardOptions options;
  options.interface = config.server.engine == Engine::dpdk ? std::string() : config.interface;
  options.vips.assign(config.vips.begin(), config.vips.end());
  options.vrid = config.vrrp.vrid;
  options.interval_cs = static_cast<uint16_t>(config.vrrp.interval.ms() / 10);
  options.unicast_peers = config.unicast_peers;
  options.on_standby = config.on_standby;
  options.argv = argv;
  return Guard::start(options);
}

tl::expected<std::unique_ptr<LoadBalancer>, std::string> LoadBalancer::open(const LbConfig& config,
                                                                            const Engines& engines,
                                                                            Guard& guard) {
  std::unique_ptr<LoadBalancer> self(new LoadBalancer(config, guard));
  const auto keys = read_keys(config.server);
  if (!keys) {
    return tl::unexpected(keys.error());
  }
  if (!keys->client_master) {
    return tl::unexpected(config.server.key_file + ": has no client master key: it is no load balancer's");
  }
  const auto crypto = choose_crypto(config.server.crypto, keys->aead);
  if (!crypto) {
    return tl::unexpected(crypto.error());
  }
  self->crypto_why_ = crypto->why;
  const seal::KeyringOptions few{.client_cache_entries = 4, .provider = crypto->provider};
  self->control_keyring_ = std::make_unique<seal::Keyring>(*keys, few);
  const seal::KeyringOptions sealing{.client_cache_entries = config.key_cache, .provider = crypto->provider};
  if (auto done = self->open_network(engines, *keys, sealing); !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = self->make_balancer(); !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = self->open_announcer(); !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = self->open_admin(*keys); !done) {
    return tl::unexpected(done.error());
  }
  return self;
}

LoadBalancer::~LoadBalancer() {
  if (events_bell_ >= 0) {
    close(events_bell_);
  }
}

dataplane::PortOptions lb_lanes(const LbConfig& config, dataplane::Routes& routes) {
  const ServerConfig& server = config.server;
  const Endpoint own = server.peers[index(server.self)];
  dataplane::PortOptions options;
  options.poll = server.poll;
  for (const dataplane::Vip& vip : config.vips) {
    options.lanes.push_back({Endpoint{vip.address, config.client_port}, {}});
  }
  options.lanes.push_back({Endpoint{own.address, config.client_port}, {}});
  for (unsigned i = 0; i < kServers; ++i) {
    if (i != index(server.self)) {
      routes.lane_of[i] = static_cast<Lane>(options.lanes.size());
      options.lanes.push_back({own, server.peers[i]});
    }
  }
  return options;
}

tl::expected<void, std::string> LoadBalancer::open_network(const Engines& engines,
                                                           const seal::ServerKeys& keys,
                                                           const seal::KeyringOptions& sealing) {
  dataplane::Routes routes;
  const dataplane::PortOptions lanes = lb_lanes(config_, routes);
  auto opened = Plane::open(config_.server, engines, lanes, routes, keys, sealing);
  if (!opened) {
    return tl::unexpected(opened.error());
  }
  plane_ = std::move(*opened);
  const auto holds = [this](const DeviceWatch::Address& address) {
    const bool is_virtual = std::ranges::any_of(
        config_.vips, [&](const dataplane::Vip& vip) { return v4_of(vip.address) == address; });
    return !is_virtual || vip_loop_->on_air();
  };
  device_watch_ = std::make_unique<DeviceWatch>(plane_->path(), config_.server.peers, holds);
  clients_side_ = plane_->path() != nullptr ? "the engine's device" : config_.interface;
  for (const std::string& warning : plane_->warnings()) {
    spdlog::warn("{}", warning);
  }
  events_bell_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (events_bell_ < 0) {
    return tl::unexpected(std::string("no eventfd: raise the limit of open files"));
  }
  return {};
}

tl::expected<void, std::string> LoadBalancer::make_balancer() {
  const ServerConfig& server = config_.server;
  dataplane::Balancer::Options options;
  options.proposer.self = server.self;
  options.proposer.cell = server.cell;
  options.proposer.instance = Nonce{clock_.now().dice | 1U};
  options.proposer.keepalive = config_.heartbeat * 2;
  options.proposer.activation_id = activation_digits(server.cell);
  options.proposer.issuers = config_.issuers;
  options.proposer.rounds.on = config_.rounds;
  options.proposer.checkpoints.every = config_.checkpoint_every;
  options.suspicion.heartbeat = config_.heartbeat;
  options.order = config_.order;
  options.priority = config_.vrrp.priority;
  options.first_claim = server.self == ServerId::lb2 ? kSecondClaims : Duration{};
  balancer_ = std::make_unique<dataplane::Balancer>(
      options, dataplane::Balancer::Control{&commands_, &events_, events_bell_, &views_, &documents_});
  return plane_->serve(*balancer_);
}

tl::expected<void, std::string> LoadBalancer::open_announcer() {
  if (plane_->path() != nullptr) {
    const Endpoint own = config_.server.peers[index(config_.server.self)];
    std::optional<std::array<uint8_t, 6>> virtual_mac;
    if (config_.virtual_mac) {
      virtual_mac = config_.server.dpdk.virtual_macs.front();
    }
    announcer_ = std::make_unique<PortAnnouncer>(PortAnnouncerOptions{.path = plane_->path(),
                                                                      .source = own.address,
                                                                      .unicast_peers = config_.unicast_peers,
                                                                      .virtual_mac = virtual_mac,
                                                                      .guard = &guard_});
  } else if (auto kernel = open_kernel_announcer(); !kernel) {
    return kernel;
  }
  VipLoopOptions vip{.vips = config_.vips, .vrrp = config_.vrrp, .promotion = config_.promotion};
  vip.vrrp.local = announcer_->source();
  vip_loop_ = std::make_unique<VipLoop>(vip, *announcer_, vip_events_, commands_, &receipts_);
  return {};
}

tl::expected<void, std::string> LoadBalancer::open_kernel_announcer() {
  KernelAnnouncerOptions options;
  options.interface = config_.interface;
  options.vips.assign(config_.vips.begin(), config_.vips.end());
  options.unicast_peers = config_.unicast_peers;
  options.guard = &guard_;
  auto announcer = KernelAnnouncer::open(options);
  if (!announcer) {
    return tl::unexpected(announcer.error());
  }
  stale_removed_ = (*announcer)->stale_removed();
  announcer_ = std::move(*announcer);
  return {};
}

tl::expected<void, std::string> LoadBalancer::open_admin(const seal::ServerKeys& keys) {
  const Endpoint own = config_.server.peers[index(config_.server.self)];
  std::unique_ptr<QueryChannel> channel;
  if (plane_->path() != nullptr) {
    channel = make_path_channel(plane_->path());
  } else if (auto socket = open_socket_channel(Endpoint{own.address, config_.client_port})) {
    channel = std::move(*socket);
  } else {
    return tl::unexpected(socket.error());
  }
  forced_ = std::make_unique<ForcedRejoins>(config_.server.cell, *keys.client_master);
  reads_ = std::make_unique<LbReads>(keys, std::move(channel));
  captures_ = std::make_unique<Captures>(plane_->taps());
  auto admin = Admin::start(config_.server.admin, lb_routes({.board = &board_,
                                                             .health = &health_,
                                                             .engine = plane_->engine(),
                                                             .threads = plane_->views(),
                                                             .captures = captures_.get(),
                                                             .vip = &vip_loop_->counters(),
                                                             .announcer = &announcer_->counters(),
                                                             .device = device_watch_->counters(),
                                                             .guard_restarts = &guard_restarts_,
                                                             .reads = reads_.get(),
                                                             .forced = forced_.get()}));
  if (!admin) {
    return tl::unexpected(admin.error());
  }
  admin_ = std::move(*admin);
  return {};
}

// ---- the control thread

int LoadBalancer::run() {
  spdlog::info("cell {}, {}: {}, {}; virtual address on {}, VRID {}, {} issuer{}",
               seal::text_of(config_.server.cell), name_of(config_.server.self), plane_->why(), crypto_why_,
               clients_side_, config_.vrrp.vrid, config_.issuers.size(),
               config_.issuers.size() == 1 ? "" : "s");
  if (stale_removed_ != 0) {
    spdlog::warn("removed {} virtual address(es) that a former life left on {}", stale_removed_,
                 config_.interface);
  }
  hooks_.begin();
  const int signals = open_signals();
  plane_->start();
  raise_priority();
  if (auto locked = lock_memory(); !locked) {
    spdlog::info("{}", locked.error());
  }
  bool stopping = false;
  while (!stopping) {
    const MonoTime due = turn(clock_.now());
    sleep_until(due, signals);
    for (int signal = take_signal(signals); signal != 0; signal = take_signal(signals)) {
      stopping = stopping || signal != SIGHUP;
    }
  }
  stop();
  plane_->stop();
  guard_.stop();
  hooks_.finish();
  close(signals);
  spdlog::info("stopped cleanly");
  return 0;
}

MonoTime LoadBalancer::turn(const Moment& now) {
  uint64_t rung = 0;
  [[maybe_unused]] const ssize_t n = ::read(events_bell_, &rung, sizeof rung);  // empty: nothing rang
  pass_events();
  MonoTime due = vip_loop_->poll(now);
  if (announcer_->link_descriptor() < 0) {
    due = earlier(due, now.mono + kLookAtLink);
  }
  say_transitions();
  if (const auto warning = device_watch_->turn(now.mono)) {
    spdlog::warn("{}", *warning);
  }
  hooks_.turn();
  health_.turned(now.mono, plane_->views());
  load_.note(now.mono, plane_->views());
  pass_order();
  publish_status(now);
  return earlier(due, document_due_);
}

/// Every event goes through here: the guard must hold the epoch's last words before the address is taken.
void LoadBalancer::pass_events() {
  std::array<dataplane::Event, 16> events;
  const size_t count = events_.pop(std::span(events));
  for (size_t i = 0; i < count; ++i) {
    if (events[i].kind == dataplane::Event::Kind::won) {
      arm(events[i].epoch);
    } else if (events[i].kind == dataplane::Event::Kind::lost) {
      guard_.disarm();
    }
    vip_events_.push(events[i]);
  }
}

void LoadBalancer::arm(Epoch epoch) {
  const ServerConfig& server = config_.server;
  const Nonce nonce{clock_.now().dice};
  std::array<std::array<uint8_t, seal::kResignationSize>, kServers> bytes;
  FixedVector<LastWord, kServers> words;
  for (unsigned i = 0; i < kServers; ++i) {
    const auto to = static_cast<ServerId>(i);
    if (control_keyring_->has_peer(to)) {
      control_keyring_->seal_resignation(to, epoch, nonce, bytes[i]);
      words.push_back({server.peers[index(server.self)], server.peers[i], bytes[i]});
    }
  }
  if (auto armed = guard_.arm(epoch, {words.data(), words.size()}); !armed) {
    spdlog::warn("the guard was not armed: {}", armed.error());
  }
}

/// Without its guard a killed load balancer's address would stay: a guard that somebody ended gets a
/// successor.
void LoadBalancer::watch_guard() {
  if (guard_.alive()) {
    return;
  }
  if (auto again = guard_.restart(); again) {
    guard_lost_ = false;
    guard_restarts_.add(1);
    spdlog::warn("the guard process was ended by somebody: it was started again (pid {})", guard_.pid());
  } else if (!guard_lost_) {
    guard_lost_ = true;
    spdlog::error(
        "the guard process was ended, and should this one be killed, its virtual address would stay: {}",
        again.error());
  }
}

void LoadBalancer::say_transitions() {
  if (vip_loop_->reachable() != reachable_) {
    reachable_ = vip_loop_->reachable();
    if (reachable_) {
      spdlog::info("{} can be reached again", clients_side_);
    } else {
      spdlog::warn(
          "{} has no link, or its virtual address cannot be put there: unfit, the other load balancer may "
          "follow",
          clients_side_);
    }
  }
  for (const Transition& t : vip_loop_->transitions()) {
    const auto cause = failover::name_of(t.on_air ? t.receipt.cause : t.cause);
    if (t.on_air) {
      spdlog::info("{}", to_line(t.receipt));
    } else {
      spdlog::info("standby ({}): epoch {} is over, the virtual address is given up", cause, t.epoch.value);
    }
    hooks_.transition(t.on_air, t.epoch, cause);
    document_due_ = {};
  }
}

void LoadBalancer::publish_status(const Moment& now) {
  if (now.mono < document_due_) {
    return;
  }
  document_due_ = now.mono + kDocumentEvery;
  watch_guard();
  const dataplane::View& view = views_.read();
  if (!view.known) {
    return;
  }
  say_forced(view);
  std::string document = status_json({.cell = config_.server.cell,
                                      .view = &view,
                                      .on_air = vip_loop_->on_air(),
                                      .engine = plane_->engine(),
                                      .receipts = receipts_.newest_first(),
                                      .at = now.wall,
                                      .threads = plane_->views(),
                                      .load = &load_});
  write_document(document, ++document_version_, documents_.draft());
  documents_.publish();
  board_.publish(view, std::move(document), vip_loop_->on_air());
}

/// The operator's order goes down, and what became of it is said.
void LoadBalancer::pass_order() {
  if (!order_) {
    order_ = forced_->take();
  }
  if (order_ && commands_.push(std::span<const dataplane::Command>(&*order_, 1)) == 1) {
    order_.reset();
  }
}

void LoadBalancer::say_forced(const dataplane::View& view) {
  using Phase = quorum::Proposer::Forced::Phase;
  const quorum::Proposer::Forced& forced = view.forced;
  if (forced.phase == said_forced_ || view.forced_token == 0) {
    return;
  }
  said_forced_ = forced.phase;
  const char* named = name_of(server_of(forced.order.slot));
  if (forced.phase == Phase::done) {
    spdlog::critical(
        "forced: the cell goes on with the log of {} up to seq {}, in epoch {}; {} is the member beside it",
        name_of(server_of(forced.survivor)), forced.last.value, view.epoch.value, named);
  } else if (forced.phase == Phase::refused) {
    spdlog::error("the forced rejoin of {} was not carried out: {}", named, quorum::name_of(forced.verdict));
  }
}

void LoadBalancer::sleep_until(MonoTime due, int signals) {
  const Duration wait = due - clock_.now().mono;
  std::array<pollfd, 4> wake{{{events_bell_, POLLIN, 0},
                              {announcer_->descriptor(), POLLIN, 0},
                              {announcer_->link_descriptor(), POLLIN, 0},
                              {signals, POLLIN, 0}}};
  const int64_t ns = std::clamp<int64_t>(wait.ns, 0, seconds(1).ns);
  const timespec timeout{ns / 1'000'000'000, ns % 1'000'000'000};
  ppoll(wake.data(), wake.size(), &timeout, nullptr);
}

/// Resigns the epoch, so that the other LB follows at once; then the address goes, with priority 0.
void LoadBalancer::stop() {
  const MonoTime until = clock_.now().mono + kStopFor;
  vip_loop_->resign(clock_.now());
  say_transitions();
  while (vip_loop_->on_air() && clock_.now().mono < until) {
    pass_events();
    const MonoTime due = vip_loop_->poll(clock_.now());
    say_transitions();
    sleep_until(earlier(due, clock_.now().mono + milliseconds(5)), -1);
    uint64_t rung = 0;
    [[maybe_unused]] const ssize_t n = ::read(events_bell_, &rung, sizeof rung);
  }
  vip_loop_->stop(clock_.now());
  say_transitions();
}

}  // namespace tercet::control
