#pragma once
// Rounds: how long the next fan-out waits for the decision of earlier ones. While few operations are
// undecided each leaves at once; above that at most two fan-outs are under way, then one: what is proposed
// meanwhile shares the next one's Accepts and votes, whose datagrams are most of what a vote costs an LB.
// Group commit for packets, and the backends' disks commit larger groups. The wait ends by itself after
// `patience`: a lost Accept delays the next one no longer than its own resend.

#include <cstddef>

#include "base/time.h"
#include "wire/ids.h"

namespace tercet::quorum {

class Rounds {
 public:
  struct Options {
    bool on = true;  ///< off: every tick's fresh entries leave at once
    /// So few undecided: no waiting. Latency at one outstanding is a bare round trip, and at eight waiting
    /// cost a ninth of the rate (measured, as what it gains where more are: docs/performance.md).
    size_t free = 8;
    size_t pair = 12;  ///< up to so many: two rounds under way; above: one
  };
  explicit Rounds(const Options& options) : options_(options) {}

  /// Whether fresh entries may leave now. `decided`: the tally's commit; `undecided`: ordered and not
  /// answered.
  [[nodiscard]] bool may_open(Seq decided, size_t undecided, MonoTime now) const {
    if (!options_.on || undecided <= options_.free || now >= until_) {
      return true;
    }
    const Seq awaited = undecided <= options_.pair ? before_ : last_;
    return decided >= awaited;
  }
  /// A round left that ends with `last`.
  void opened(Seq last, MonoTime now, Duration patience) {
    before_ = last_;
    last_ = last;
    until_ = now + patience;
  }
  /// When waiting ends at the latest; in the past: nobody waits.
  [[nodiscard]] MonoTime until() const { return until_; }
  /// A new epoch: nothing is under way.
  void restart() { before_ = last_ = {}, until_ = {}; }

 private:
  Options options_;
  Seq before_;  ///< end of the round before the last
  Seq last_;    ///< end of the last round
  MonoTime until_;
};

}  // namespace tercet::quorum
