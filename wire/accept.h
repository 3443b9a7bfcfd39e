#pragma once
// Accept (LB → the three backends, the same bytes for all) and Keepalive.
//
//   +--------+--------+-----------------+-----------------------------------+
//   | type 1 | flags  | items           | heartbeat interval, µs            |
//   +--------+--------+-----------------+-----------------------------------+
//   | epoch (8)  | instance (8)  | first seq (8)  | L(first − 1) (16)         |
//   | commit (8) | S(commit) (16)| base cell time, ms (8) | base wall, ms (8)|
//   +-----------------------------------------------------------------------+
//   | items: AcceptItem + operation | ReadItem + query …                    |

#include "wire/cell_message.h"
#include "wire/drop.h"
#include "wire/entry.h"

namespace tercet {

struct AcceptHeader {
  uint8_t type;
  uint8_t
      flags;  ///< kFit: the LB has its address, hears clients or has no reason to doubt it, two backends vote
  Le16 items;
  Le32 heartbeat_us;  ///< three of these without a word from a fit LB: "not heard"
  Le64 epoch;
  Le64 instance;
  Le64 first;         ///< seq of the first entry in it (also when it carries reads only)
  WireHash prev_l;    ///< L(first − 1)
  Le64 commit;        ///< from this LB's own tally; 0 until its EpochStart is decided
  WireHash commit_s;  ///< S(commit), zero when commit is 0
  Le64 cell_ms;
  Le64 wall_ms;  ///< of all its entries
};
static_assert(sizeof(AcceptHeader) == 88);
inline constexpr uint8_t kFit = 1;
/// In a Keepalive: answer only if there is news (other flags than told last, another log than ours).
inline constexpr uint8_t kQuiet = 2;
/// In a Keepalive of an LB that starts behind a table with a vacant slot: the backend whose log it continues
/// has this EpochStart durable, so the one that the operator's order named may be admitted.
inline constexpr uint8_t kAdmits = 4;

/// Sent when nothing else went to a backend for a heartbeat; answered by Heard, a quiet one only when there
/// is news.
struct Keepalive {
  uint8_t type;
  uint8_t flags;
  Le16 reserved;
  Le32 heartbeat_us;
  Le64 epoch;
  Le64 instance;
  Le64 next;        ///< seq that the LB will give next: a backend behind it asks for what it misses
  WireHash last_l;  ///< L(next − 1)
  Le64 commit;
  WireHash commit_s;
  Le64 stamp;  ///< the LB's clock, comes back in Heard: round trip
  /// 0, or an incarnation of the receiver's slot that is lost: its log ends below what this LB saw it vote,
  /// so its disk lost something, or its slot is decided to be another's or nobody's. It must come back as
  /// another one. By name: who is there by now may be the one that took its place.
  Le64 lost;
};
static_assert(sizeof(Keepalive) == 88);

struct AcceptView {
  const AcceptHeader* header = nullptr;
  Bytes items;
};
struct KeepaliveView {
  const Keepalive* header = nullptr;
};

/// Walks an Accept's items in order: entries get their seq, epoch and times.
struct AcceptEntry {
  bool is_read = false;
  EntryView entry;                 ///< when not a read
  const ReadItem* read = nullptr;  ///< when a read …
  Bytes query;                     ///< … and what it asks
};
class AcceptWalk {
 public:
  explicit AcceptWalk(const AcceptView& view)
      : view_(view), rest_(view.items), next_(view.header->first.get()) {}
  /// False at the end. parse_cell has walked it before, so it is never malformed here.
  bool next(AcceptEntry& out);

 private:
  const AcceptView view_;
  Bytes rest_;
  uint64_t next_;
};

Drop parse_accept(Bytes plain, AcceptView& out);
Drop parse_keepalive(Bytes plain, KeepaliveView& out);

/// Writes an Accept into a buffer that the caller opened (Outbox::open): begin, add…, finish.
class AcceptWriter {
 public:
  /// `type` and `items` of the header are set here.
  AcceptWriter(MutBytes out, const AcceptHeader& header);
  /// False when it does not fit, in bytes or because its times do not (the cell time's distance from the
  /// base, the wall time is not the base): finish this one, begin the next. Entries come in the order of
  /// their seqs, from `first`.
  bool add(const EntryView& entry);
  /// `item`'s kind and length are set here.
  bool add(ReadItem item, Bytes query);
  [[nodiscard]] size_t items() const { return items_; }
  size_t finish();  ///< size of the message, 0 if nothing was added

 private:
  [[nodiscard]] bool has_room(size_t size) const { return out_.size() - used_ >= size; }
  MutBytes out_;
  size_t used_;
  uint16_t items_ = 0;
  uint64_t next_;
};

}  // namespace tercet
