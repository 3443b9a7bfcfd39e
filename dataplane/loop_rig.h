#pragma once
// Tests only: one server's whole loop over ports in memory, with real keys, and peers and a client that speak
// to it. The loop is that of one thread, or those of several, which then take their turns one after the
// other.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "dataplane/many_threads.h"
#include "dataplane/one_thread.h"
#include "dataplane/port/memory_port.h"
#include "wire/seal/client_keyring.h"
#include "wire/seal/key_file.h"

namespace tercet::dataplane {

inline Endpoint endpoint(const std::string& text) { return parse_endpoint(text).value(); }

/// Answers each message to whoever sent it, as often as asked; notes the rest.
class EchoService final : public Service {
 public:
  MonoTime poll(std::span<const Message> in, const Moment& now, Outbox& out) override {
    messages += in.size();
    for (const Message& message : in) {
      for (unsigned i = 0; i < copies; ++i) {
        const MutBytes room = out.open();
        if (room.empty()) {
          ++no_room;
          break;
        }
        std::copy(message.plain.begin(), message.plain.end(), room.begin());
        if (message.from_server) {
          out.close(to_all ? kAllBackends : ServerSet(message.server), message.plain.size());
        } else {
          out.close(message.client, message.plain.size());
        }
      }
    }
    polled_at = now.mono;
    return again;
  }
  void unreachable(ServerId server, const Moment& /*now*/) override { unreachable_servers.push_back(server); }
  void resigned(ServerId lb, Epoch epoch, const Moment& /*now*/) override {
    resignations.push_back({lb, epoch});
  }

  unsigned copies = 1;
  bool to_all = false;
  MonoTime again = MonoTime::never();
  MonoTime polled_at;
  uint64_t messages = 0;
  uint64_t no_room = 0;
  std::vector<ServerId> unreachable_servers;
  std::vector<std::pair<ServerId, Epoch>> resignations;
};

/// lb1 in the middle: a client lane and a lane to each peer. b1 … b3 and lb2 are ports with keyrings.
struct LoopRig {
  /// `steering` 0: one thread.
  explicit LoopRig(unsigned steering = 0, size_t link_cells = 4'096) {
    PortOptions options;
    options.lanes = {{kClients, {}}};
    for (unsigned i = 1; i < kServers; ++i) {
      routes.lane_of[i] = static_cast<Lane>(options.lanes.size());
      options.lanes.push_back({address(0), address(i)});
    }
    if (steering == 0) {
      ports.push_back(std::make_unique<MemoryPort>(wire, options));
      keyrings.push_back(std::make_unique<seal::Keyring>(keys.servers[0]));
      taps.push_back(std::make_unique<Wiretap>(options.lanes));
      loop = std::make_unique<OneThread>(*ports[0], *keyrings[0], service, routes, outbox_parcels, *taps[0]);
    } else {
      make_many(steering, options, link_cells);
    }
    port = ports[0].get();
    keyring = keyrings[0].get();
    for (unsigned i = 1; i < kServers; ++i) {
      PortOptions peer;
      peer.lanes = {{address(i), address(0)}};
      peers[i] = std::make_unique<MemoryPort>(wire, peer);
      peer_keys[i] = std::make_unique<seal::Keyring>(keys.servers[i]);
    }
    PortOptions alice;
    alice.lanes = {{kAlice, {}}};
    client = std::make_unique<MemoryPort>(wire, alice);
    client_key = std::make_unique<seal::ClientKeyring>(keys.client);
  }
  void make_many(unsigned steering, const PortOptions& options, size_t link_cells) {
    owners = owners_of(ServerId::lb1, steering);
    std::vector<ManyThreads::Steering> threads;
    for (const Share& share : share_out(options, routes, owners, steering)) {
      const auto thread = static_cast<unsigned>(ports.size());
      ports.push_back(std::make_unique<MemoryPort>(wire, share.port));
      keyrings.push_back(std::make_unique<seal::Keyring>(keys_of(keys.servers[0], owners, thread)));
      taps.push_back(std::make_unique<Wiretap>(share.port.lanes));
      threads.push_back({ports.back().get(), keyrings.back().get(), share.routes, taps.back().get()});
    }
    rest = std::make_unique<MemoryPort>(wire, PortOptions{});
    many = ManyThreads::make(threads, *rest, service, owners,
                             {.link_cells = link_cells, .outbox_parcels = outbox_parcels})
               .value();
  }
  static Endpoint address(unsigned server) {
    return endpoint("198.18.0." + std::to_string(server + 1) + ":8210");
  }

  void peer_says(ServerId peer, std::string_view text) {
    MemoryPort& from = *peers[index(peer)];
    TxBurst& burst = from.transmit();
    const MutBytes room = burst.next();
    burst.push(peer_keys[index(peer)]->seal_to_server(ServerId::lb1, as_bytes(text), room), 0, {});
    from.send(burst);
  }
  void client_says(std::string_view text) {
    TxBurst& burst = client->transmit();
    const MutBytes room = burst.next();
    burst.push(client_key->seal_query(as_bytes(text), room), 0, kClients);
    client->send(burst);
  }
  /// Whatever bytes, on the client lane.
  void anybody_says(Bytes bytes) { wire.deliver(kAlice, kClients, bytes); }
  /// What a peer got, opened; as often as there is something.
  std::vector<std::string> peer_got(ServerId peer) {
    std::vector<std::string> texts;
    while (peers[index(peer)]->receive(rx) != 0) {
      for (const RxDatagram& d : rx.datagrams) {
        const auto opened = peer_keys[index(peer)]->open_from_server(d.bytes);
        texts.emplace_back(opened ? as_text(opened->plain) : "(not opened)");
      }
    }
    return texts;
  }
  std::vector<std::string> client_got() {
    std::vector<std::string> texts;
    while (client->receive(rx) != 0) {
      for (const RxDatagram& d : rx.datagrams) {
        const auto opened = client_key->open_reply(d.bytes);
        texts.emplace_back(opened ? as_text(opened->plain) : "(not opened)");
      }
    }
    return texts;
  }
  /// A turn of everything: with several threads those that receive, the one that decides, those that send.
  MonoTime poll() {
    const Moment now{.mono = MonoTime{1'000'000}, .wall = {}, .dice = 1};
    if (loop) {
      return loop->poll(now);
    }
    steer(now);
    const MonoTime again = many->quorum().poll(now);
    while (steer(now)) {
    }
    return again;
  }
  /// True: some want another turn at once.
  bool steer(const Moment& now) {
    bool again = false;
    for (size_t thread = 0; thread < many->steering_threads(); ++thread) {
      again = many->steering(thread).poll(now) <= now.mono || again;
    }
    return again;
  }
  void wait(MonoTime until) {
    if (loop) {
      loop->wait(until);
      return;
    }
    for (size_t thread = 0; thread < many->steering_threads(); ++thread) {
      many->steering(thread).wait(until);
    }
    many->quorum().wait(until);
  }
  [[nodiscard]] std::vector<ThreadView> views() const {
    return loop ? std::vector{loop->view()} : many->views();
  }
  [[nodiscard]] uint64_t drops(Drop reason) const {
    uint64_t sum = 0;
    for (const ThreadView& view : views()) {
      sum += view.opened == nullptr ? 0 : view.opened->drops[static_cast<size_t>(reason)].get();
    }
    return sum;
  }
  [[nodiscard]] uint64_t dropped() const {
    uint64_t sum = 0;
    for (const ThreadView& view : views()) {
      sum += view.opened == nullptr ? 0 : view.opened->dropped();
    }
    return sum;
  }
  [[nodiscard]] uint64_t sent_datagrams() const {
    uint64_t sum = 0;
    for (const ThreadView& view : views()) {
      sum += view.sent == nullptr ? 0 : view.sent->datagrams.get();
    }
    return sum;
  }
  /// As if ICMP had come back from `peer`.
  void report_unreachable(ServerId peer) {
    if (loop) {
      ports[0]->report_unreachable(routes.lane_of[index(peer)]);
      return;
    }
    const unsigned thread = owners[index(peer)];
    Lane lane = 1;  // behind the clients'
    for (unsigned i = 1; i < index(peer); ++i) {
      lane = static_cast<Lane>(lane + (owners[i] == thread ? 1 : 0));
    }
    ports[thread]->report_unreachable(lane);
  }

  const Endpoint kClients = endpoint("198.18.0.100:8200");
  const Endpoint kAlice = endpoint("198.18.0.21:5000");
  size_t outbox_parcels = 512;
  seal::CellKeys keys = seal::generate_cell_keys(seal::Algorithm::chacha20_poly1305);
  MemoryWire wire;
  Routes routes;
  EchoService service;
  Owners owners{};
  std::vector<std::unique_ptr<MemoryPort>> ports;  ///< of each thread that receives
  std::vector<std::unique_ptr<seal::Keyring>> keyrings;
  std::vector<std::unique_ptr<Wiretap>> taps;  ///< of each
  MemoryPort* port = nullptr;                  ///< the first
  seal::Keyring* keyring = nullptr;
  std::unique_ptr<OneThread> loop;  ///< none with several threads
  std::unique_ptr<MemoryPort> rest;
  std::unique_ptr<ManyThreads> many;
  std::array<std::unique_ptr<MemoryPort>, kServers> peers;
  std::array<std::unique_ptr<seal::Keyring>, kServers> peer_keys;
  std::unique_ptr<MemoryPort> client;
  std::unique_ptr<seal::ClientKeyring> client_key;
  RxBurst rx;
};

}  // namespace tercet::dataplane
