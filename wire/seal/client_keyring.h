#pragma once
// What a client holds: its access key and a session of its own, drawn at random when this is made and again
// when it notices that the process was forked (then replies to the parent's queries are no longer its own).
// One user at a time.

#include <array>
#include <cstdint>
#include <optional>
#include <tl/expected.hpp>

#include "wire/datagram.h"
#include "wire/seal/fork_sentinel.h"
#include "wire/seal/kdf.h"
#include "wire/seal/keys.h"

namespace tercet::seal {

struct FromLb {
  ServerId from{};
  SessionId session;  ///< the LB's
  uint64_t counter = 0;
  MutBytes plain;  ///< inside the datagram
};

class ClientKeyring {
 public:
  /// `keys.aead` must be available(). `session`: for tests and the simulator only; absent: random.
  /// `provider`: as in KeyringOptions.
  explicit ClientKeyring(const ClientKeys& keys, std::optional<SessionId> session = {},
                         std::optional<Provider> provider = {});
  ~ClientKeyring();
  ClientKeyring(const ClientKeyring&) = delete;
  ClientKeyring& operator=(const ClientKeyring&) = delete;

  [[nodiscard]] const SessionId& session() const { return session_; }
  [[nodiscard]] AccessId access() const { return access_; }
  [[nodiscard]] CellId cell() const { return cell_; }

  /// Returns the datagram's size. `out` has room for plain.size() + kSealOverhead; `plain` may lie in it at
  /// kHeaderSize.
  size_t seal_query(Bytes plain, MutBytes out);
  /// Opens in place. Only a reply to this very session opens: the session is part of its key.
  [[nodiscard]] tl::expected<FromLb, Drop> open_reply(MutBytes datagram);
  /// Draws a new session. Sealing does it by itself after fork().
  void reseed();

 private:
  struct LbSession {
    SessionId session;
    ServerId lb{};
    uint64_t used = 0;  ///< 0: empty
    PreparedKey key;
  };
  void take_session(const SessionId& session);

  CellId cell_;
  AccessId access_;
  Aead aead_;
  KdfKey access_key_;
  SessionId session_;
  ForkSentinel fork_;
  PreparedKey query_key_;
  uint64_t counter_ = 0;
  std::array<LbSession, 4> lbs_{};
  uint64_t clock_ = 0;
};

}  // namespace tercet::seal
