#pragma once
// Opens copies of a server's datagrams, those that it sent as well as those that it received, with the keys
// of its key file: for captures. Who holds that file may read what it protects; nobody else can, so this
// needs no permission of its own.
//
// A datagram's key comes from its sender's session, which is in its header; a server's message does not name
// its receiver, so the peers' keys are tried; a reply's key also needs the session of the client that it
// goes to, which is known once a query of that client was seen. Nothing is remembered against replays: a
// repeated datagram opens again, as it should in a capture.
//
// Not on a polling path: allocates.

#include <cstdint>
#include <map>
#include <tl/expected.hpp>
#include <vector>

#include "wire/datagram.h"
#include "wire/endpoint.h"
#include "wire/seal/aead.h"
#include "wire/seal/kdf.h"
#include "wire/seal/keys.h"

namespace tercet::seal {

class RecordedOpener {
 public:
  /// `keys.aead` must be available().
  explicit RecordedOpener(const ServerKeys& keys);
  ~RecordedOpener();
  RecordedOpener(const RecordedOpener&) = delete;
  RecordedOpener& operator=(const RecordedOpener&) = delete;

  /// The plaintext of `datagram`, which stays as it is; valid until the next call. Drop: why it cannot be
  /// opened (`unknown_key` also: a reply to a client whose query was not seen).
  tl::expected<Bytes, Drop> open(Bytes datagram, const Endpoint& from, const Endpoint& to);

 private:
  /// What a derived key is found by.
  struct KeyName {
    Purpose purpose{};
    uint8_t from = 0;
    uint8_t to = 0;
    uint32_t access = 0;
    uint64_t number = 0;
    SessionId sender = {};
    SessionId receiver = {};
    auto operator<=>(const KeyName&) const = default;
  };
  struct Client {
    Endpoint endpoint;
    uint32_t access = 0;
    auto operator<=>(const Client&) const = default;
  };

  const PreparedKey* key_of(const KeyName& name);
  bool try_key(const KeyName& name, Bytes datagram);
  bool open_server(const DatagramHeader& header, Purpose purpose, Bytes datagram);
  void saw(const Client& client, const SessionId& session);

  ServerKeys keys_;
  Aead aead_;
  std::map<KeyName, PreparedKey> prepared_;
  std::map<Client, std::vector<SessionId>> sessions_;  ///< newest last
  std::vector<uint8_t> opened_;
};

}  // namespace tercet::seal
