#pragma once
// Voter: a backend without a disk or a book: the real acceptor and the real keys, over a machine that grants
// every renewal. Its log is durable at once.

#include <functional>

#include "quorum/acceptor.h"
#include "wire/seal/keyring.h"

namespace tercet::bench {

class Granting final : public quorum::Machine {
 public:
  void apply(const EntryView& entry, quorum::Result& result) override;
  bool undo() override { return false; }
  void settle(Seq /*through*/) override {}
  void reset() override { state_ = {}; }
  [[nodiscard]] Hash128 digest() const override { return state_; }
  size_t read(Bytes /*query*/, MutBytes /*out*/) const override { return 0; }
  [[nodiscard]] bool leases_live() const override { return true; }
  [[nodiscard]] uint8_t absent() const override { return 0; }
  [[nodiscard]] ContainerState container(Slot, Bytes) const override { return ContainerState::here; }
  [[nodiscard]] bool more_due() const override { return false; }

 private:
  Hash128 state_;
};

class Voter {
 public:
  Voter(Slot slot, const seal::ServerKeys& keys);
  /// Opens and takes one datagram.
  void hear(MutBytes datagram, const Moment& now);
  /// What it has to say now, sealed. `send`: one datagram to that server.
  void speak(const Moment& now, const std::function<void(ServerId to, Bytes datagram)>& send);

 private:
  ServerId self_;
  seal::Keyring keyring_;
  quorum::Acceptor acceptor_;
  Granting machine_;
  Outbox outbox_{256};
  quorum::Records records_;
};

}  // namespace tercet::bench
