#pragma once
// Held: what a backend owes an LB and may not say yet. I6: a vote leaves when its entries are durable, an
// answer to a read when the place it was read at is, a promise when its record is. All of it is owed to the
// holder of the epoch promised: a higher promise forgets it.

#include <optional>
#include <vector>

#include "base/fixed.h"
#include "base/ring.h"
#include "quorum/log_view.h"
#include "quorum/machine.h"
#include "wire/outbox.h"
#include "wire/prepare.h"
#include "wire/vote.h"

namespace tercet::quorum {

class Held {
 public:
  struct Sizes {
    size_t results = 8192;  ///< of the newest entries, for votes on repeated Accepts; ≥ the LB's window
    size_t reads = 1024;
  };
  explicit Held(const Sizes& sizes) : results_(sizes.results), reads_(sizes.reads) {}

  /// How far the disk is.
  struct Durable {
    Lsn lsn;
    Seq seq;
  };
  /// What every vote says of its backend.
  struct Voter {
    uint8_t flags = 0;
    Epoch epoch;
    Incarnation incarnation;
    WallTime wall;
    ContainerState container = ContainerState::here;
    uint8_t absent = 0;
  };

  /// Where the result of applying `seq` goes; it stays until as many newer ones came as are kept.
  Result& result(Seq seq) { return results_[seq.value % results_.size()]; }

  /// Votes on [first, last] are owed. `anew`: and on nothing that was owed before.
  void vote(Seq first, Seq last, bool anew);
  /// The promise whose record is `lsn` is owed.
  void promise(ServerId to, Lsn lsn, const PromiseHeader& header) { promise_ = Promised{to, lsn, header}; }
  [[nodiscard]] bool takes_reads() const { return !reads_.full(); }
  /// An answer is owed to a read at `place`; places rise. Only while it takes reads.
  void read(ServerId to, Seq place, const AnswerHeader& header, Bytes answer);
  [[nodiscard]] size_t reads() const { return reads_.size(); }

  /// Entries from `first` on are gone, and what was to be said of them.
  void cut(Seq first);
  /// A higher promise: what was owed under lower ones is not said any more.
  void forget();

  // What may leave now goes into `out`; what finds no room there is said at the next call.
  void send_promise(const Durable& durable, Bytes introduction, Outbox& out);
  void send_votes(const Durable& durable, const Voter& voter, ServerId to, const LogView& log, Outbox& out);
  void send_answers(const Durable& durable, Outbox& out);

 private:
  struct Promised {
    ServerId to = ServerId::lb1;
    Lsn lsn;
    PromiseHeader header{};
  };
  struct Answered {
    ServerId to = ServerId::lb1;
    Seq place;
    AnswerHeader header{};
    FixedVector<uint8_t, kReadAnswerMax> answer;
  };
  std::vector<Result> results_;  ///< by seq modulo its size
  Seq vote_from_{1};             ///< owed: [vote_from_, vote_to_]
  Seq vote_to_;
  std::optional<Promised> promise_;
  Ring<Answered> reads_;  ///< their places rise
};

}  // namespace tercet::quorum
