#pragma once
// Tests only: a whole cell in one process without kernel, disk or clock: the real loops (open, Balancer or
// Replica, send) with real keys over ports in memory. Time is the test's. Disks answer at once.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "backend/book_machine.h"
#include "backend/replica.h"
#include "dataplane/many_threads.h"
#include "dataplane/one_thread.h"
#include "dataplane/port/memory_port.h"
#include "dataplane/steer/balancer.h"
#include "license/plain_constituent.h"
#include "tests/allocations/allocations.h"
#include "wire/introduction.h"
#include "wire/query.h"
#include "wire/seal/client_keyring.h"
#include "wire/seal/key_file.h"

namespace tercet::tests {

/// A disk on which everything is durable when it is asked for. Allocates nothing.
class InstantDisk final : public store::Disk {
 public:
  void write(store::FileId, store::Offset, Bytes, store::IoId id, store::Durability) override { done(id); }
  void read(store::FileId, store::Offset, MutBytes, store::IoId id) override { done(id); }
  void create(store::FileId file, uint64_t size, store::IoId id) override {
    files_ = {0, file + 1};
    size_ = size;
    done(id);
  }
  void begin(store::FileId, uint64_t, uint64_t, store::IoId id) override { done(id); }
  void sync(store::IoId id) override { done(id); }
  void publish(store::FileId, store::IoId id) override { done(id); }
  void drop(store::FileId, store::IoId id) override { done(id); }
  void remove(store::FileId, store::IoId id) override { done(id); }
  void recycle(store::FileId, store::FileId, store::IoId id) override { done(id); }
  size_t reap(std::span<store::IoDone> out) override {
    size_t n = 0;
    while (n < out.size() && !done_.empty()) {
      out[n++] = done_.back();
      done_.pop_back();
    }
    return n;
  }
  bool wait() override { return !done_.empty(); }
  [[nodiscard]] uint64_t size(store::FileId file) override { return file < files_.end ? size_ : 0; }
  [[nodiscard]] store::FileRange files() override { return files_; }
  [[nodiscard]] std::vector<store::FileId> images() override { return {}; }

 private:
  void done(store::IoId id) {
    store::IoDone one;
    one.id = id;
    done_.push_back(one);
  }
  FixedVector<store::IoDone, 16> done_;
  store::FileRange files_;
  uint64_t size_ = 0;
};

class CellRig {
 public:
  /// `steering`: steering threads of each server, whose loops take their turns one after the other; 0: one
  /// thread.
  explicit CellRig(unsigned lbs = 1, unsigned steering = 0) : steering_(steering) {
    for (unsigned i = 0; i < kBackends; ++i) {
      make_backend(static_cast<Slot>(i));
    }
    for (unsigned i = 0; i < lbs; ++i) {
      make_lb(static_cast<ServerId>(i));
    }
    dataplane::PortOptions options;
    options.lanes = {{kClient, {}}};
    client_port_ = std::make_unique<dataplane::MemoryPort>(wire_, options);
    client_keys_ = std::make_unique<seal::ClientKeyring>(keys_.client);
  }

  /// A turn of every server each 100 µs.
  void run(Duration time) {
    for (const MonoTime end = now_ + time; now_ < end; now_ = now_ + microseconds(100)) {
      turn();
    }
  }
  bool run_until_serving() {
    for (int i = 0; i < 100 && !serving(); ++i) {
      run(milliseconds(50));
    }
    return serving();
  }
  [[nodiscard]] bool serving() const { return balancers_[0] && balancers_[0]->proposer().serving(now_); }

  /// Asks and waits for the answer; nothing after half a second.
  std::optional<OpResult> ask(OpKind kind, const Handle& handle, uint32_t request, Bytes body) {
    const license::Buffer op = license::make_op(kind, handle, request, cell_ms(), body);
    std::array<uint8_t, kClientDatagramMax> out{};
    for (int tries = 0; tries < 50; ++tries) {
      QueryWriter writer(MutBytes(out).subspan(kHeaderSize, kClientPlainMax));
      EXPECT_TRUE(writer.add(op));
      const size_t plain = writer.finish();
      const size_t size = client_keys_->seal_query(Bytes(out).subspan(kHeaderSize, plain), out);
      wire_.deliver(kClient, kVirtual, Bytes(out).first(size));
      run(milliseconds(10));
      if (const auto result = answer(request)) {
        return result;
      }
    }
    return std::nullopt;
  }
  /// Imports a license of `seats`, constituent by constituent.
  void import(uint32_t seats) {
    for (unsigned slot = 0; slot < kBackends; ++slot) {
      license::PlainConstituent constituent;
      constituent.issuer = kIssuer;
      constituent.firm = 1000;
      constituent.product = 1;
      constituent.tmr_id = 1;
      constituent.quantity = seats;
      std::memset(constituent.container_key, static_cast<int>(0x11 * (slot + 1)),
                  sizeof constituent.container_key);
      const auto result = ask(OpKind::import_constituent, handle(900'000 + slot), 1, bytes_of(constituent));
      ASSERT_TRUE(result);
      ASSERT_EQ(static_cast<Code>(result->code), Code::granted) << name_of(static_cast<Code>(result->code));
    }
  }
  static Handle handle(uint64_t number) {
    Handle h;
    std::memcpy(h.bytes.data(), &number, sizeof number);
    h.bytes[15] = 1;
    return h;
  }
  static CheckoutBody checkout() {
    CheckoutBody body{};
    body.firm = 1000;
    body.product = 1;
    return body;
  }
  /// Allocations in the turns of LBs and of backends since the last call of forget_allocations().
  [[nodiscard]] uint64_t lb_allocations() const { return lb_allocations_; }
  [[nodiscard]] uint64_t backend_allocations() const { return backend_allocations_; }
  void forget_allocations() { lb_allocations_ = backend_allocations_ = 0; }

  [[nodiscard]] const dataplane::Balancer& balancer(ServerId lb) const { return *balancers_[index(lb)]; }
  [[nodiscard]] const backend::Replica& replica(Slot slot) const { return *replicas_[index(slot)]; }
  [[nodiscard]] MonoTime now() const { return now_; }
  [[nodiscard]] std::vector<dataplane::ThreadView> threads(ServerId id) const {
    return loops_[index(id)] ? std::vector{loops_[index(id)]->view()} : many_[index(id)]->views();
  }
  [[nodiscard]] dataplane::MemoryWire& wire() { return wire_; }

 private:
  static constexpr uint8_t kIssuer = 0xA1;
  const Endpoint kVirtual = parse_endpoint("198.18.0.100:8200").value();
  const Endpoint kClient = parse_endpoint("198.18.0.21:5000").value();
  static Endpoint address(ServerId id) {
    return parse_endpoint("198.18.0." + std::to_string(index(id) + 1) + ":8210").value();
  }
  [[nodiscard]] int64_t cell_ms() const { return balancers_[0]->proposer().decided_cell().ms; }

  void make_loop(ServerId id, dataplane::Service& service, bool clients) {
    dataplane::PortOptions options;
    dataplane::Routes routes;
    if (clients) {
      options.lanes.push_back({kVirtual, {}});
    }
    for (unsigned i = 0; i < kServers; ++i) {
      if (i != index(id)) {
        routes.lane_of[i] = static_cast<Lane>(options.lanes.size());
        options.lanes.push_back({address(id), address(static_cast<ServerId>(i))});
      }
    }
    if (steering_ != 0) {
      make_many(id, service, options, routes);
      return;
    }
    ports_.push_back(std::make_unique<dataplane::MemoryPort>(wire_, options));
    keyrings_.push_back(std::make_unique<seal::Keyring>(keys_.servers[index(id)]));
    loops_[index(id)] =
        std::make_unique<dataplane::OneThread>(*ports_.back(), *keyrings_.back(), service, routes);
  }
  void make_many(ServerId id, dataplane::Service& service, const dataplane::PortOptions& options,
                 const dataplane::Routes& routes) {
    const dataplane::Owners owners = dataplane::owners_of(id, steering_);
    std::vector<dataplane::ManyThreads::Steering> threads;
    unsigned thread = 0;
    for (const dataplane::Share& share : dataplane::share_out(options, routes, owners, steering_)) {
      ports_.push_back(std::make_unique<dataplane::MemoryPort>(wire_, share.port));
      keyrings_.push_back(
          std::make_unique<seal::Keyring>(dataplane::keys_of(keys_.servers[index(id)], owners, thread++)));
      threads.push_back({ports_.back().get(), keyrings_.back().get(), share.routes});
    }
    ports_.push_back(std::make_unique<dataplane::MemoryPort>(wire_, dataplane::PortOptions{}));
    many_[index(id)] = dataplane::ManyThreads::make(threads, *ports_.back(), service, owners).value();
  }
  void turn_of(unsigned i, const Moment& moment) {
    if (loops_[i]) {
      loops_[i]->wait(loops_[i]->poll(moment));
      return;
    }
    dataplane::ManyThreads& many = *many_[i];
    const auto steer = [&] {
      for (size_t thread = 0; thread < many.steering_threads(); ++thread) {
        many.steering(thread).wait(many.steering(thread).poll(moment));
      }
    };
    steer();
    many.quorum().wait(many.quorum().poll(moment));
    steer();
  }
  void make_lb(ServerId id) {
    dataplane::Balancer::Options options;
    options.proposer.self = id;
    options.proposer.cell = keys_.client.cell;
    options.proposer.instance = Nonce{100 + index(id)};
    options.proposer.activation_id.fill('a');
    std::array<uint8_t, 32> issuer{};
    issuer.fill(kIssuer);
    options.proposer.issuers = {issuer};
    options.first_claim = milliseconds(40 * index(id));
    balancers_[index(id)] = std::make_unique<dataplane::Balancer>(
        options, dataplane::Balancer::Control{&links_[index(id)].commands, &links_[index(id)].events, -1,
                                              &views_[index(id)], nullptr});
    make_loop(id, *balancers_[index(id)], id == ServerId::lb1);
  }
  void make_backend(Slot slot) {
    const unsigned i = index(slot);
    quorum::Acceptor::Options options;
    options.cell = keys_.client.cell;
    options.slot = slot;
    options.incarnation = Incarnation{10 + i};
    options.log.entries_max = 1U << 20U;
    options.log.bytes_max = size_t{64} << 20U;
    std::array<uint8_t, 32> key{};
    key.fill(static_cast<uint8_t>(0x11 * (i + 1)));
    options.introduction.resize(kIntroductionMax);
    options.introduction.resize(
        write_introduction(key, "3-0000001", {options.introduction.data(), options.introduction.size()}));
    machines_[i] =
        std::make_unique<backend::BookMachine>(backend::BookMachineOptions{}, license::plain_checks());
    backend::Opening& opening = openings_[i];
    opening.acceptor = std::make_unique<quorum::Acceptor>(options);
    opening.acceptor->recovered(*machines_[i]);
    opening.log =
        std::make_unique<store::Log>(disks_[i], store::Log::Options{.store = 1 + i}, store::LogEnd{});
    replicas_[i] = std::make_unique<backend::Replica>(opening, *machines_[i], disks_[i], 1 + i);
    replicas_[i]->show_to(&replica_views_[i]);
    make_loop(server_of(slot), *replicas_[i], false);
  }
  void turn() {
    const Moment moment{.mono = now_,
                        .wall = WallTime{1'800'000'000'000 + now_.ns / 1'000'000},
                        .dice = ++dice_ * 0x9E3779B97F4A7C15U};
    for (unsigned i = 0; i < kServers; ++i) {
      if (!loops_[i] && !many_[i]) {
        continue;
      }
      const uint64_t before = allocations_so_far();
      turn_of(i, moment);
      (i < 2 ? lb_allocations_ : backend_allocations_) += allocations_so_far() - before;
      std::array<dataplane::Event, 16> events;
      if (i < 2) {
        links_[i].events.pop(std::span(events));
      }
    }
  }
  std::optional<OpResult> answer(uint32_t request) {
    std::optional<OpResult> result;
    while (client_port_->receive(rx_) != 0) {
      for (const dataplane::RxDatagram& d : rx_.datagrams) {
        const auto opened = client_keys_->open_reply(d.bytes);
        Bytes answers;
        ReplyView reply;
        if (!opened || parse_reply(opened->plain, answers) != Drop::none) {
          continue;
        }
        while (next_reply(answers, reply)) {
          if (reply.request == request && reply.body.size() == sizeof(OpResult)) {
            result.emplace();
            std::memcpy(&*result, reply.body.data(), sizeof(OpResult));
          }
        }
      }
    }
    return result;
  }

  seal::CellKeys keys_ = seal::generate_cell_keys(seal::Algorithm::chacha20_poly1305);
  dataplane::MemoryWire wire_;
  std::array<InstantDisk, kBackends> disks_;
  std::array<std::unique_ptr<backend::BookMachine>, kBackends> machines_;
  std::array<backend::Opening, kBackends> openings_;
  std::array<std::unique_ptr<backend::Replica>, kBackends> replicas_;
  std::array<dataplane::Snapshot<backend::ReplicaView>, kBackends> replica_views_;
  struct Links {
    dataplane::Link<dataplane::Command> commands{64};
    dataplane::Link<dataplane::Event> events{64};
  };
  std::array<Links, 2> links_;
  std::array<dataplane::Snapshot<dataplane::View>, 2> views_;
  std::array<std::unique_ptr<dataplane::Balancer>, 2> balancers_;
  unsigned steering_ = 0;
  std::vector<std::unique_ptr<dataplane::MemoryPort>> ports_;
  std::vector<std::unique_ptr<seal::Keyring>> keyrings_;
  std::array<std::unique_ptr<dataplane::OneThread>, kServers> loops_;
  std::array<std::unique_ptr<dataplane::ManyThreads>, kServers> many_;
  std::unique_ptr<dataplane::MemoryPort> client_port_;
  std::unique_ptr<seal::ClientKeyring> client_keys_;
  dataplane::RxBurst rx_;
  MonoTime now_{1'000'000'000};
  uint64_t dice_ = 0;
  uint64_t lb_allocations_ = 0;
  uint64_t backend_allocations_ = 0;
};

}  // namespace tercet::tests
