#pragma once
// Send: the Outbox's parcels → sealed per receiver → TxBursts of the Port. A message to several servers was
// written once and is sealed once for each. The Port sorts a burst by lane, so what goes to one peer leaves
// in one run (GSO) although it is sealed here in the outbox's order.
//
// Used by the polling thread that owns keyring and port. No allocation.

#include <cstdint>

#include "base/counters.h"
#include "dataplane/port/port.h"
#include "dataplane/routes.h"
#include "dataplane/wiretap.h"
#include "wire/outbox.h"
#include "wire/seal/keyring.h"

namespace tercet::dataplane {

/// Written by the polling thread, read by the control thread.
struct SendCounters {
  Counter datagrams;           ///< sealed and handed to the port
  Counter bursts;              ///< TxBursts that they needed
  Counter reply_keys_derived;  ///< clients whose key was not at hand
  Counter drop_no_route;       ///< to a server that this one has no lane or key for
};

class Sender {
 public:
  Sender(seal::Keyring& keyring, const Routes& routes, Wiretap& tap = Wiretap::nobody())
      : keyring_(keyring), tap_(tap), routes_(routes) {}

  /// Seals and sends all of `out`, and clears it.
  void send(Outbox& out, Port& port);

  // The same message by message: first begin(), at last end(), nothing else sends by the port in between.
  /// Call prefetch() kKeysAhead messages before a client's: a cold key costs as much as all the rest of a
  /// reply.
  static constexpr size_t kKeysAhead = 8;  // measured: more bring nothing, its page was just in use (open.cc)
  void prefetch(const ClientRef& client) { keyring_.prefetch_reply_key(client.key_place); }
  void begin(Port& port) { burst_ = &port.transmit(); }
  void to_client(const ClientRef& client, Bytes plain, Port& port);
  void to_servers(ServerSet servers, Bytes plain, Port& port);
  void end(Port& port);
  [[nodiscard]] const SendCounters& counters() const { return counters_; }

 private:
  /// A buffer of the burst, sending what is full first.
  MutBytes room(Port& port);
  void hand_over(Port& port);

  seal::Keyring& keyring_;
  Wiretap& tap_;
  Routes routes_;
  TxBurst* burst_ = nullptr;  ///< between begin() and end()
  SendCounters counters_;
};

}  // namespace tercet::dataplane
