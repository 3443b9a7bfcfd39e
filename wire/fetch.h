#pragma once
// Catching up: Missing (a backend asks an LB or a peer) and Entries (the answer, one datagram; several may
// come).

#include "wire/cell_message.h"
#include "wire/drop.h"
#include "wire/entry.h"

namespace tercet {

struct Missing {
  uint8_t type;
  uint8_t datagrams;  ///< at most so many Entries in answer: the receiver sets the pace
  Le16 reserved;
  Le32 number;  ///< comes back
  Le64 from;
  Le64 to;  ///< ≥ from
};
static_assert(sizeof(Missing) == 24);

struct EntriesHeader {
  uint8_t type;
  uint8_t reserved;
  Le16 count;  ///< 0: "I do not have them"
  Le32 number;
  Le64 first;
  WireHash prev_l;  ///< L(first − 1)
  Le64 commit;      ///< of the sender: entries up to there are decided
};
static_assert(sizeof(EntriesHeader) == 40);

struct MissingView {
  const Missing* header = nullptr;
};
struct EntriesView {
  const EntriesHeader* header = nullptr;
  Bytes entries;
};
class EntriesWalk {
 public:
  explicit EntriesWalk(const EntriesView& view) : rest_(view.entries) {}
  bool next(EntryView& out);

 private:
  Bytes rest_;
};

Drop parse_missing(Bytes plain, MissingView& out);
Drop parse_entries(Bytes plain, EntriesView& out);

class EntriesWriter {
 public:
  /// `type` and `count` of the header are set here.
  EntriesWriter(MutBytes out, const EntriesHeader& header);
  /// Entries come in the order of their seqs, from `first`. False when it does not fit.
  bool add(const EntryView& entry);
  [[nodiscard]] uint16_t count() const { return count_; }
  size_t finish();

 private:
  MutBytes out_;
  size_t used_;
  uint16_t count_ = 0;
};

}  // namespace tercet
