#pragma once
// OneThread: run to completion, the most queries per core.
//
//   Port::receive → open → Service::poll → send → Port::wait
//
// All by the one thread that calls poll(). Nothing allocates after construction.

#include "dataplane/loop.h"
#include "dataplane/open.h"
#include "dataplane/send.h"
#include "dataplane/service.h"
#include "dataplane/thread_view.h"
#include "dataplane/turns.h"

namespace tercet::dataplane {

class OneThread final : public Loop {
 public:
  /// All that is named outlives it. `outbox_parcels`: most messages that one turn can send.
  OneThread(Port& port, seal::Keyring& keyring, Service& service, const Routes& routes,
            size_t outbox_parcels = kOutboxParcels, Wiretap& tap = Wiretap::nobody());

  MonoTime poll(const Moment& now) override;
  void wait(MonoTime until) override;
  void finish() override { port_.finish(); }

  [[nodiscard]] const OpenCounters& opened() const { return opener_.counters(); }
  [[nodiscard]] const SendCounters& sent() const { return sender_.counters(); }
  [[nodiscard]] const LoopCounters& counters() const { return turns_.counters(); }
  [[nodiscard]] ThreadView view() const;

 private:
  Port& port_;
  Service& service_;
  Routes routes_;
  Opener opener_;
  Sender sender_;
  RxBurst rx_;
  Opener::Messages messages_;
  Opener::Resignations resignations_;
  Outbox outbox_;
  Turns turns_;
};

}  // namespace tercet::dataplane
