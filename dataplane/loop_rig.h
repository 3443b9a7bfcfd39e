#pragma once
// Tests only: one server's whole loop over ports in memory, with real keys, and peers and a client that speak
// to it.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

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
  void unreachable(ServerId server) override { unreachable_servers.push_back(server); }
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
  LoopRig() {
    PortOptions options;
    options.lanes = {{kClients, {}}};
    for (unsigned i = 1; i < kServers; ++i) {
      routes.lane_of[i] = static_cast<Lane>(options.lanes.size());
      options.lanes.push_back({address(0), address(i)});
    }
    port = std::make_unique<MemoryPort>(wire, options);
    keyring = std::make_unique<seal::Keyring>(keys.servers[0]);
    loop = std::make_unique<OneThread>(*port, *keyring, service, routes, outbox_parcels);
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
  MonoTime poll() { return loop->poll({.mono = MonoTime{1'000'000}, .wall = {}, .dice = 1}); }
  [[nodiscard]] uint64_t drops(Drop reason) const {
    return loop->opened().drops[static_cast<size_t>(reason)].get();
  }

  const Endpoint kClients = endpoint("198.18.0.100:8200");
  const Endpoint kAlice = endpoint("198.18.0.21:5000");
  size_t outbox_parcels = 512;
  seal::CellKeys keys = seal::generate_cell_keys(seal::Algorithm::chacha20_poly1305);
  MemoryWire wire;
  Routes routes;
  EchoService service;
  std::unique_ptr<MemoryPort> port;
  std::unique_ptr<seal::Keyring> keyring;
  std::unique_ptr<OneThread> loop;
  std::array<std::unique_ptr<MemoryPort>, kServers> peers;
  std::array<std::unique_ptr<seal::Keyring>, kServers> peer_keys;
  std::unique_ptr<MemoryPort> client;
  std::unique_ptr<seal::ClientKeyring> client_key;
  RxBurst rx;
};

}  // namespace tercet::dataplane
