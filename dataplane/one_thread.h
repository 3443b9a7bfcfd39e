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

namespace tercet::dataplane {

/// Written by the polling thread, read by the control thread.
struct LoopCounters {
  Counter polls;
  Counter busy_polls;  ///< … that brought datagrams
  Counter late_polls;  ///< … that came over kLate after they were due: the thread was not run
  Counter latest_ns;   ///< the worst of them so far
};

class OneThread final : public Loop {
 public:
  /// All three outlive it. `outbox_parcels`: most messages that one turn can send.
  OneThread(Port& port, seal::Keyring& keyring, Service& service, const Routes& routes,
            size_t outbox_parcels = 2048);

  MonoTime poll(const Moment& now) override;
  void wait(MonoTime until) override;
  void finish() override { port_.finish(); }

  static constexpr Duration kLate = milliseconds(10);

  [[nodiscard]] const OpenCounters& opened() const { return opener_.counters(); }
  [[nodiscard]] const SendCounters& sent() const { return sender_.counters(); }
  [[nodiscard]] const LoopCounters& counters() const { return counters_; }

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
  LoopCounters counters_;
  MonoTime began_;                    ///< the turn under way, or the last
  MonoTime due_ = MonoTime::never();  ///< when the next one should begin
};

}  // namespace tercet::dataplane
