#pragma once
// Proposer: an LB's side of the protocol (DESIGN §2). Wins an epoch, orders entries, fans them out, tallies
// votes, answers reads, follows its backends. A value without I/O, clock or randomness (dice come in with the
// Moment).
//
// Keeps: I1 (one entry per seq: only its own epoch's entries decide, and it chooses a log once), I2
// (EpochStart behind the chosen log), I8 (stamps).
//
// The way of an operation: propose → window → tick packs it (fan_out) → votes (step) → tally → tick delivers
// outcomes.

#include <optional>
#include <variant>
#include <vector>

#include "quorum/backends.h"
#include "quorum/checkpoints.h"
#include "quorum/force.h"
#include "quorum/presence.h"
#include "quorum/reads.h"
#include "quorum/rounds.h"
#include "quorum/stamp.h"
#include "quorum/takeover.h"
#include "quorum/window.h"
#include "wire/cell.h"
#include "wire/outbox.h"

namespace tercet::quorum {

/// What became of a query, or of what was ordered.
struct Outcome {
  enum class Kind : uint8_t {
    decided,      ///< `result` holds OpResult (mutating) or the answer (read)
    unavailable,  ///< reads only: given up, below two voters
  };
  Kind kind = Kind::decided;
  bool read = false;
  Tag tag;
  Seq seq;       ///< of the entry, or the read's place
  Bytes result;  ///< borrowed until the next call into the proposer
};

enum class Admit : uint8_t { taken, busy, unavailable, not_active };

/// Why an LB claimed or lost; kept in receipts.
enum class Cause : uint8_t {
  none,
  start,
  peer_silent,
  peer_resigned,
  peer_unfit,
  raised,
  refused,
  fenced,
  asked,
  no_progress,
  forced,  ///< by the operator's order
};
const char* name_of(Cause cause);

struct RoleChange {
  enum class Kind : uint8_t {
    won,      ///< EpochStart is decided: serve, then own the address
    lost,     ///< the epoch is no longer ours: drop the address; what is in the window has an unknown outcome
    raising,  ///< takes a higher epoch itself and keeps the address; what is in the window has an unknown
              ///< outcome
    confirmed,  ///< two backends said that they promised nothing higher
  };
  Kind kind = Kind::won;
  Epoch before;
  Epoch epoch;
  Cause cause = Cause::none;
  uint64_t recovered = 0;  ///< won: entries behind the best commit of the promises
};

struct OutvotedEvent {
  WallTime at;
  Slot slot = Slot::one;
  Seq seq;
};

class Proposer {
 public:
  struct Options {
    ServerId self = ServerId::lb1;
    CellId cell;
    Nonce instance;  ///< random per process life
    /// To a backend that nothing else was sent to for so long goes a Keepalive; three of these without a word
    /// and its holder may be followed. Twice the LBs' own interval: they watch each other, the backends are
    /// only asked.
    Duration keepalive = milliseconds(10);
    size_t window = 4096;    ///< undecided entries
    size_t history = 16384;  ///< entries kept for resends; a power of two, ≥ 2 windows
    size_t reads = 1024;
    Rounds::Options rounds;
    /// A backend that is down for so long has its constituents ordered absent.
    Duration absent_after = kAbsentAfter;
    Checkpoints::Options checkpoints;
    std::array<uint8_t, 16> activation_id{};
    std::vector<std::array<uint8_t, 32>> issuers;  ///< public keys that Genesis names
  };
  using Outcomes = FixedVector<Outcome, 256>;
  using RoleChanges = FixedVector<RoleChange, 8>;
  /// Where a step writes to: the caller's, cleared by the caller.
  struct Output {
    Outbox& sends;
    Outcomes& outcomes;
    RoleChanges& roles;
  };

  explicit Proposer(const Options& options);

  /// A mutating operation. `op` is copied.
  Admit propose(Bytes op, Tag tag, const Moment& now);
  Admit read(Bytes query, Tag tag);

  /// Wants the epoch: asks first. Nothing happens while a claim is under way, held or backing off.
  void claim(Cause cause, const Moment& now);
  /// The operator's order (quorum/force.h): asks all three, and if their answers allow it goes on with one
  /// log. What becomes of it: forced().
  void force(const ForcedRejoin& order, const Moment& now);
  /// Gives the epoch up at once.
  void resign(Cause cause, const Moment& now, Output& out);
  /// Asks two backends whether the epoch still stands; answered by RoleChange confirmed, or lost. False: not
  /// now (no epoch is held, or a refusal is being looked into): ask again.
  bool confirm(const Moment& now);
  /// Has its address and hears clients, as far as the caller knows. Part of "fit".
  void set_fit(bool fit) { outside_fit_ = fit; }
  /// Another LB said, under seal, that it is active in `won`: two backends promised that, so a lower epoch of
  /// ours is over, however many backends still answer us.
  void fence(Epoch won, const Moment& now, Output& out);
  /// An epoch heard of elsewhere (heartbeats).
  void note_epoch(Epoch epoch);
  /// A backend's port was reported closed, by whomever: it is asked.
  void unreachable(Slot slot, const Moment& now);

  void step(ServerId from, const CellView& message, const Moment& now, Output& out);
  /// Packs, resends, delivers; returns when to call again at the latest. Call after each burst of steps.
  MonoTime tick(const Moment& now, Output& out);

  // ---- what others may know
  [[nodiscard]] LbRole role() const;
  [[nodiscard]] bool active() const { return role() == LbRole::active; }
  [[nodiscard]] Epoch epoch() const { return epoch_; }  ///< held or wanted
  [[nodiscard]] Epoch highest_seen() const { return seen_; }
  [[nodiscard]] Seq commit() const { return decided_; }
  [[nodiscard]] Seq last_ordered() const { return previous(window_.next()); }
  [[nodiscard]] CellTime decided_cell() const { return decided_cell_; }
  [[nodiscard]] WallTime decided_wall() const { return decided_wall_; }
  [[nodiscard]] unsigned voters(MonoTime now) const;
  [[nodiscard]] bool serving(MonoTime now) const { return active() && voters(now) >= 2 && !split_; }
  /// What a client that says hello is told; `taken`: welcome. Busy: about to serve.
  [[nodiscard]] Admit greets(MonoTime now) const;
  /// Backends that answer and may vote, also those that are slow at it now: another LB would find them no
  /// quicker, so slowness alone makes nobody follow.
  [[nodiscard]] unsigned in_reach(MonoTime now) const;
  [[nodiscard]] bool fit(MonoTime now) const { return outside_fit_ && in_reach(now) >= 2; }
  /// The last order, and what became of it.
  struct Forced {
    enum class Phase : uint8_t { none, under_way, done, refused } phase = Phase::none;
    ForcedRejoin order;
    ForceVerdict verdict = ForceVerdict::may;  ///< refused: why
    Slot survivor = Slot::one;                 ///< done: whose log went on …
    Seq last;                                  ///< … up to here
    MonoTime until;
  };
  [[nodiscard]] const Forced& forced() const { return forced_; }
  [[nodiscard]] uint64_t forced_starts() const { return forced_starts_; }
  [[nodiscard]] const Backends& backends() const { return backends_; }
  [[nodiscard]] BackendState backend_state(Slot slot, MonoTime now) const;
  /// Bits of the slots whose constituents are absent, as two books say; nothing: not known yet.
  [[nodiscard]] std::optional<uint8_t> absent_by_two() const;
  [[nodiscard]] const FixedVector<OutvotedEvent, 16>& outvoted() const { return outvoted_; }
  [[nodiscard]] bool split() const { return split_; }
  [[nodiscard]] Duration clocks_apart(MonoTime now) const { return stamp_.clocks_apart(now); }
  [[nodiscard]] size_t undecided() const { return distance(answered_, window_.next()) - 1; }
  /// S (64 bits) of `slot` at `seq`, if its vote or word is known.
  [[nodiscard]] std::optional<uint64_t> digest(Slot slot, Seq seq) const;
  /// Decided entries of this epoch after `after`, oldest first, as far as the window has them: for checkers.
  struct DecidedEntry {
    Seq seq;
    Hash128 l;
    CellTime cell;
  };
  [[nodiscard]] std::vector<DecidedEntry> decided_since(Seq after) const;
  [[nodiscard]] uint64_t resends() const { return resends_; }
  [[nodiscard]] uint64_t read_misses() const { return read_misses_; }

 private:
  /// Answers to an Ask under way.
  struct Inquiry {
    bool on = false;
    uint32_t number = 0;
    MonoTime until;
    MonoTime again;
    SlotSet answered;
    SlotSet voters;  ///< … members by their own word, and not divergent: their promises and votes would count
    SlotSet stopped;  ///< … whose log takes nothing more: they neither promise nor vote
    SlotSet lost;     ///< … without a disk to be trusted: theirs would not
    SlotSet heard;    ///< … a fit holder of their epoch, not us
    SlotSet higher;   ///< promised above the epoch that we hold
    SlotSet vacant;   ///< members that know of a vacant slot
    AllSaid said;
  };
  struct Standby {};
  struct Asking {};
  struct Preparing {
    Promises promises;
    MonoTime give_up;
    MonoTime again;
    MonoTime second_at;
    bool raised = false;  ///< from Active: we have the address, and outbid a stray Prepare
    bool forced = false;  ///< by the operator's order: one promise will do, if no second one comes …
    MonoTime asked_at;    ///< … and the others were asked again, after it had come, from here on
  };
  struct Starting {
    Seq first;  ///< EpochStart or Genesis
    Slot source = Slot::one;
    bool all_three = false;
    MonoTime progress_at;
    uint64_t recovered = 0;
    bool raised = false;  ///< as in Preparing
    bool vacant = false;  ///< two members, and one of them may not be admitted yet
    bool forced = false;  ///< this very epoch is the order's
  };
  struct Active {
    Seq first;
    MonoTime since;
  };
  /// Whether operations are taken: looked at once for all that come between two steps.
  struct Gate {
    MonoTime at;
    Admit admit = Admit::taken;
    Seq through;  ///< the last that may be ordered
  };
  /// How the backends stand: looked at once for all that is asked between two steps.
  struct Standing {
    MonoTime at;
    std::array<BackendState, kBackends> states{};
    SlotSet voters{};
    SlotSet counted{};
    unsigned in_reach = 0;
  };
  /// Something was heard or done: what was looked at is looked at again.
  void changed();
  [[nodiscard]] const Standing& standing(MonoTime now) const;

  void on(const VoteView& view, ServerId from, const Moment& now, Output& out);
  void on(const AnswerView& view, ServerId from, const Moment& now, Output& out);
  void on(const PromiseView& view, ServerId from, const Moment& now, Output& out);
  void on(const RefusedView& view, ServerId from, const Moment& now, Output& out);
  void on(const HeardView& view, ServerId from, const Moment& now, Output& out);
  void on(const MissingView& view, ServerId from, const Moment& now, Output& out);
  template <class NotForLbs>
  void on(const NotForLbs&, ServerId, const Moment&, Output&) {}

  // takeover (proposer_takeover.cc)
  void note_position(Slot slot, const Heard& h, const Moment& now);
  void note_answer(Slot slot, const Heard& h);
  void inquire(Duration give_up, const Moment& now);
  void judge_inquiry(const Moment& now, Output& out);
  void prepare(bool raised, uint64_t leap, const Moment& now);
  void try_choose(const Moment& now);
  void start(const Choice& choice, uint64_t recovered, const Moment& now);
  void set_members(const Choice& choice, const Promises& promises);
  size_t write_start(const Choice& choice, const Promises& promises, MutBytes out) const;
  size_t write_genesis(const Promises& promises, MutBytes out) const;
  void stand_by(Cause cause, const Moment& now, Output& out);
  void tick_takeover(const Moment& now, Output& out);
  void tick_preparing(Preparing& preparing, const Moment& now, Output& out);
  void start_without_source(const Moment& now, Output& out);
  void tick_inquiry(const Moment& now, Output& out);
  [[nodiscard]] bool half_way() const;
  void end_inquiry(const Moment& now, Output& out);

  // the operator's order (proposer_force.cc)
  void tick_force(const Moment& now);
  bool try_force(const Moment& now, Output& out);
  std::optional<Choice> choose_by_order(const Moment& now);
  void refuse_force(ForceVerdict verdict);

  // ordering and tallying (proposer_active.cc)
  [[nodiscard]] Admit without_epoch() const;
  [[nodiscard]] Gate look(MonoTime now) const;
  bool order(EntryKind kind, Bytes op, Tag tag, const Moment& now);
  void order_ticks(const Moment& now);
  void order_rejoins(const Moment& now);
  void order_presence(const Moment& now);
  void note_absent(Slot slot, Seq seq, uint8_t absent);
  void order_checkpoints(const Moment& now);
  void outvote(Seq seq, const Moment& now);
  void note_acked(Slot slot, Seq durable, const Moment& now);
  void note_decided(Seq first, Seq last);
  void advance(const Moment& now, Output& out);
  void deliver(const Moment& now, Output& out);
  void note_split(MonoTime now);
  void judge_reads(const Moment& now, Output& out);

  // sending (fan_out.cc)
  void send_fresh(const Moment& now, Output& out);
  void send_reads(const Moment& now, Output& out);
  void send_resends(const Moment& now, Output& out);
  [[nodiscard]] Duration round_patience() const;
  [[nodiscard]] Seq contested() const;
  bool send_range(Seq from, Seq to, unsigned datagrams, ServerSet to_whom, const Moment& now, Output& out);
  [[nodiscard]] bool settled(Slot slot, MonoTime now) const;
  [[nodiscard]] bool survivor_has_start() const;
  void send_keepalives(const Moment& now, Output& out);
  /// `lost`: an incarnation of the one it goes to, or none.
  void send_keepalive(ServerSet whom, uint8_t flags, Incarnation lost, const Moment& now, Output& out);
  [[nodiscard]] AcceptHeader accept_header(Seq first, const Moment& now) const;
  [[nodiscard]] ServerSet listeners(MonoTime now) const;
  [[nodiscard]] bool holds_epoch() const;
  [[nodiscard]] Seq first_of_epoch() const;
  [[nodiscard]] MonoTime next_tick(const Moment& now) const;

  Options options_;
  std::variant<Standby, Asking, Preparing, Starting, Active> role_;
  Epoch epoch_;   ///< ours, while Preparing or later
  Epoch seen_;    ///< highest seen anywhere
  Epoch before_;  ///< the one before ours, for receipts
  Cause cause_ = Cause::none;
  MonoTime backoff_until_;
  unsigned failures_ = 0;  ///< claims in a row that came to nothing
  SlotSet left_out_;       ///< a source that made no progress: its promise does not count next time
  bool outside_fit_ = true;
  Inquiry inquiry_;
  bool confirming_ = false;
  uint32_t inquiries_ = 0;
  Forced forced_;
  uint64_t forced_starts_ = 0;

  Backends backends_;
  Stamp stamp_;
  Window window_;
  Reads reads_;
  Rounds rounds_;
  Checkpoints checkpoints_;
  Seq sent_;     ///< fresh entries up to here were sent
  Seq decided_;  ///< our tally's commit
  uint64_t decided_s_ = 0;
  Seq answered_;  ///< outcomes delivered up to here
  CellTime decided_cell_;
  WallTime decided_wall_;
  bool split_ = false;
  std::optional<Gate> gate_;                  ///< none: something was heard or done since
  mutable std::optional<Standing> standing_;  ///< the same
  MonoTime contest_at_;                       ///< when a contested entry is asked for again
  bool leases_live_ = false;
  bool more_due_ = false;
  MonoTime ordered_at_;
  Seq presence_seq_;        ///< the last that we ordered of constituents gone or back
  MonoTime presence_look_;  ///< when that is looked at next
  unsigned read_turn_ = 0;
  uint64_t resends_ = 0;
  uint64_t read_misses_ = 0;
  FixedVector<OutvotedEvent, 16> outvoted_;
};

}  // namespace tercet::quorum
