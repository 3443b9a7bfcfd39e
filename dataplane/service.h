#pragma once
// Service: what a server does between open and send: the LB's Balancer, the backend's Replica. Run by the
// same Loop with one thread, with several, and by the simulator, which hands it plain messages and its own
// time.

#include <span>

#include "base/bytes.h"
#include "base/time.h"
#include "wire/client_ref.h"
#include "wire/outbox.h"

namespace tercet::dataplane {

/// One authenticated message, opened in place. Borrowed until the poll returns.
struct Message {
  bool from_server = false;
  ServerId server = ServerId::lb1;  ///< from_server
  ClientRef client;                 ///< else
  Bytes plain;
};

class Service {
 public:
  Service() = default;
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  virtual ~Service() = default;

  /// Takes a burst (possibly empty), writes what is to be sent, returns when it wants to be called next at
  /// the latest. What does not fit into `out` is kept: then it returns a time that has passed.
  virtual MonoTime poll(std::span<const Message> in, const Moment& now, Outbox& out) = 0;
  /// The peer's port was reported closed.
  virtual void unreachable(ServerId server, const Moment& now) = 0;
  /// The other LB's sealed word that it has resigned `epoch` (its process died, or it stopped).
  virtual void resigned(ServerId /*lb*/, Epoch /*epoch*/, const Moment& /*now*/) {}
};

}  // namespace tercet::dataplane
