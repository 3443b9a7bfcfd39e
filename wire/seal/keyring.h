#pragma once
// What a server holds to seal and open datagrams (DESIGN §7): its pair keys, on an LB the client
// master key, and its own session.
//
// No (key, nonce) pair is ever used twice: every key is derived from the sender's session, drawn at random
// when the keyring is made and again when a seal notices that the process was forked; the nonce is a counter
// that only grows. So nothing has to be remembered over a restart, and two LBs that hold the same keys cannot
// collide.
//
// Threads: one keyring a thread, each with a session of its own. Nothing allocates after construction,
// nothing throws.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <tl/expected.hpp>

#include "wire/datagram.h"
#include "wire/seal/client_cache.h"
#include "wire/seal/fork_sentinel.h"
#include "wire/seal/kdf.h"
#include "wire/seal/keys.h"
#include "wire/seal/peer_sessions.h"

namespace tercet::seal {

struct KeyringOptions {
  /// Clients whose keys an LB keeps ready: 2,080 B each, taken at once; rounded up to a power of two.
  size_t client_cache_entries = 4096;
  /// Which library seals and opens; must be able to run the AEAD here (can_run). Absent: the fastest that
  /// can.
  std::optional<Provider> provider = {};
  /// Off: prefetch_…() do nothing, to measure what they are worth.
  bool prefetch = true;
  /// For tests and the simulator only: a session that repeats is what must never happen. Absent: random.
  std::optional<SessionId> session = {};
};

/// Whom to answer: all that a reply's key is derived from.
struct ClientKeyRef {
  AccessId access;
  SessionId session;
  auto operator<=>(const ClientKeyRef&) const = default;
};

// Both are made where the caller wants them, not copied there (the reason: FixedVector::add).
struct FromServer {
  FromServer(ServerId server, const SessionId& its, uint64_t number, MutBytes text)
      : from(server), session(its), counter(number), plain(text) {}
  ServerId from{};
  SessionId session;     ///< the sender's, for a heartbeat's echo
  uint64_t counter = 0;  ///< the datagram's
  MutBytes plain;        ///< inside the datagram
};
struct FromClient {
  FromClient(const ClientKeyRef& from, uint32_t at, uint64_t number, MutBytes text)
      : client{from.access, from.session}, place(at), counter(number), plain(text) {}
  ClientKeyRef client;
  uint32_t place = 0;  ///< of its keys, for the reply (ClientCache)
  uint64_t counter = 0;
  MutBytes plain;  ///< inside the datagram
};
struct Resignation {
  ServerId from{};
  Epoch epoch;
  Nonce nonce;
};
inline constexpr size_t kResignationSize = kSealOverhead + 8;

class Keyring {
 public:
  /// `keys.aead` must be available().
  explicit Keyring(const ServerKeys& keys, const KeyringOptions& options = {});
  ~Keyring();
  Keyring(const Keyring&) = delete;
  Keyring& operator=(const Keyring&) = delete;

  [[nodiscard]] ServerId self() const { return self_; }
  [[nodiscard]] CellId cell() const { return cell_; }
  [[nodiscard]] const SessionId& session() const { return session_; }
  [[nodiscard]] bool has_peer(ServerId peer) const { return peers_[index(peer)] != nullptr; }
  [[nodiscard]] bool serves_clients() const { return master_.has_value(); }
  [[nodiscard]] Provider provider() const { return aead_.provider(); }

  // Sealing. Returns the datagram's size. `out` has room for plain.size() + kSealOverhead; `plain` may lie in
  // `out` at kHeaderSize (sealed in place) or apart from it. Asking for a peer without key, or for more than
  // kCellPlainMax, aborts.
  size_t seal_to_server(ServerId to, Bytes plain, MutBytes out);
  /// LBs only. The client need not be in the cache any more; `place`: as open_from_client() said, if it did.
  size_t seal_reply(const ClientKeyRef& client, Bytes plain, MutBytes out, uint32_t place = 0);

  // Opening, in place: after a Drop the datagram's bytes are worthless.
  [[nodiscard]] tl::expected<FromServer, Drop> open_from_server(MutBytes datagram);
  /// `place`: as prefetch_query_key() said, if it was asked.
  [[nodiscard]] tl::expected<FromClient, Drop> open_from_client(MutBytes datagram, uint32_t place = 0);
  // A cold key costs as much as all the rest of a query, so keys are fetched a burst ahead, in two steps:
  // where a client's keys are, for every datagram of the burst, and then the keys. Neither must come first:
  // what was not fetched is only slower.
  /// Before a burst of queries is opened.
  void prefetch_client(Bytes datagram) const;
  /// Returns the keys' place, or 0.
  uint32_t prefetch_query_key(Bytes datagram);
  /// Before a burst of replies is sealed.
  void prefetch_reply_key(uint32_t place) const;
  /// How often a client's key was not at hand and had to be derived; for /metrics.
  [[nodiscard]] uint64_t query_keys_derived() const { return query_keys_derived_; }
  [[nodiscard]] uint64_t reply_keys_derived() const { return reply_keys_derived_; }

  // A resignation is sealed in advance, for a guard to send when this LB is dead, under a key of its own, so
  // that no replay window drops it. It may be repeated by anyone: the receiver acts only if `epoch` is the
  // one it believes held.
  /// LBs only. One nonce per epoch and keyring: another for the same epoch aborts (key and AEAD nonce would
  /// repeat).
  size_t seal_resignation(ServerId to, Epoch epoch, Nonce nonce, MutBytes out);
  [[nodiscard]] tl::expected<Resignation, Drop> open_resignation(MutBytes datagram);

  /// Draws a new session and starts all counters anew. Sealing does it by itself after fork().
  void reseed();

 private:
  struct Peer {
    KdfKey pair;
    PreparedKey seal_key;
    uint64_t counter = 0;
    PeerSessions heard;
  };
  void take_session(const SessionId& session);
  void write_header(DatagramKind kind, AccessId access, uint64_t counter, MutBytes out) const;
  [[nodiscard]] PreparedKey server_key(const Peer& peer, ServerId from, ServerId to,
                                       const SessionId& sender) const;
  [[nodiscard]] PreparedKey resignation_key(const Peer& peer, ServerId from, ServerId to, Epoch epoch,
                                            const SessionId& sender) const;
  [[nodiscard]] KdfKey access_key(AccessId access) const;
  void prepare_query(const ClientKeyRef& client, PreparedKey& out) const;
  void prepare_reply(const ClientKeyRef& client, PreparedKey& out) const;
  Peer& peer_for_sealing(ServerId to);

  CellId cell_;
  ServerId self_;
  Aead aead_;
  SessionId session_;
  ForkSentinel fork_;
  std::array<std::unique_ptr<Peer>, kServers> peers_;
  std::optional<KdfKey> master_;
  uint64_t reply_counter_ =
      0;  ///< one for all clients: eviction from the cache can then never make it repeat
  ClientCache clients_;
  bool prefetch_;
  uint64_t query_keys_derived_ = 0;
  uint64_t reply_keys_derived_ = 0;
  Epoch resigned_epoch_;
  Nonce resigned_nonce_;
};

/// The access key that the holder of the client master key gives to the clients of `access`.
Key derive_access_key(Algorithm aead, const Key& client_master, AccessId access);

}  // namespace tercet::seal
