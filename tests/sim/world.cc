#include "tests/sim/world.h"

#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "base/mutant.h"
#include "tests/sim/watched_machine.h"
#include "wire/introduction.h"

namespace tercet::sim {
namespace {

constexpr int64_t kWallStartMs = 1'790'000'000'000;
constexpr size_t kSegmentBytes = 512U << 10U;
constexpr size_t kBatchBytes = 64U << 10U;
constexpr uint32_t kFirm = 10;
constexpr uint32_t kProduct = 1;

/// The simulator's licenses need no keys: the "JWS" is a slot and a quantity.
Code check_constituent(Bytes text, std::span<const license::PublicKey> /*issuers*/,
                       license::CheckedConstituent& out) {
  if (text.size() != 2 || text[0] >= kBackends) {
    return Code::malformed;
  }
  out.terms.firm = kFirm;
  out.terms.product = kProduct;
  out.terms.tmr_id = 1;
  out.terms.revision = 1;
  out.terms.quantity = text[1];
  out.terms.lease_ms = 60'000;
  out.terms.lease_min_ms = 1'000;
  out.terms.lease_max_ms = 86'400'000;
  out.terms.mode = static_cast<uint8_t>(LicenseMode::user_limit);
  out.container_key.fill(static_cast<uint8_t>(text[0] + 1));
  return Code::granted;
}

Code no_notice(Bytes /*text*/, std::span<const license::PublicKey> /*issuers*/,
               license::CheckedNotice& /*out*/) {
  return Code::malformed;
}

license::BookOptions small_book() {
  license::BookOptions options;
  options.leases_max = 256;
  options.tombstones_max = 4096;
  options.undo_entries = 1024;
  options.undo_bytes = 256U << 10U;
  return options;
}

}  // namespace

World::World(const WorldOptions& options)
    : options_(options),
      random_(options.seed),
      network_(random_,
               [this](MonoTime at, Host from, Host to, std::vector<uint8_t> bytes) {
                 queue_.push({at, ++order_, to, from, std::move(bytes)});
               }),
      outbox_(std::make_unique<Outbox>(256)) {
  wake_at_.fill(MonoTime::never());
  checkers_.set_quantity(1, options.seats);
  for (Host host = 0; host < kHostsMax; ++host) {
    clocks_[host].mono_offset_ns = static_cast<int64_t>(random_.below(1'000'000'000'000));
    clocks_[host].drift_ppm = static_cast<int64_t>(random_.below(201)) - 100;
    clocks_[host].wall_offset_ms = static_cast<int64_t>(random_.below(400)) - 200;
  }
  for (unsigned slot = 0; slot < kBackends; ++slot) {
    new_disk(slot, false);
    start_backend(slot);
  }
  start_lb(0);
  start_lb(1);
  network_.stragglers({.share = options.hasty_clients ? 0.04 : 0.0});
  for (unsigned i = 0; i < options.clients; ++i) {
    Client::Options client;
    client.firm = kFirm;
    client.product = kProduct;
    client.lease = options.lease;
    client.think_max = milliseconds(40) * options.clients;
    client.hasty = options.hasty_clients;
    clients_.push_back(std::make_unique<Client>(client, random_.next(), checkers_));
    believes_.push_back(0);
    wake(static_cast<Host>(kFirstClient + i), now_ + random_.between({}, milliseconds(50)));
  }
}

World::~World() {
  // A log waits for its disk before it goes: in a simulation nobody else moves that disk.
  for (Backend& b : backends_) {
    b.replica.reset();
    if (b.disk) {
      b.disk->kill(1);
    }
    b.opening = {};
  }
}

void World::trace(const char* format, ...) {
  if (!options_.trace) {
    return;
  }
  std::printf("%10.3f ms  ", static_cast<double>(now_.ns - 1'000'000'000) / 1e6);
  va_list args;
  va_start(args, format);
  std::vprintf(format, args);
  va_end(args);
  std::printf("\n");
}

// ---- time

Moment World::moment(Host host) {
  const Clock& clock = clocks_[host];
  const int64_t drift = now_.ns / 1'000'000 * clock.drift_ppm;
  return {MonoTime{now_.ns + drift + clock.mono_offset_ns},
          WallTime{kWallStartMs + now_.ns / 1'000'000 + clock.wall_offset_ms}, random_.next()};
}

/// When this host's clock will read `local`; a little late rather than early.
MonoTime World::true_time(Host host, MonoTime local) const {
  if (local == MonoTime::never()) {
    return local;
  }
  const Clock& clock = clocks_[host];
  const int64_t without_offset = local.ns - clock.mono_offset_ns;
  return {without_offset - without_offset / 1'000'000 * clock.drift_ppm + 2'000};
}

void World::wake(Host host, MonoTime at) {
  if (at == MonoTime::never()) {
    return;
  }
  at = later(at, now_ + nanoseconds(1));
  if (wake_at_[host] <= at && wake_at_[host] > now_) {
    return;
  }
  wake_at_[host] = at;
  queue_.push({at, ++order_, host, host, {}});
}

void World::run(MonoTime until) {
  while (checkers_.sound() && !queue_.empty() && queue_.top().at <= until) {
    Event event = std::move(const_cast<Event&>(queue_.top()));
    queue_.pop();
    now_ = event.at;
    ++events_;
    const Host to = event.to;
    if (event.bytes.empty()) {
      if (event.at == wake_at_[to]) {
        wake_at_[to] = MonoTime::never();
        poll(to);
      }
      continue;
    }
    if (is_client(to)) {
      const unsigned client = to - kFirstClient;
      clients_[client]->receive(event.bytes.data(), event.bytes.size(), now_);
      poll_client(client);
    } else if (is_lb(static_cast<ServerId>(to))) {
      if (lbs_[to].service != nullptr) {
        lbs_[to].inbox.emplace_back(event.from, std::move(event.bytes));
        wake(to, now_ + random_.between({}, options_.burst_max));
      }
    } else {
      Backend& b = backends_[to - 2U];
      if (b.replica != nullptr) {
        b.inbox.emplace_back(event.from, std::move(event.bytes));
        wake(to, now_ + random_.between({}, options_.burst_max));
      }
    }
  }
  if (checkers_.sound()) {
    now_ = later(now_, until);
  }
}

void World::poll(Host host) {
  if (is_client(host)) {
    poll_client(host - kFirstClient);
  } else if (host < 2) {
    poll_lb(host);
  } else {
    poll_backend(host - 2U);
  }
}

// ---- servers

void World::start_lb(unsigned lb) {
  if (lbs_[lb].service != nullptr) {
    return;
  }
  dataplane::Balancer::Options options;
  options.proposer.self = static_cast<ServerId>(lb);
  options.proposer.cell = CellId{7};
  options.proposer.instance = Nonce{random_.next() | 1U};
  options.proposer.keepalive = options_.heartbeat;
  options.proposer.absent_after = options_.absent_after;
  options.proposer.window = 64;
  options.proposer.history = 256;
  options.proposer.checkpoints.every = options_.checkpoint_every;
  options.proposer.reads = 16;
  // A handful of clients: so that rounds wait at all, and in some worlds for one, in others for two.
  options.proposer.rounds = {.on = true, .free = random_.below(3), .pair = random_.below(5)};
  options.proposer.activation_id.fill('A');
  options.suspicion.heartbeat = options_.heartbeat;
  options.order.in_flight = 64;
  options.order.repeat_sets = 16;
  options.first_claim = milliseconds(lb == 0 ? 0 : 40);
  const bool trapped = lbs_[lb].trapped;
  lbs_[lb] = {};
  lbs_[lb].trapped = trapped;
  lbs_[lb].service = std::make_unique<dataplane::Balancer>(options, dataplane::Balancer::Control{});
  wake(static_cast<Host>(lb), now_);
  trace("lb%u starts", lb + 1);
}

void World::crash_lb(unsigned lb) {
  lbs_[lb].service.reset();
  lbs_[lb].inbox.clear();
  lbs_[lb].owns = false;
  trace("lb%u dies", lb + 1);
}

/// An empty disk, so another incarnation. `knows`: it is told that there was one before.
void World::new_disk(unsigned slot, bool knows) {
  Backend& b = backends_[slot];
  store::MemoryDisk::Options disk;
  disk.seed = random_.next();
  disk.create_latency = milliseconds(1);
  disk.latency_max = options_.disk_max;
  b.disk = std::make_unique<store::MemoryDisk>(disk);
  b.incarnation = Incarnation{random_.next() | 1U};
  b.store = random_.next() | 1U;
  b.log_made = false;
  b.lost = knows;
  b.given_up = false;
  b.whole = false;
  b.power_fails_after.reset();
  b.disk_lied = false;
  b.rotten.reset();
  b.voted = {};
  b.voted_l = {};
  b.promised = {};
  b.checked = {};
}

FixedVector<uint8_t, kIntroductionMax> World::introduction(unsigned slot) const {
  FixedVector<uint8_t, kIntroductionMax> out;
  for (size_t i = 0; i < sizeof(Introduction) && !backends_[slot].no_container; ++i) {
    out.push_back(static_cast<uint8_t>(slot + 1));
  }
  if (!out.empty()) {
    out.push_back(static_cast<uint8_t>('1' + slot));
  }
  return out;
}

/// False: what the disk holds cannot be trusted.
bool World::open_backend(unsigned slot) {
  Backend& b = backends_[slot];
  backend::OpeningOptions options;
  options.log_made = b.log_made;
  options.log.store = b.store;
  options.log.segment_bytes = kSegmentBytes;
  options.log.batch_bytes = kBatchBytes;
  options.acceptor.cell = CellId{7};
  options.acceptor.slot = static_cast<Slot>(slot);
  options.acceptor.incarnation = b.incarnation;
  options.acceptor.amnesiac = b.lost;
  options.acceptor.keep_behind = 16;
  options.acceptor.keep_for_fed = options_.keep_for_fed;
  options.acceptor.held = {.results = 256, .reads = 16};
  options.acceptor.log = {1U << 16U, 16U << 20U};
  options.acceptor.introduction = introduction(slot);
  b.machine = std::make_unique<WatchedMachine>(
      backend::BookMachineOptions{small_book(), static_cast<int>(slot) == options_.lying_slot},
      license::Checks{check_constituent, no_notice}, checkers_);
  backend::Opening opening = backend::open_log(*b.disk, *b.machine, options);
  if (!opening.sound()) {
    if (b.whole) {
      checkers_.fail("b" + std::to_string(slot + 1) + " cannot read its log after a crash: " + opening.why);
    }
    trace("b%u cannot trust its disk: %s", slot + 1, opening.why.c_str());
    return false;
  }
  b.opening = std::move(opening);
  return true;
}

void World::start_backend(unsigned slot) {
  Backend& b = backends_[slot];
  if (b.replica != nullptr) {
    return;
  }
  if (!open_backend(slot)) {
    new_disk(slot, true);
    if (!open_backend(slot)) {
      checkers_.fail("b" + std::to_string(slot + 1) + " cannot read an empty disk");
      return;
    }
  }
  // I6: what it told was durable.
  const quorum::LogView& log = b.opening.acceptor->log();
  if (!b.disk_lied && b.opening.acceptor->promised() < b.promised) {
    checkers_.fail("I6: b" + std::to_string(slot + 1) + " forgot a promise that it had sent");
  }
  if (!b.disk_lied && b.voted > log.base().seq && !log.matches(b.voted, b.voted_l)) {
    checkers_.fail("I6: b" + std::to_string(slot + 1) + " forgot entries that it had voted, up to seq " +
                   std::to_string(b.voted.value));
  }
  b.log_made = b.disk->size(0) != 0;
  b.replica = std::make_unique<backend::Replica>(b.opening, *b.machine, *b.disk, b.store);
  b.inbox.clear();
  b.paused_until = {};
  b.reopens_at = {};
  b.book_wrong = false;
  b.knew = {};
  wake(static_cast<Host>(slot + 2), now_);
  trace("b%u starts: last seq %lu", slot + 1, static_cast<unsigned long>(log.last().value));
}

void World::crash_backend(unsigned slot, bool power) {
  Backend& b = backends_[slot];
  if (b.replica == nullptr) {
    return;
  }
  // What it voted for counts as long as its log still says so: a later cut is the protocol's right.
  if (b.voted > b.opening.acceptor->log().base().seq &&
      !b.opening.acceptor->log().matches(b.voted, b.voted_l)) {
    b.voted = {};
    b.voted_l = {};
  }
  b.power_fails_after.reset();
  b.power_fails_at = MonoTime::never();
  b.book_mends_at = {};
  if (power) {
    b.disk->power_loss(random_.next());
  } else {
    b.disk->kill(random_.next());
  }
  checkpoints_ += b.replica->view().checkpoints.written;
  images_ += b.replica->view().fetched.installed;
  b.replica.reset();
  b.opening = {};
  b.machine.reset();
  b.inbox.clear();
  trace("b%u dies%s", slot + 1, power ? " with its power" : "");
}

void World::poll_lb(unsigned lb) {
  Lb& node = lbs_[lb];
  if (node.service == nullptr) {
    return;
  }
  if (now_ < node.paused_until) {
    wake(static_cast<Host>(lb), node.paused_until);
    return;
  }
  messages_.clear();
  for (const auto& [from, bytes] : node.inbox) {
    dataplane::Message message;
    message.plain = bytes;
    if (is_client(from)) {
      message.client.endpoint.port = from;
    } else {
      message.from_server = true;
      message.server = static_cast<ServerId>(from);
    }
    messages_.push_back(message);
  }
  const Moment moment = this->moment(static_cast<Host>(lb));
  outbox_->clear();
  const MonoTime next = node.service->poll(messages_, moment, *outbox_);
  node.inbox.clear();
  take_events(lb);
  check_lb(lb);
  route(static_cast<Host>(lb), *outbox_);
  if (node.service == nullptr) {
    return;  // a trap
  }
  wake(static_cast<Host>(lb), true_time(static_cast<Host>(lb), next));
}

/// Plays the control thread: the address follows the epoch, and each client's neighbour table the
/// announcement.
void World::take_events(unsigned lb) {
  Lb& node = lbs_[lb];
  auto& events = node.service->pending_events();
  for (const dataplane::Event& event : events) {
    using Kind = dataplane::Event::Kind;
    switch (event.kind) {
      case Kind::won:
        ++takeovers_;
        trace("lb%u won epoch %lu", lb + 1, static_cast<unsigned long>(event.epoch.value));
        node.owns = true;
        announce(lb);
        break;
      case Kind::confirmed:
        // As it was when two backends said so: it may have slept since, and announces what is over.
        node.owns = true;
        announce(lb);
        break;
      case Kind::lost:
        trace("lb%u lost epoch %lu", lb + 1, static_cast<unsigned long>(event.epoch.value));
        node.owns = false;
        break;
      case Kind::cut_off:
        trace("lb%u is cut off", lb + 1);
        node.owns = false;
        node.service->command({dataplane::Command::Kind::confirm, ++node.token, event.epoch, {}},
                              moment(static_cast<Host>(lb)));
        break;
      case Kind::second_active:
      case Kind::stalled:
        node.service->command({dataplane::Command::Kind::confirm, ++node.token, event.epoch, {}},
                              moment(static_cast<Host>(lb)));
        break;
    }
  }
  events.clear();
}

void World::poll_backend(unsigned slot) {
  Backend& b = backends_[slot];
  const Host host = static_cast<Host>(slot + 2);
  if (b.replica == nullptr) {
    if (b.reopens_at.ns != 0 && now_ >= b.reopens_at) {
      start_backend(slot);
    }
    return;
  }
  if (now_ < b.paused_until) {
    wake(host, b.paused_until);
    return;
  }
  messages_.clear();
  for (const auto& [from, bytes] : b.inbox) {
    dataplane::Message message;
    message.plain = bytes;
    message.from_server = true;
    message.server = static_cast<ServerId>(from);
    messages_.push_back(message);
  }
  b.disk->advance(now_);
  if (b.book_mends_at.ns != 0 && now_ >= b.book_mends_at) {
    b.book_mends_at = {};
    b.machine->lie(false);
    b.wrong_to = b.opening.acceptor->log().last();
  }
  outbox_->clear();
  const MonoTime next = b.replica->poll(messages_, moment(host), *outbox_);
  b.inbox.clear();
  b.log_made = b.log_made || b.opening.log->ready();
  if (b.rotten) {
    const std::vector<store::FileId> images = b.disk->images();
    b.rotten = std::ranges::find(images, *b.rotten) != images.end() ? b.rotten : std::nullopt;
  }
  // One that a lying disk made forget a vote is whole again when it has that entry.
  b.whole =
      b.whole || (!b.rotten && b.opening.acceptor->member() && b.opening.acceptor->durable_seq().value != 0 &&
                  !b.opening.acceptor->catching_up() && !b.opening.acceptor->divergent() && !b.book_wrong &&
                  b.book_mends_at.ns == 0 && !b.power_fails_after && b.power_fails_at == MonoTime::never() &&
                  (b.voted <= b.opening.acceptor->log().base().seq ||
                   b.opening.acceptor->log().matches(b.voted, b.voted_l)));
  b.disk_lied = b.disk_lied && !b.whole;
  check_forced(slot);
  check_backend(slot);
  for (const Outbox::Parcel& parcel : outbox_->parcels()) {
    watch_outgoing(slot, outbox_->bytes(parcel));
  }
  route(host, *outbox_);
  b.sprung = b.sprung || now_ >= b.power_fails_at ||
             (b.power_fails_after && b.disk->writes() >= *b.power_fails_after);
  if (b.sprung) {
    b.sprung = false;
    if (std::exchange(b.trap_wipes, false) && may_lose_disk(slot)) {
      wipe_backend(slot);
    } else {
      crash_backend(slot, true);
    }
    trapped_.push_back(slot);
    return;
  }
  if (b.opening.acceptor->lost() || b.opening.acceptor->reopen() || b.opening.log->failed()) {
    // Its owner opens the store anew: as another incarnation, or as it is once the disk works again.
    const bool lost = b.opening.acceptor->lost();
    trace("b%u is opened anew%s", slot + 1, lost ? ", as another incarnation" : "");
    crash_backend(slot, false);
    if (lost) {
      new_disk(slot, true);
      ++disks_lost_;
      start_backend(slot);
    } else {
      b.reopens_at = now_ + milliseconds(200);
      wake(host, b.reopens_at);
    }
    return;
  }
  wake(host, earlier(true_time(host, next), b.disk->next_due()));
}

void World::poll_client(unsigned client) {
  std::vector<uint8_t> send;
  const Host host = static_cast<Host>(kFirstClient + client);
  const MonoTime next = clients_[client]->tick(now_, send);
  if (!send.empty()) {
    const unsigned lb = believes_[client];
    if (!lbs_[lb].clients_cut) {
      network_.send_query(now_, host, static_cast<Host>(lb), send.data(), send.size());
    }
  }
  wake(host, next);
}

void World::import_license() {
  for (unsigned slot = 0; slot < kBackends; ++slot) {
    clients_[slot % clients_.size()]->import(
        {static_cast<uint8_t>(slot), static_cast<uint8_t>(options_.seats)});
  }
}

Totals World::totals() const {
  Totals totals;
  for (const auto& client : clients_) {
    totals.requests += client->stats().requests;
    totals.answered += client->stats().granted + client->stats().denied + client->stats().reads;
    totals.unknown += client->stats().unknown;
  }
  totals.faults = faults_;
  totals.takeovers = takeovers_;
  totals.disks_lost = disks_lost_;
  totals.checkpoints = checkpoints_;
  totals.images = images_;
  for (const Backend& b : backends_) {
    totals.checkpoints += b.replica != nullptr ? b.replica->view().checkpoints.written : 0;
    totals.images += b.replica != nullptr ? b.replica->view().fetched.installed : 0;
  }
  totals.forced = forced_.value != 0;
  totals.events = events_;
  return totals;
}

}  // namespace tercet::sim
