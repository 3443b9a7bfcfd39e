#pragma once
// Acceptor: a backend's side of the protocol (DESIGN §2). Promises epochs, takes Accepts that continue its
// log, drives the machine, votes when entries are durable. A value without I/O, clock or randomness: events
// go in, messages and records come out. The caller appends the records, in order, to its log, and tells when
// they are durable.
//
// Keeps: I5 (equal S, equal books), I6 (no vote or promise before durability), its part of I1 and I2 (cuts
// only from the first seq where it holds another L, never a committed one).
//
// What it may be (DESIGN §2 "First start, lost disks, wrong backends"):
//
//   blank      ── Genesis names it ──────────────────────────► member
//   amnesiac   ── Rejoin names it, pulled, decided, admitted ─► member     (a new incarnation: its disk was
//   lost) member     ── S is not the decided one ──► divergent ── the book is built anew from the log ──►
//   member member     ── its log ends below its votes, or another incarnation has its slot ──► lost: only as
//   another
//                 incarnation does it come back, and that is for its owner to arrange

#include <algorithm>
#include <array>

#include "quorum/checkpoint.h"
#include "quorum/divergence.h"
#include "quorum/held.h"
#include "quorum/log_view.h"
#include "quorum/machine.h"
#include "quorum/pull.h"
#include "quorum/records.h"
#include "wire/cell.h"
#include "wire/outbox.h"

namespace tercet::quorum {

class Acceptor {
 public:
  struct Options {
    CellId cell;
    Slot slot = Slot::one;
    Incarnation incarnation;
    /// This disk follows one that was lost: it says so until a Rejoin has admitted it, and promises nothing
    /// before.
    bool amnesiac = false;
    FixedVector<uint8_t, kIntroductionMax> introduction;
    Held::Sizes held;
    LogView::Options log;
    /// Entries before its newest checkpoint that it keeps in memory, for a peer that lags a little …
    uint64_t keep_behind = 65536;
    /// … and at most so many for one that is just being fed: some 600 MB, or 40 s at 100,000 a second.
    uint64_t keep_for_fed = uint64_t{4} << 20U;
  };
  /// What an image keeps of an acceptor beside the book: a log that begins behind it goes on from there.
  struct Kept {
    Checkpoint checkpoint;
    Epoch promised;
    Nonce promised_to;
    Seq admitted_by;
    bool foreign = false;  ///< from a peer: to be measured by the log's `usable` before anything is voted
  };
  /// The book was captured here, by Machine::capture().
  struct Captured {
    Checkpoint checkpoint;
    Lsn lsn;  ///< of the checkpoint entry
  };
  struct Output {
    Outbox& sends;
    Records& append;
  };
  struct Counters {
    uint64_t accepts = 0;
    uint64_t refused = 0;
    uint64_t cuts = 0;
    uint64_t rebuilds = 0;
    uint64_t forced = 0;  ///< EpochStarts by the operator's order that came into its log in this life
    uint64_t reads_late = 0;
    uint64_t ignored = 0;
  };

  explicit Acceptor(const Options& options);

  /// Recovery, first of all: the log begins behind this checkpoint, and the machine stands there.
  void restore(const Kept& kept);
  /// Recovery: each record of the log in order, before anything else but restore(). False: the record cannot
  /// follow what came before, so the log is not to be trusted (the caller starts over as amnesiac).
  [[nodiscard]] bool replay(RecordType type, Bytes payload);
  /// All records have been replayed and are durable: brings the machine to the log's end.
  void recovered(Machine& machine);

  void step(ServerId from, const CellView& message, const Moment& now, Machine& machine, Output& out);
  /// `lsn` records (counted from the first one that this acceptor handed out) are durable.
  void durable(Lsn lsn);
  /// The log takes nothing more (disk full or failed): says so in all that it sends, takes no entries, votes
  /// no more.
  void stop(StopReason reason) {
    stopped_ = reason;
    pull_.stop();
  }
  /// What its container is from now on; empty: it is gone.
  void introduce(Bytes introduction);
  /// The holder of `epoch` said (under seal) that it is gone: whoever asks may follow it at once.
  void resigned(Epoch epoch);
  /// Adds the commit to what was appended since the last call, if it has risen. After each burst of steps,
  /// before the records are handed to the log.
  void note_commit_in(Records& append);
  /// Sends what may leave now; returns when to call again at the latest. Call after each burst of steps.
  MonoTime tick(const Moment& now, Machine& machine, Output& out);

  // ---- checkpoints (acceptor_checkpoints.cc)
  /// The newest checkpoint that was ours, until it is used or given up. An entry of its own may have been
  /// cut: then the capture has failed too.
  [[nodiscard]] const std::optional<Captured>& captured() const { return captured_; }
  void give_up_capture() { captured_.reset(); }
  /// Measured and right: an image of it may be written for good.
  [[nodiscard]] bool capture_usable() const;
  [[nodiscard]] Kept kept(const Checkpoint& checkpoint, bool foreign) const;
  /// The captured image is durable: what lies before it may go, but for what a peer is just being fed.
  void begin_behind_capture(MonoTime now);
  /// `peer` has what is up to `behind`, or is getting it from an image of ours, and will go on from there.
  void feeds(Slot peer, Seq behind, MonoTime now) { fed_[index(peer)] = {behind, now}; }
  /// The log ends where no source begins: the image that one of them has.
  [[nodiscard]] const std::optional<PeerImage>& image_wanted() const { return pull_.image(); }
  /// It was asked for, and that came to nothing.
  void image_ended(const PeerImage& image, ImageEnd end, MonoTime now) { pull_.image_ended(image, end, now); }
  /// An image from a peer is to become the book: until begin_behind(), or forget_book(), the machine is the
  /// caller's.
  void lend_book();
  /// While it is lent: the log could go on without an image, if there were a book.
  [[nodiscard]] bool book_missed() const;
  /// An image of that takes back nothing that is decided: our log holds that entry, or ends, as far as it is
  /// decided, before it, and has named nobody there whom the image does not know.
  [[nodiscard]] bool may_begin_behind(const Checkpoint& checkpoint) const;
  /// The machine stands at `checkpoint`, and an image of it is durable. The log begins there unless it has
  /// more.
  void begin_behind(const Checkpoint& checkpoint);
  /// The book is good for nothing: it is built anew.
  void forget_book(Machine& machine);
  /// The newest that its disk has an image of; 0: none.
  [[nodiscard]] Seq checkpoint() const { return image_; }
  /// The book can only be had from the image on the disk: everything is to be opened anew.
  [[nodiscard]] bool reopen() const { return reopen_; }

  [[nodiscard]] const LogView& log() const { return log_; }
  [[nodiscard]] Epoch promised() const { return promised_; }
  [[nodiscard]] Seq commit() const { return commit_; }
  [[nodiscard]] Seq durable_seq() const { return durable_seq_; }
  /// The machine stands here: behind the log's end while the book is built anew.
  [[nodiscard]] Seq applied() const { return applied_; }
  /// Its own log names its incarnation, and if a Rejoin did, its admission is durable.
  [[nodiscard]] bool member() const;
  [[nodiscard]] bool divergent() const { return divergence_.on(); }
  [[nodiscard]] bool amnesiac() const { return lost_ || (!member() && (options_.amnesiac || !log_.empty())); }
  /// It must not go on as this incarnation: start over with another, on an empty log.
  [[nodiscard]] bool lost() const { return lost_; }
  [[nodiscard]] bool catching_up() const {
    return pull_.active() || applied_ < log_.last() || !measured() || lent_;
  }
  [[nodiscard]] Incarnation incarnation() const { return options_.incarnation; }
  [[nodiscard]] const Counters& counters() const { return counters_; }
  /// What the machine makes of its container.
  [[nodiscard]] ContainerState container(const Machine& machine) const {
    return machine.container(options_.slot, introduction());
  }
  /// Records handed out so far.
  [[nodiscard]] Lsn taken() const { return lsn_; }

 private:
  /// The holder of an epoch, last heard saying that it is fit.
  struct Holder {
    Epoch epoch;
    Nonce instance;
    MonoTime at;
    Duration window;
  };

  /// What it says of itself in every Vote, and in a Heard where that is news.
  struct Word {
    uint8_t flags = 0;
    ContainerState container = ContainerState::here;
    uint8_t absent = 0;
    bool operator==(const Word&) const = default;
  };

  // messages (acceptor.cc)
  void on(const AcceptView& view, ServerId from, const Moment& now, Machine& machine, Output& out);
  void on(const KeepaliveView& view, ServerId from, const Moment& now, Machine& machine, Output& out);
  void on(const PrepareView& view, ServerId from, const Moment& now, Machine& machine, Output& out);
  void on(const AskView& view, ServerId from, const Moment& now, Machine& machine, Output& out);
  void on(const MissingView& view, ServerId from, const Moment& now, Machine& machine, Output& out);
  void on(const EntriesView& view, ServerId from, const Moment& now, Machine& machine, Output& out);
  template <class NotForBackends>
  void on(const NotForBackends&, ServerId, const Moment&, Machine&, Output&) {
    ++counters_.ignored;
  }
  [[nodiscard]] bool may_take(const AcceptView& view) const;
  [[nodiscard]] bool continues_log(const AcceptHeader& header) const;
  [[nodiscard]] bool names_us(const EntryView& genesis) const;
  bool take(const AcceptView& view, ServerId from, Seq& proved, Machine& machine, Output& out);
  void take_read(const AcceptEntry& item, ServerId from, Epoch epoch, Seq place, const Machine& machine);
  void hold_read(const AcceptEntry& item, ServerId from, Epoch epoch, Seq place, const Machine& machine);
  void lack(const Pull::Target& target, Epoch epoch, ServerId lb, const Slot* source, MonoTime now);
  void hear(Epoch epoch, Nonce instance, uint8_t flags, uint32_t heartbeat_us, MonoTime now);
  [[nodiscard]] bool heard(MonoTime now) const;

  // the log and the book behind it (acceptor_log.cc)
  void adopt(Machine& machine, Output& out);
  bool adopt(const EntryView& entry, Machine& machine, Output& out);
  void end_pull(Machine& machine, Output& out);
  void append(const EntryView& entry, const Hash128& l, Machine& machine, Output& out);
  void apply_next(Machine& machine);
  void cut(Seq first, Machine& machine);
  void begin_anew(Machine& machine);
  void raise_promise(Epoch epoch, Nonce instance);
  void note_commit(Seq sent, const Hash128& s, Seq proved, Machine& machine);
  bool catch_up_book(MonoTime now, Machine& machine);

  // checkpoints (acceptor_checkpoints.cc)
  void note_checkpoint(const EntryView& entry, const Hash128& s_before, Machine& machine);
  void note_usable(const EntryView& entry);
  void measure();
  /// Our book is the one that two votes had at our checkpoint.
  [[nodiscard]] bool measured() const { return !foreign_; }
  [[nodiscard]] Seq may_go(Seq checkpoint, MonoTime now) const;

  // membership (acceptor_membership.cc)
  [[nodiscard]] const Member& our_member() const { return log_.members().slots[index(options_.slot)]; }
  [[nodiscard]] bool named() const { return log_.members().names(options_.slot, options_.incarnation); }
  void admit(Epoch epoch, bool survivor_has_it, Output& out);
  void note_named();
  bool note_forced(const EntryView& entry, bool as_member);
  void pin(Seq seq);
  /// Never cut up to here, and no log with other entries is taken.
  [[nodiscard]] Seq kept_through() const { return std::max(commit_, pinned_); }
  [[nodiscard]] bool stopped() const { return stopped_ != StopReason::none; }
  void note_replaced();
  [[nodiscard]] bool newcomer() const;
  [[nodiscard]] bool asks_rejoin() const;

  // what may leave (acceptor_sends.cc)
  void refuse(CellMessage of, Epoch epoch, ServerId to, const Machine& machine, Output& out);
  void send_heard(ServerId to, bool asked, uint32_t number, uint64_t stamp, const Moment& now,
                  const Machine& machine, Output& out);
  MonoTime ask_for_more(bool log_had_room, MonoTime now, Output& out);
  [[nodiscard]] uint8_t flags(const Machine& machine) const;
  [[nodiscard]] Word word(const Machine& machine) const;
  [[nodiscard]] Bytes introduction() const {
    return {options_.introduction.data(), options_.introduction.size()};
  }
  [[nodiscard]] PromiseHeader promise_now(const Moment& now, const Machine& machine) const;
  [[nodiscard]] ServerId holder() const { return lb_of(promised_); }

  Options options_;
  // Durable, or about to be.
  LogView log_;
  Epoch promised_;
  Nonce promised_to_;  ///< 0: promised by an Accept, to whoever holds that number
  Seq commit_;
  Hash128 commit_s_;  ///< as the LB's tally said, to be written along
  bool commit_dirty_ = false;
  Seq pinned_;        ///< a forced EpochStart that is decided by the operator's order; 0: none
  Seq admitted_by_;   ///< the Rejoin whose admission was written; 0: none
  Lsn admitted_lsn_;  ///< that record
  // Positions in the log.
  Lsn lsn_;
  Lsn durable_lsn_;
  Seq durable_seq_;
  Seq applied_;
  // Checkpoints.
  struct Usable {
    Seq at;
    Seq checkpoint;
    uint64_t s = 0;
  };
  Seq image_;                     ///< of the image on our disk; 0: none
  bool foreign_ = false;          ///< it came from a peer and is not measured yet
  std::optional<Usable> usable_;  ///< the newest
  std::optional<Captured> captured_;
  bool lent_ = false;         ///< the machine is not ours
  bool book_missed_ = false;  ///< since then an LB's log was ours, or went on behind it
  bool reopen_ = false;
  // Volatile.
  Divergence divergence_;
  StopReason stopped_ = StopReason::none;
  bool lost_ = false;
  bool was_member_ = false;  ///< named by a Genesis, or admitted: it may have promised as one
  Held held_;
  Pull pull_;
  /// Taken over from the stage in this poll.
  struct {
    size_t entries = 0;
    size_t bytes = 0;
  } adopted_;
  struct Fed {
    Seq behind;
    MonoTime at;  ///< 0: never
  };
  std::array<Fed, kBackends> fed_{};
  Word told_;  ///< in the last answer to a Keepalive
  Holder heard_;
  Counters counters_;
};

}  // namespace tercet::quorum
