#include "control/plane.h"

#include <algorithm>

namespace tercet::control {
namespace {

constexpr size_t kKeysMin = 64;  ///< clients whose keys a thread keeps ready at least

// Under a kernel a peer's socket belongs to one thread. A DPDK device spreads datagrams by itself, a peer's
// to one queue as a rule, but not to one that we chose (and to another where that is full: af_packet): every
// thread has all lanes and can open what comes by them. What is sent still leaves by the thread that owns the
// peer. No nonce can repeat, since each keyring has a session of its own.

std::vector<dataplane::Share> shares_of(Engine engine, const dataplane::PortOptions& lanes,
                                        const dataplane::Routes& routes, const dataplane::Owners& owners,
                                        unsigned threads) {
  if (engine == Engine::dpdk) {
    return std::vector<dataplane::Share>(threads, {lanes, routes});
  }
  return dataplane::share_out(lanes, routes, owners, threads);
}

seal::ServerKeys keys_of(Engine engine, const seal::ServerKeys& keys, const dataplane::Owners& owners,
                         unsigned thread) {
  return engine == Engine::dpdk ? keys : dataplane::keys_of(keys, owners, thread);
}

}  // namespace

tl::expected<std::unique_ptr<Plane>, std::string> Plane::open(
    const ServerConfig& config, const Engines& engines, const dataplane::PortOptions& lanes,
    const dataplane::Routes& routes, const seal::ServerKeys& keys, const seal::KeyringOptions& sealing) {
  std::unique_ptr<Plane> self(new Plane);
  self->steering_ = config.steering_threads;
  self->poll_ = config.poll;
  std::vector<dataplane::PortOptions> options;
  if (self->steering_ == 0) {
    options.push_back(lanes);
    self->routes_.push_back(routes);
    self->keyrings_.push_back(std::make_unique<seal::Keyring>(keys, sealing));
  } else {
    self->owners_ = dataplane::owners_of(config.self, self->steering_);
    for (dataplane::Share& share : shares_of(config.engine, lanes, routes, self->owners_, self->steering_)) {
      options.push_back(std::move(share.port));
      self->routes_.push_back(share.routes);
    }
    seal::KeyringOptions part = sealing;
    part.client_cache_entries = std::max(kKeysMin, sealing.client_cache_entries / self->steering_);
    for (unsigned thread = 0; thread < self->steering_; ++thread) {
      self->keyrings_.push_back(
          std::make_unique<seal::Keyring>(keys_of(config.engine, keys, self->owners_, thread), part));
    }
  }
  for (const dataplane::PortOptions& port : options) {
    self->taps_.push_back(std::make_unique<dataplane::Wiretap>(port.lanes));
  }
  const std::string poll = poll_warning(config, cpus_allowed());
  auto opened = open_ports(config, engines, options, self->steering_ != 0);
  if (!opened) {
    return tl::unexpected(std::move(opened.error()));
  }
  self->ports_ = std::move(opened->ports);
  self->rest_ = std::move(opened->rest);
  self->rest_cpus_ = std::move(opened->rest_cpus);
  self->path_ = std::move(opened->path);
  self->warnings_ = std::move(opened->warnings);
  if (!poll.empty()) {
    self->warnings_.push_back(poll);
  }
  self->why_ = std::move(opened->why);
  self->why_ += self->steering_ == 0 ? ", one polling thread"
                                     : ", " + std::to_string(self->steering_) + " steering thread" +
                                           (self->steering_ == 1 ? "" : "s") + " and the quorum thread";
  return self;
}

Plane::~Plane() { stop(); }

tl::expected<void, std::string> Plane::serve(dataplane::Service& service) {
  if (steering_ == 0) {
    one_ = std::make_unique<dataplane::OneThread>(*ports_.front(), *keyrings_.front(), service,
                                                  routes_.front(), dataplane::kOutboxParcels, *taps_.front());
    views_ = {one_->view()};
    return {};
  }
  std::vector<dataplane::ManyThreads::Steering> steering;
  for (unsigned thread = 0; thread < steering_; ++thread) {
    steering.push_back({ports_[thread].get(), keyrings_[thread].get(), routes_[thread], taps_[thread].get()});
  }
  auto many = dataplane::ManyThreads::make(steering, *rest_, service, owners_, {.sleep = {.poll = poll_}});
  if (!many) {
    return tl::unexpected(std::move(many.error()));
  }
  many_ = std::move(*many);
  views_ = many_->views();
  return {};
}

std::vector<dataplane::Wiretap*> Plane::taps() const {
  std::vector<dataplane::Wiretap*> taps;
  for (const auto& tap : taps_) {
    taps.push_back(tap.get());
  }
  return taps;
}

void Plane::start() {
  if (one_) {
    threads_.push_back(std::make_unique<PollingThread>(*one_, views_.front().name));
    return;
  }
  threads_.push_back(std::make_unique<PollingThread>(many_->quorum(), views_.back().name, rest_cpus_));
  for (unsigned thread = 0; thread < steering_; ++thread) {
    threads_.push_back(std::make_unique<PollingThread>(many_->steering(thread), views_[thread].name));
  }
}

void Plane::stop() {
  for (auto& thread : threads_) {
    thread->stop();
  }
  threads_.clear();
}

}  // namespace tercet::control
