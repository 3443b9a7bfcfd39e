#pragma once
// Checkpoints: when the LB lets which backend capture its book (DESIGN §2 "Checkpoints"): one at a time,
// whoever has most of a log behind its newest checkpoint. The entry is ordered, decided, and then measured:
// `usable` says what two votes had as the state there.
//
//   idle ── due ─► ordered ── decided ─► measured ── usable ordered ─► written ── its log begins there ─►
//   idle
//
// An LB's view only: another one begins idle, and what was under way is not used or is written all the same.

#include <optional>

#include "quorum/backends.h"
#include "wire/entry.h"

namespace tercet::quorum {

class Checkpoints {
 public:
  struct Options {
    /// Entries behind its newest checkpoint that a backend has at most, about: what it reads at its start.
    uint64_t every = uint64_t{1} << 20U;
    /// A backend that has not written its image by then is not waited for.
    Duration patience = seconds(300);
  };
  explicit Checkpoints(const Options& options) : options_(options) {}

  /// A new epoch: what was under way is another LB's business.
  void restart() { state_ = State::idle; }
  /// Whose turn it is, if anybody's. `voters`: who may. While somebody catches up (`awaited`) nobody's, for a
  /// while: what he reads is not taken away.
  [[nodiscard]] std::optional<Slot> due(const Backends& backends, SlotSet voters, bool awaited, Seq last,
                                        MonoTime now);
  void ordered(Slot slot, Seq seq, MonoTime now);
  /// Two equal ballots at `seq`, or at a later one only: then nobody can say what S was there.
  void decided(Seq seq, uint64_t s);
  void passed(Seq decided);
  /// What is to be ordered now.
  [[nodiscard]] std::optional<UsableBody> usable() const;
  void told() { state_ = State::written; }

 private:
  enum class State : uint8_t { idle, ordered, measured, written };
  Options options_;
  State state_ = State::idle;
  Slot slot_ = Slot::one;
  Seq seq_;
  uint64_t s_ = 0;
  MonoTime since_;
  std::array<unsigned, kBackends> failures_{};  ///< in a row: the others come first
};

}  // namespace tercet::quorum
