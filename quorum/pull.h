#pragma once
// Pull: how a backend that lacks entries gets them: from the LB (which answers with Accepts while it still
// has them) or from a peer (Entries), up to a (seq, L) that the LB named.
//
// What a peer sends is taken into the log as soon as the peer's commit covers it (decided entries are the
// same everywhere), and otherwise only when the chain has reached the named L: until then it waits in the
// stage, so that a log that an old epoch left behind never replaces a better one. The log may take the stage
// over in several goes: a part of it is a part of the chosen log.

#include <array>
#include <optional>
#include <vector>

#include "quorum/image_choice.h"
#include "quorum/limits.h"
#include "quorum/log_view.h"
#include "quorum/pull_pace.h"
#include "wire/fetch.h"
#include "wire/limits.h"

namespace tercet::quorum {

class Pull {
 public:
  struct Target {
    Seq seq;
    Hash128 l;
    Seq commit;        ///< of the LB's own tally when it named this; 0: none yet …
    Hash128 commit_s;  ///< … and S there
  };
  explicit Pull(Slot own) : own_(own), stage_(size_t{64} << 20U) { early_.reserve(kPullDatagrams); }

  [[nodiscard]] bool active() const { return active_; }
  /// Rises with each entry that was pulled, and again when the log takes it: for an LB that waits.
  [[nodiscard]] uint64_t progress() const { return progress_; }
  [[nodiscard]] Epoch epoch() const { return epoch_; }

  /// The LB of `epoch` named `target`, which `log` lacks. Keeps a pull that goes on for the same epoch or a
  /// higher one, unless nobody could give anything towards its target.
  void aim(const Target& target, Epoch epoch, ServerId lb, const Slot* source, const LogView& log, Seq commit,
           MonoTime now);
  void stop();
  [[nodiscard]] const Target& target() const { return target_; }
  /// True, once, if the log now holds the target (also through Accepts): the pull is over.
  bool reached(const LogView& log);

  /// Takes one Entries datagram. What may go into the log afterwards stands in the stage up to
  /// `adopt_through()`.
  void take(ServerId from, const EntriesView& view, const LogView& log, Seq commit, MonoTime now);
  /// Last seq in the stage that may be taken over now; seq 0: none.
  [[nodiscard]] Seq adopt_through() const { return adopt_through_; }
  /// The oldest staged entry that may be taken over now; false: none, and what there was is all in the log.
  bool staged(EntryView& out) const;
  /// L of the pulled log just before that entry: the log takes it only behind exactly that.
  [[nodiscard]] const Hash128& staged_behind() const { return stage_l_; }
  /// The log has that one (and its epoch may have ended this pull, then nothing is staged any more).
  void adopted(const LogView& log);

  /// None of the three has what comes next, but one of them an image. Nothing more is asked until go_on() or
  /// image_ended().
  [[nodiscard]] const std::optional<PeerImage>& image() const { return image_; }
  /// The log begins behind that image now.
  void go_on(const LogView& log);
  /// It was asked for, and that came to nothing.
  void image_ended(const PeerImage& image, ImageEnd end, MonoTime now);

  /// What to ask now: fills `to` and `ask`; false if nothing is due. `again` is when to look next.
  bool ask(const LogView& log, MonoTime now, ServerId& to, Missing& ask, MonoTime& again);

 private:
  /// A datagram that came before the one in front of it.
  struct Early {
    Seq first;
    size_t size = 0;
    std::array<uint8_t, kCellPlainMax> bytes;
    [[nodiscard]] EntriesView view() const {
      return {reinterpret_cast<const EntriesHeader*>(bytes.data()),
              {bytes.data() + sizeof(EntriesHeader), size - sizeof(EntriesHeader)}};
    }
  };
  void keep_early(const EntriesView& view);
  const Early* take_early();
  bool take_next(ServerId from, const EntriesView& view, const LogView& log, Seq commit);
  void begin_at(Seq from, const LogView& log);
  void empty_stage();
  void forget_images();
  void next_source();
  void refused(ServerId from, const EntriesHeader& header, const LogView& log, MonoTime now);
  bool stage(const EntryView& entry, Seq peers_commit, const LogView& log, Seq commit);
  [[nodiscard]] ServerId source() const;

  Slot own_;
  bool active_ = false;
  bool ask_due_ = false;
  PullPace pace_;
  bool answered_ = false;  ///< the last ask, wholly: the log takes it before the next
  MonoTime rests_until_;
  bool from_commit_ = false;        ///< the optimistic start (behind our last entry) met another log
  std::optional<ServerId> fed_by_;  ///< who gave what stands behind the start
  Target target_;
  Epoch epoch_;
  ServerId lb_ = ServerId::lb1;
  Slot preferred_ = Slot::one;
  unsigned turn_ = 0;  ///< which source: LB, preferred peer, other peer
  uint32_t number_ = 0;
  unsigned awaited_ = 0;      ///< datagrams of the last ask that have not come
  std::vector<Early> early_;  ///< of the last ask
  unsigned silent_ = 0;       ///< asks in a row without an answer
  unsigned refusals_ = 0;     ///< answers of sources that lack them, since the log took the last one
  ImageChoice choice_;
  std::optional<PeerImage> image_;
  bool aims_anew_ = false;  ///< at what the LB of the same epoch names next
  MonoTime asked_at_;
  Seq cursor_;    ///< next seq that is wanted
  Hash128 tail_;  ///< L(cursor − 1) of the log being pulled
  Seq adopt_through_;
  bool complete_ = false;     ///< pulled up to the named L: nothing more is wanted
  Region<uint8_t> stage_;     ///< entries, as EntryHeader + operation …
  size_t stage_adopted_ = 0;  ///< … of which so many bytes are in the log
  Hash128 stage_l_;           ///< L before the first that is not
  uint64_t progress_ = 0;
};

}  // namespace tercet::quorum
