#include "control/backend/tercet_backend.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "backend/store/meta_file.h"
#include "backend/store/recover.h"
#include "control/check.h"
#include "control/crypto.h"
#include "control/logging.h"
#include "wire/introduction.h"
#include "wire/seal/container.h"
#include "wire/seal/key_file.h"

namespace tercet::control {
namespace {

constexpr int kTurnMs = 200;
constexpr Duration kCloseFor = seconds(5);

tl::expected<seal::Container, std::string> read_own_container(const BackendConfig& config) {
  const std::string path = config.store_dir + "/container.json";
  if (access(path.c_str(), F_OK) != 0 && errno == ENOENT) {
    return tl::unexpected(path + ": this backend has no container yet: run tercet container init --config " +
                          config.server.path);
  }
  auto container = seal::read_container(path);
  if (container &&
      (container->cell != config.server.cell || container->slot != slot_of(config.server.self))) {
    return tl::unexpected(path + ": is the container of " + name_of(server_of(container->slot)) +
                          " of cell " + seal::text_of(container->cell) + ": correct store.dir in " +
                          config.server.path);
  }
  return container;
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
  for (auto step : {&Backend::open_container, &Backend::open_store}) {
    if (auto done = (*self.*step)(options); !done) {
      return tl::unexpected(done.error());
    }
  }
  if (auto done = self->plant_fault(); !done) {
    return tl::unexpected(done.error());
  }
  self->replica_ = std::make_unique<backend::Replica>(*self->acceptor_, *self->machine_, *self->log_);
  self->replica_->show_to(&self->view_);
  if (auto done = self->open_network(engines, *keys, {.provider = crypto->provider}); !done) {
    return tl::unexpected(done.error());
  }
  if (auto done = self->open_admin(); !done) {
    return tl::unexpected(done.error());
  }
  return self;
}

Backend::~Backend() = default;

tl::expected<void, std::string> Backend::open_container(quorum::Acceptor::Options& options) {
  const auto container = read_own_container(config_);
  if (!container) {
    return tl::unexpected(container.error());
  }
  options.introduction.resize(kIntroductionMax);
  const size_t size = write_introduction(container->key.public_key().bytes, container->serial,
                                         {options.introduction.data(), options.introduction.size()});
  if (size == 0) {
    return tl::unexpected(config_.store_dir +
                          "/container.json: its serial number is too long: make a new container");
  }
  options.introduction.resize(size);
  return {};
}

tl::expected<void, std::string> Backend::open_store(quorum::Acceptor::Options& options) {
  auto disk = store::FileDisk::open({.directory = config_.store_dir});
  if (!disk) {
    return tl::unexpected(disk.error());
  }
  files_ = std::move(*disk);
  disk_ = std::make_unique<store::RingDisk>(*files_);
  machine_ = std::make_unique<backend::BookMachine>(backend::BookMachineOptions{});
  const store::FileRange files = disk_->files();
  auto found = find_identity(config_.store_dir, files.first != files.end, options.cell, options.slot);
  if (!found) {
    return tl::unexpected(found.error());
  }
  const std::string boot_id = store::read_boot_id();
  identity_ = found->kind == Found::Kind::known ? found->identity : draw_identity(options.cell, options.slot);
  options.incarnation = identity_.incarnation;
  if (found->kind == Found::Kind::untrusted) {
    distrust(options, found->why);
    return {};
  }
  if (const std::string why = lost_page_cache(identity_, boot_id); !why.empty()) {
    distrust(options, why);
    return {};
  }
  identity_.boot_id = boot_id;
  if (found->kind == Found::Kind::blank) {
    // Before the log is made: a crash in between leaves a disk that never promised anything, which is still
    // blank.
    if (auto done = write_identity(config_.store_dir, identity_); !done) {
      return done;
    }
  }
  recover_log(options);
  if (!untrusted_.empty()) {
    return {};
  }
  while (!log_->ready() && !log_->failed()) {
    disk_->wait();
    log_->reap();
  }
  if (log_->failed()) {
    return tl::unexpected("store " + config_.store_dir + ": " + std::string(log_->state_text()) +
                          ": make room there, or name another folder in store.dir");
  }
  identity_.log_made = true;
  identity_.clean = false;
  identity_.memory = config_.durability == store::Durability::memory;
  return write_identity(config_.store_dir, identity_);
}

void Backend::recover_log(quorum::Acceptor::Options& options) {
  acceptor_ = std::make_unique<quorum::Acceptor>(options);
  const store::Recovered recovered =
      store::recover(*disk_, {.store = identity_.store, .fresh = !identity_.log_made},
                     [this](store::Lsn, uint8_t type, Bytes bytes) {
                       return acceptor_->replay(static_cast<RecordType>(type), bytes);
                     });
  if (recovered.verdict == store::Verdict::corrupt || recovered.verdict == store::Verdict::unreadable) {
    distrust(options, std::string("its log is ") + store::name_of(recovered.verdict) + ": " + recovered.why);
    return;
  }
  if (recovered.verdict == store::Verdict::torn) {
    spdlog::warn("the log's last batch was torn by a crash and is cut: {}", recovered.why);
  }
  recovered_records_ = recovered.records;
  acceptor_->recovered(*machine_);
  log_ = std::make_unique<store::Log>(
      *disk_, store::Log::Options{.store = identity_.store, .durability = config_.durability}, recovered.end);
}

/// Runs, says so, touches nothing on the disk.
void Backend::distrust(quorum::Acceptor::Options& options, const std::string& why) {
  untrusted_ = why;
  options.amnesiac = true;
  acceptor_ = std::make_unique<quorum::Acceptor>(options);
  machine_->reset();
  no_disk_ = std::make_unique<store::MemoryDisk>();
  log_ = std::make_unique<store::Log>(
      *no_disk_, store::Log::Options{.store = identity_.store, .segment_bytes = 2U << 20U}, store::LogEnd{});
  spdlog::error("amnesiac: {}: this backend neither votes nor promises, and leaves its files as they are",
                why);
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
      check_of("container", config.store_dir + "/container.json is this backend's",
               read_own_container(config).map([](const seal::Container&) {})),
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
  device_watch_ = std::make_unique<DeviceWatch>(plane_->path());
  for (const std::string& warning : plane_->warnings()) {
    spdlog::warn("{}", warning);
  }
  if (disk_->bell() >= 0) {
    plane_->watch(disk_->bell());
  }
  if (FileRing* ring = plane_->file_ring(); ring != nullptr && untrusted_.empty()) {
    disk_->attach(*ring);
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
      "TERCET_FAULT is set, but this program was built without TERCET_TEST_FAULTS: unset it");
#endif
}

void Backend::say_changes(const backend::ReplicaView& view) {
  if (!view.known || view.state == said_state_) {
    return;
  }
  if (std::string_view(view.state) == "stopped") {
    // The log's text is final once it has stopped, and it had when this view was published.
    spdlog::error("stopped voting: {}: mend that, then start this backend again", replica_->stopped());
  } else {
    spdlog::info("{} at seq {}, epoch {}", view.state, view.last.value, view.promised.value);
  }
  said_state_ = view.state;
}

void Backend::turn(const Moment& now) {
  health_.turned(now.mono, plane_->views());
  load_.note(now.mono, plane_->views());
  if (const auto warning = device_watch_->turn(now.mono)) {
    spdlog::warn("{}", *warning);
  }
  const backend::ReplicaView& view = view_.read();
  say_changes(view);
  board_.publish(view, !untrusted_.empty()                         ? untrusted_
                       : std::string_view(view.state) == "stopped" ? std::string(replica_->stopped())
                                                                   : std::string());
}

/// How commits reach the disk, for the log.
const char* Backend::disk_way() {
  if (plane_->file_ring() == nullptr) {
    return ", by a thread";
  }
  return config_.server.steering_threads == 0 ? ", by the port's ring" : ", by the quorum thread's ring";
}

int Backend::run() {
  spdlog::info("cell {}, {}: {}, {}, store {} ({}), durability {}, {} records recovered",
               seal::text_of(config_.server.cell), name_of(config_.server.self), plane_->why(), crypto_why_,
               config_.store_dir, files_->manner() + disk_way(),
               config_.durability == store::Durability::memory ? "memory" : "fsync", recovered_records_);
  const int signals = open_signals();
  dataplane::RealClock clock;
  plane_->start();
  if (auto locked = lock_memory(); !locked) {
    spdlog::info("{}", locked.error());
  }
  for (bool stop = false; !stop;) {
    pollfd wake{signals, POLLIN, 0};
    ::poll(&wake, 1, kTurnMs);
    for (int signal = take_signal(signals); signal != 0; signal = take_signal(signals)) {
      stop = stop || signal != SIGHUP;
    }
    turn(clock.now());
  }
  plane_->stop();
  disk_->detach();
  close(signals);
  const bool closed = close_log();
  spdlog::info(closed ? "stopped cleanly" : "stopped; the log could not be closed");
  return closed ? 0 : 1;
}

/// The clean stop; the polling thread has ended, so the log is ours.
bool Backend::close_log() {
  if (!untrusted_.empty()) {
    return true;
  }
  log_->close();
  dataplane::RealClock clock;
  const MonoTime until = clock.now().mono + kCloseFor;
  while (!log_->closed() && !log_->failed() && clock.now().mono < until) {
    disk_->wait();
    log_->reap();
  }
  identity_.clean = log_->closed();
  return identity_.clean && write_identity(config_.store_dir, identity_).has_value();
}

}  // namespace tercet::control
