#pragma once
// Clients: any number of them, each with a session, an address and a seat of its own, renewing that seat. One
// after the other has a turn, so that of 100,000 none comes twice while its keys may still be in a cache.

#include <memory>
#include <vector>

#include "wire/endpoint.h"
#include "wire/op.h"
#include "wire/query.h"
#include "wire/seal/client_keyring.h"

namespace tercet::bench {

/// What a granted renewal of `handle` with `request` says (OpResult::features), so that whoever gets it can
/// tell that it is his.
uint64_t features_of(const Handle& handle, uint32_t request);

class Clients {
 public:
  Clients(size_t count, const seal::ClientKeys& keys);
  [[nodiscard]] size_t size() const { return clients_.size(); }

  /// The next client's next renewal, sealed into `out`; returns its size. `from`: where it comes from. It may
  /// be sealed long before it is sent.
  size_t next(MutBytes out, Endpoint& from);
  /// A reply to the client at `to`. True if it opens, and is the grant of just what it asked for next.
  [[nodiscard]] bool take(const Endpoint& to, MutBytes datagram);
  /// Renewals that wait for their answer.
  [[nodiscard]] size_t waiting() const { return waiting_; }

 private:
  struct Client {
    explicit Client(const seal::ClientKeys& keys) : keyring(keys) {}
    seal::ClientKeyring keyring;
    Handle handle;
    uint32_t request = 0;   ///< asked last
    uint32_t answered = 0;  ///< … and answered last: answers come in order
  };
  std::vector<std::unique_ptr<Client>> clients_;
  size_t turn_ = 0;
  size_t waiting_ = 0;
};

}  // namespace tercet::bench
