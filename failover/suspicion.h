#pragma once
// Suspicion: is the other LB's data plane alive? Heartbeats, hints and the times at which we were run go in;
// a Verdict comes out. A wrong one is never unsafe (the epoch fences, and two backends are asked first) but
// costs a pause, so:
//
//   threshold = clamp(max(mean + 8 deviations, 1.5 × the widest recent gap), floor, cap)
//
// over the gaps between heartbeats, mean and deviation as TCP smooths its RTT (RFC 6298 §2), the widest gap
// forgotten slowly: a network or a hypervisor that hiccups once a second is learnt, not suspected once a
// second.
//
// Our own stalls do not count against the other one. tick() is called at each turn of the loop; a gap between
// two calls above what is usual means that *we* were not run: the excess is taken off the silence (and off
// the sample), since its heartbeats may lie unread in our socket.
//
// Invariants: S1 a heartbeat ends every suspicion of silence. S2 after a stall of ours of any length, silence
// is measured again in turns in which we did run. S3 a resignation holds although heartbeats sent before it
// arrive after it.

#include <cstdint>

#include "base/time.h"
#include "failover/receipt.h"

namespace tercet::failover {

enum class Verdict : uint8_t { healthy, suspect };

struct SuspicionOptions {
  Duration heartbeat = milliseconds(5);  ///< how often both sides send; the loop is run at least as often
  Duration floor_min =
      milliseconds(30);  ///< never below, nor below three heartbeats: a VM's usual lateness (p99.9 7 ms)
  Duration cap = milliseconds(400);      ///< however wild the gaps were
  Duration unheard = milliseconds(500);  ///< silence granted to one never heard (both LBs are starting)
};

class Suspicion {
 public:
  explicit Suspicion(const SuspicionOptions& options) : options_(options) {}

  /// An authenticated heartbeat of the other LB, with its own word on whether it is fit to serve (it has its
  /// address, its clients and two backends).
  void heard(bool fit, MonoTime now);
  /// A resignation sealed by the other LB: `killed` (its guard) or `stopped`, `handover`. Takes effect at
  /// once.
  void resigned(Cause cause, MonoTime now);
  /// A hint that proves nothing (VRRP fell silent, or said priority 0): suspect until its next heartbeat.
  void hint(Cause cause, MonoTime now);
  /// At each turn of the loop, after its datagrams were taken: measures our own stalls.
  void tick(MonoTime now);

  [[nodiscard]] Verdict verdict(MonoTime now) const;
  /// Why `suspect` (none while healthy): what the takeover's receipt says.
  [[nodiscard]] Cause cause(MonoTime now) const;
  /// Since its last heartbeat, less our own stalls.
  [[nodiscard]] Duration silence(MonoTime now) const;
  [[nodiscard]] Duration threshold() const;
  /// When silence alone would make it suspect; never() while it is suspect already.
  [[nodiscard]] MonoTime due(MonoTime now) const;
  [[nodiscard]] bool ever_heard() const { return heard_; }
  /// When its last sign came (not discounted): the receipt's gap starts there. Before any: the first tick.
  [[nodiscard]] MonoTime last_sign() const { return last_; }
  /// Our own stalls so far, for the counters.
  [[nodiscard]] uint64_t stalls() const { return stalls_; }
  /// The excess that the latest tick() found; 0 when it was run in time.
  [[nodiscard]] Duration last_stall() const { return last_stall_; }

 private:
  void sample(Duration gap);
  [[nodiscard]] Duration floor() const;

  SuspicionOptions options_;
  bool started_ = false;
  bool heard_ = false;
  bool fit_ = true;
  MonoTime last_;      ///< last heartbeat, or the first tick
  MonoTime ticked_;    ///< last tick
  Duration discount_;  ///< our stalls since last_
  Duration mean_;      ///< 0: no sample yet
  Duration deviation_;
  Duration widest_;
  Cause told_ = Cause::none;  ///< by a resignation or a hint
  bool told_surely_ = false;
  MonoTime told_at_;
  uint64_t stalls_ = 0;
  Duration last_stall_;
};

}  // namespace tercet::failover
