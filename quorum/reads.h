#pragma once
// Reads: each rides in an Accept at a place in the stream and is answered by two backends there (DESIGN §2
// "Reads"). Two answers count if they and their L are equal and L is the LB's own at that place. One that is
// late gets a fresh place and other readers; after two misses all three are asked, and after seconds it is
// given up: UNAVAILABLE.
//
// How late is late adapts (RFC 6298 §2, §5): to the times that answers take, and it doubles while none come.
// Else, above what the backends can answer in that time, every read would be asked anew before its answer
// came, and none ever end. The time is the same for all, so that reads become late in the order in which they
// were placed.

#include <vector>

#include "base/ring.h"
#include "quorum/limits.h"
#include "quorum/window.h"
#include "wire/vote.h"

namespace tercet::quorum {

class Reads {
 public:
  struct Read {
    bool used = false;
    bool placed = false;  ///< stands in an Accept that was sent; else it waits for one
    uint32_t generation = 0;
    unsigned misses = 0;
    Tag tag;
    Seq place;
    SlotSet readers;
    MonoTime first_at;  ///< first placed
    MonoTime asked_at;  ///< last placed
    SlotSet answered;
    std::array<Hash128, kBackends> hashes{};
    FixedVector<uint8_t, 64> query;  ///< a read's operation is short
    bool has_body = false;
    Hash128 body_hash;
    FixedVector<uint8_t, kReadAnswerMax> body;
  };
  explicit Reads(size_t capacity);

  /// False: too many, or too long for a read.
  bool add(Bytes query, Tag tag);
  [[nodiscard]] size_t used() const { return used_; }
  Read& at(uint32_t slot) { return reads_[slot]; }
  /// The read that has waited longest for a place, or null.
  Read* waiting(uint32_t& slot);
  /// The read of waiting() stands at `place` now.
  void placed(Seq place, SlotSet readers, MonoTime now);
  /// The read that has stood longest without its answer, or null.
  Read* oldest(uint32_t& slot);
  /// The read of oldest() gets a fresh place; answers of the old one no longer count.
  void miss();
  /// Any read in use, or null: for giving all up.
  Read* any(uint32_t& slot);
  /// How long a read waits for its answer.
  [[nodiscard]] Duration patience() const;
  /// A read was answered, so long after it was placed.
  void answered_after(Duration time);
  /// Some were late.
  void were_late(MonoTime now);
  /// Takes an answer from `from` (whose L was compared). True: the read is answered and `body` holds it.
  bool answer(Slot from, const AnswerView& view);
  void free(uint32_t slot);
  void clear();

 private:
  std::vector<Read> reads_;
  std::vector<uint32_t> free_;
  size_t used_ = 0;
  /// Queues hold a read's generation too: one that was answered meanwhile is skipped.
  struct Queued {
    uint32_t slot = 0;
    uint32_t generation = 0;
  };
  [[nodiscard]] bool current(const Queued& q) const {
    return reads_[q.slot].used && reads_[q.slot].generation == q.generation;
  }
  Ring<Queued> waiting_;
  Ring<Queued> standing_;
  Duration time_ = milliseconds(1);  ///< that answers take, smoothed …
  Duration deviation_ = milliseconds(1);
  unsigned doubled_ = 0;  ///< times, since the last answer
  MonoTime double_again_at_;
};

}  // namespace tercet::quorum
