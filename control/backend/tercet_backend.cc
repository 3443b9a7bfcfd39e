#include "control/backend/tercet_backend.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>

#include "backend/store/meta_file.h"
#include "control/backend/lives.h"
#include "control/backend/why.h"
#include "control/check.h"
#include "control/crypto.h"
#include "control/logging.h"
#include "wire/introduction.h"
#include "wire/seal/container.h"
#include "wire/seal/key_file.h"

namespace tercet::control {
namespace {

constexpr int kTurnMs = 200;
constexpr Duration kLookEvery = seconds(2);

std::string container_path(const BackendConfig& config) { return config.store_dir + "/container.json"; }

ContainerWatch watch_of(const BackendConfig& config) {
  return {container_path(config), config.server.cell, slot_of(config.server.self)};
}

/// A backend without container serves the cell as well as any other; only its constituents are missing.
std::string no_container(const BackendConfig& config) {
  return container_path(config) +
         " is not there: this backend's constituents are missing: run tercet container init --config " +
         config.server.path + ", and import a reissue of each license (tercet reissue)";
}

/// What is wrong with the container that it has, one line; nothing if it is the one that the book knows.
std::string fault_of_container(const BackendConfig& config, ContainerState state) {
  switch (state) {
    case ContainerState::here:
      return {};
    case ContainerState::gone:
      return watch_of(config).there() ? container_path(config) +
                                            " cannot be used (the log says why): this "
                                            "backend's constituents are missing"
                                      : no_container(config);
    case ContainerState::foreign:
      return container_path(config) +
             " is not the container that this cell's licenses are bound to: this backend's constituents are "
             "missing: have each license reissued for it (tercet container request, tercet reissue), and "
             "import that";
    case ContainerState::revoked:
      return container_path(config) +
             " is a container that a reissue has revoked: it is refused, and this backend's constituents are "
             "missing: put the container back that took its place, or make another one (move the file away, "
             "tercet container init) and have each license reissued for that";
  }
  return {};
}

/// The log comes first: what it needs next counts as taken.
std::string want_of_room(const BackendConfig& config, const backend::ReplicaView& view) {
  return config.store_dir + " has too little room for " +
         (view.waits_for_room ? "the other backends' book, which it needs to vote" : "its next checkpoint") +
         ": " + std::to_string((view.room_wanted + (1U << 20U) - 1) >> 20U) +
         " MiB must be free, the next segments of its log among them";
}

/// TERCET_FAULT_DISK=FILE: what FILE says is what the disk does (backend/store/fault_disk.h). For tests.
std::string fault_file() {
  const char* file = std::getenv("TERCET_FAULT_DISK");
  if (file == nullptr || *file == '\0') {
    return {};
  }
#ifdef TERCET_TEST_FAULTS
  return file;
#else
  spdlog::warn(
      "TERCET_FAULT_DISK is set, but this program was built without TERCET_TEST_FAULTS: it does nothing");
  return {};
#endif
}

}  // namespace

tl::expected<std::unique_ptr<Backend>, std::string> Backend::open(const BackendConfig& config,
                                                                  const Engines& engines) {
  std::unique_ptr<Backend> self(new Backend(config));
  auto keys = read_keys(config.server);
  if (!keys) {
    return tl::unexpected(keys.error());
  }
  const auto crypto = choose_crypto(config.server.crypto, keys->aead);
  if (!crypto) {
    return tl::unexpected(crypto.error());
  }
  self->crypto_why_ = crypto->why;
  quorum::Acceptor::Options options;
  options.cell = config.server.cell;
  options.slot = slot_of(config.server.self);
  if (auto done = self->open_container(options); !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = self->open_store(options); !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = self->plant_fault(); !done) {
    return tl::unexpected(done.error());
  }
  self->replica_ = std::make_unique<backend::Replica>(self->store_->opening(), *self->machine_,
                                                      self->store_->disk(), self->store_->store());
  self->replica_->show_to(&self->view_);
  self->replica_->hear_of_container(&self->introduced_);
  if (auto done = self->open_network(engines, *keys, {.provider = crypto->provider}); !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = self->open_admin(); !done) {
    return tl::unexpected(done.error());
  }
  return self;
}

Backend::~Backend() = default;

/// What it introduces itself with in a cell's Genesis; nothing, if it has no container.
tl::expected<void, std::string> Backend::open_container(quorum::Acceptor::Options& options) {
  container_ = std::make_unique<ContainerWatch>(watch_of(config_));
  const auto seen = container_->look();  // the first look tells in any case
  if (!seen->fault.empty()) {
    return tl::unexpected(seen->fault);
  }
  options.introduction = seen->introduction;
  introduced_.draft() = seen->introduction;
  introduced_.publish();
  return {};
}

/// A container that came or went is told to the thread that serves.
void Backend::look_at_the_container() {
  const auto seen = container_->look();
  if (!seen) {
    return;
  }
  if (!seen->fault.empty()) {
    spdlog::error("{}", seen->fault);
  } else if (!seen->serial.empty()) {
    spdlog::info("container {} is there", seen->serial);
  }
  introduced_.draft() = seen->introduction;
  introduced_.publish();
}

tl::expected<void, std::string> Backend::open_store(const quorum::Acceptor::Options& options) {
  // Clients choose their handles: without a number that they do not know they could choose such as collide.
  machine_ =
      std::make_unique<backend::BookMachine>(backend::BookMachineOptions{.book = {.hash_seed = draw_bits()}});
  auto opened = OwnStore::open({.dir = config_.store_dir,
                                .durability = config_.durability,
                                .boot_id = store::read_boot_id(),
                                .fault_file = fault_file(),
                                .acceptor = options},
                               *machine_);
  if (!opened) {
    return tl::unexpected(opened.error());
  }
  store_ = std::move(*opened);
  for (const std::string& warning : store_->warnings()) {
    spdlog::warn("{}", warning);
  }
  return {};
}

dataplane::PortOptions backend_lanes(const BackendConfig& config, dataplane::Routes& routes) {
  const ServerConfig& server = config.server;
  dataplane::PortOptions options;
  options.poll = server.poll;
  for (unsigned i = 0; i < kServers; ++i) {
    if (i != index(server.self)) {
      routes.lane_of[i] = static_cast<Lane>(options.lanes.size());
      options.lanes.push_back({server.peers[index(server.self)], server.peers[i]});
    }
  }
  return options;
}

int check_backend(const BackendConfig& config, const Engines& engines) {
  dataplane::Routes routes;
  std::vector<Check> checks{
      {Check::Verdict::good, "configuration: " + config.server.path + " is sound"},
      check_keys(config.server),
      check_crypto(config.server),
      check_disk(config.store_dir),
      watch_of(config).there() ? check_of("container", container_path(config) + " is this backend's",
                                          watch_of(config).read().map([](const seal::Container&) {}))
                               : Check{Check::Verdict::warning, "container: " + no_container(config)},
  };
  const std::vector<Check> port = check_port(config.server, engines, backend_lanes(config, routes));
  checks.insert(checks.end(), port.begin(), port.end());
  checks.insert(checks.end(), {check_admin(config.server.admin), check_clock(), check_memory_lock()});
  return report(checks);
}

tl::expected<void, std::string> Backend::open_admin() {
  captures_ = std::make_unique<Captures>(plane_->taps());
  auto admin = Admin::start(
      config_.server.admin,
      backend_routes({.cell = config_.server.cell,
                      .self = config_.server.self,
                      .durability = config_.durability == store::Durability::memory ? "memory" : "fsync",
                      .board = &board_,
                      .health = &health_,
                      .engine = plane_->engine(),
                      .threads = plane_->views(),
                      .captures = captures_.get(),
                      .load = &load_,
                      .device = device_watch_->counters()}));
  if (!admin) {
    return tl::unexpected(admin.error());
  }
  admin_ = std::move(*admin);
  return {};
}

tl::expected<void, std::string> Backend::open_network(const Engines& engines, const seal::ServerKeys& keys,
                                                      const seal::KeyringOptions& sealing) {
  dataplane::Routes routes;
  const dataplane::PortOptions lanes = backend_lanes(config_, routes);
  auto opened = Plane::open(config_.server, engines, lanes, routes, keys, sealing);
  if (!opened) {
    return tl::unexpected(opened.error());
  }
  plane_ = std::move(*opened);
  device_watch_ = std::make_unique<DeviceWatch>(plane_->path(), config_.server.peers);
  for (const std::string& warning : plane_->warnings()) {
    spdlog::warn("{}", warning);
  }
  if (store_->bell() >= 0) {
    plane_->watch(store_->bell());
  }
  if (FileRing* ring = plane_->file_ring(); ring != nullptr) {
    store_->attach(*ring);
  }
  return plane_->serve(*replica_);
}

/// TERCET_FAULT=lie: this backend computes wrong results from now on (what it replayed was right). For tests.
tl::expected<void, std::string> Backend::plant_fault() {
  const char* fault = std::getenv("TERCET_FAULT");
  if (fault == nullptr || *fault == '\0') {
    return {};
  }
#ifdef TERCET_TEST_FAULTS
  if (std::strcmp(fault, "lie") == 0) {
    spdlog::warn("TERCET_FAULT=lie: this backend votes wrong results");
    machine_->lie(true);
    return {};
  }
  return tl::unexpected("TERCET_FAULT=" + std::string(fault) + " is no fault that this program knows: lie");
#else
  return tl::unexpected(
      std::string("TERCET_FAULT is set, but this program was built without TERCET_TEST_FAULTS: unset it"));
#endif
}

void Backend::say_changes(const backend::ReplicaView& view) {
  if (view.known && view.container != said_container_) {
    said_container_ = view.container;
    if (const std::string fault = fault_of_container(config_, view.container); !fault.empty()) {
      spdlog::warn("{}", fault);
    } else {
      spdlog::info("this backend's constituents are here");
    }
  }
  if (view.known && view.checkpoint != said_checkpoint_) {
    spdlog::info("checkpoint at seq {}: its log begins there", view.checkpoint.value);
    said_checkpoint_ = view.checkpoint;
  }
  if (view.known && view.room_wanted != said_room_wanted_) {
    if (view.room_wanted != 0) {
      spdlog::warn("{}", want_of_room(config_, view));
    }
    said_room_wanted_ = view.room_wanted;
  }
  if (view.known && view.acceptor.forced > said_forced_) {
    said_forced_ = view.acceptor.forced;
    spdlog::critical(
        "by the operator's order one backend's log goes on (epoch {}, seq {} here): what only the others "
        "had is given up",
        view.promised.value, view.last.value);
  }
  if (!view.known || view.state == said_state_) {
    return;
  }
  if (std::string_view(view.state) == "stopped") {
    spdlog::error("stopped voting: {}: it starts over by itself as soon as {} takes writes again", why(view),
                  config_.store_dir);
  } else {
    spdlog::info("{} at seq {}, epoch {}", view.state, view.last.value, view.promised.value);
  }
  said_state_ = view.state;
}

/// One line, or nothing if there is nothing to say.
std::string Backend::why(const backend::ReplicaView& view) {
  const bool stopped = std::string_view(view.state) == "stopped";
  // The log's state is final once it has stopped, and it had when this view was published.
  return why_not_voting(view, {.stopped = stopped ? text_of(store_->log().state()) + std::string(": ") +
                                                        std::string(replica_->stopped())
                                                  : std::string(),
                               .no_room = view.waits_for_room ? want_of_room(config_, view) : std::string(),
                               .lost = store_->lost()});
}

bool Backend::turn(const Moment& now, unsigned short_lives) {
  health_.turned(now.mono, plane_->views());
  load_.note(now.mono, plane_->views());
  if (const auto warning = device_watch_->turn(now.mono)) {
    spdlog::warn("{}", *warning);
  }
  if (const std::string fault = store_->turn(); !fault.empty()) {
    spdlog::warn("{}", fault);
  }
  look_at_the_container();
  const backend::ReplicaView& view = view_.read();
  say_changes(view);
  const bool stopped = view.known && std::string_view(view.state) == "stopped";
  const bool reopens = view.reopen && now.mono - begun_ >= reopen_after(short_lives);
  const bool again =
      view.known &&
      (view.lost ? give_up() : reopens || (stopped && look_at_the_disk(now, pause_after(short_lives))));
  board_.publish(view, stopped ? store_->log().state() : store::LogState::ok,
                 why(view) + (not_yet_.empty() ? "" : "; at the last look: " + not_yet_));
  return again;
}

/// What this backend voted on is not in its log: a load balancer saw it vote beyond the end, or another disk
/// has taken its place. It begins anew as another one.
bool Backend::give_up() {
  if (!store_->give_up()) {
    return false;  // to be asked again
  }
  spdlog::error(
      "its log ends below what it voted on, or another disk has taken its place: this disk is given up");
  return true;
}

/// A log that stopped is never tried again; but the disk may work again, and with it a life that begins by
/// reading it.
bool Backend::look_at_the_disk(const Moment& now, Duration pause) {
  if (!look_at_) {
    store_->note_stopped();
    look_at_ = now.mono + pause;
  }
  if (now.mono < *look_at_) {
    return false;
  }
  look_at_ = now.mono + kLookEvery;
  store_->note_stopped();
  not_yet_ = store_->probe();
  if (not_yet_.empty()) {
    spdlog::info("{} takes writes again", config_.store_dir);
  }
  return not_yet_.empty();
}

/// How commits reach the disk, for the log.
const char* Backend::disk_way() {
  if (plane_->file_ring() == nullptr) {
    return ", by a thread";
  }
  return config_.server.steering_threads == 0 ? ", by the port's ring" : ", by the quorum thread's ring";
}

Backend::Ended Backend::run(unsigned short_lives) {
  spdlog::info("cell {}, {}: {}, {}, store {} ({}), durability {}, {} records recovered",
               seal::text_of(config_.server.cell), name_of(config_.server.self), plane_->why(), crypto_why_,
               config_.store_dir, store_->manner() + disk_way(),
               config_.durability == store::Durability::memory ? "memory" : "fsync", store_->records());
  const int signals = open_signals();
  dataplane::RealClock clock;
  begun_ = clock.now().mono;
  plane_->start();
  if (auto locked = lock_memory(); !locked) {
    spdlog::info("{}", locked.error());
  }
  bool again = false;
  for (bool stop = false; !stop && !again;) {
    pollfd wake{signals, POLLIN, 0};
    ::poll(&wake, 1, kTurnMs);
    for (int signal = take_signal(signals); signal != 0; signal = take_signal(signals)) {
      stop = stop || signal != SIGHUP;
    }
    again = turn(clock.now(), short_lives) && !stop;
  }
  plane_->stop();
  store_->detach();
  close(signals);
  if (again) {
    spdlog::info("starting over from what is in {}", config_.store_dir);
    return Ended::again;
  }
  const bool closed = store_->close();
  spdlog::info(closed ? "stopped cleanly" : "stopped; the log could not be closed");
  return closed ? Ended::cleanly : Ended::badly;
}

}  // namespace tercet::control
