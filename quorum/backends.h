#pragma once
// Backends: what an LB knows of the three (DESIGN §2 "State"): a view only, learned anew by each LB.

#include <array>
#include <optional>

#include "quorum/limits.h"
#include "quorum/tally.h"
#include "wire/prepare.h"
#include "wire/vote.h"

namespace tercet::quorum {

enum class BackendState : uint8_t { down, voting, catching_up, divergent, amnesiac, stopped };
const char* name_of(BackendState state);  ///< as status shows it: "catching-up" …

struct Backend {
  bool heard = false;       ///< ever, by this LB
  uint8_t flags = 0;        ///< as it said last (wire/vote.h)
  Incarnation incarnation;  ///< as it said last
  MonoTime heard_at;
  MonoTime closed_at;        ///< its port was reported closed, and it has not spoken since; 0: not so
  bool outvoted = false;     ///< marked by us: its state differed from a decided one
  bool regressed = false;    ///< its log ends below what it voted: cannot be trusted
  bool newcomer = false;     ///< it never was a member, by its own word
  bool asks_rejoin = false;  ///< a new incarnation that was never a member
  ContainerState container = ContainerState::here;  ///< as it said last
  StopReason stop = StopReason::none;               ///< why it has stopped, by its own word
  std::optional<uint8_t>
      absent;            ///< slots whose constituents its book calls absent, as of this epoch's entries
  Seq acked;             ///< voted for all of our epoch up to here, or holds them decided
  Seq durable;           ///< last durable seq that it told of, on our log
  Seq pulled_to;         ///< last durable seq by its own word, on whatever log: how far it has caught up
  Seq decided;           ///< it knows its log to be decided up to here, also while its book stands before
  MonoTime acked_at;     ///< when acked rose last: what was asked later must not show less
  MonoTime progress_at;  ///< acked rose, or it had nothing to do
  uint64_t pulled = 0;
  Seq base;                ///< its log begins behind this seq, by its own word …
  bool told_base = false;  ///< … in this epoch
  uint32_t load = 0;
  Duration rtt = milliseconds(1);
  Duration rtt_deviation = milliseconds(1);
  MonoTime sent_at;       ///< last datagram to it …
  MonoTime keepalive_at;  ///< … and last Keepalive
  MonoTime resend_at;
  unsigned resends = 0;  ///< in a row, for the back-off
  // Its S at a seq, from Heard: for the digests of status.
  Seq digest_seq;
  uint64_t digest = 0;
};

/// The member of a slot that an operator's order left vacant: no backend ever draws it.
inline constexpr Incarnation kNobody{UINT64_MAX};

class Backends {
 public:
  Backend& operator[](Slot slot) { return slots_[index(slot)]; }
  const Backend& operator[](Slot slot) const { return slots_[index(slot)]; }

  void hear(Slot slot, uint8_t flags, Incarnation incarnation, MonoTime now);
  void measure(Slot slot, Duration round_trip);
  /// Its port was reported closed. Anybody can send such a report: it only makes the silence shorter after
  /// which the backend is down, and whoever speaks is not.
  void report_closed(Slot slot, MonoTime now);
  [[nodiscard]] bool closed(Slot slot, MonoTime now) const;
  /// Which incarnation each slot must have (0: any, kNobody: none has it), and the entry that says so.
  void member(Slot slot, Incarnation incarnation, Seq named_at) {
    members_[index(slot)] = {incarnation, named_at};
  }
  [[nodiscard]] Incarnation member(Slot slot) const { return members_[index(slot)].incarnation; }
  /// It takes itself for a member, but its slot is another's, or nobody's, and that is decided.
  [[nodiscard]] bool replaced(Slot slot, Seq decided) const;

  [[nodiscard]] BackendState state(Slot slot, MonoTime now, Seq last) const;
  /// Its ballots count: a member that is neither divergent nor amnesiac.
  [[nodiscard]] bool counts(Slot slot) const;
  [[nodiscard]] SlotSet counted() const;
  /// A member that says so itself: its votes decide nothing, but are compared.
  [[nodiscard]] bool divergent(Slot slot) const;
  [[nodiscard]] Duration down_after(Slot slot) const;
  [[nodiscard]] Duration resend_after(Slot slot) const;
  /// A new epoch: forget what was learned of the old one's entries.
  void restart(Seq before_first, MonoTime now);

 private:
  std::array<Backend, kBackends> slots_;
  struct Named {
    Incarnation incarnation;
    Seq at;
  };
  std::array<Named, kBackends> members_{};
};

}  // namespace tercet::quorum
