#pragma once
// Undo records: before-images of what undecided entries changed, newest last. When there are too many of them
// the oldest entries can no longer be taken back; the acceptor then resets the book and replays.
//
//   mark of entry n-1 | mark of entry n | …     a ring: what was before the entry, where its changes begin
//   image, trailer | image, trailer | …         undo_bytes.h; read backwards from the end

#include "base/hash.h"
#include "base/zeroed.h"
#include "license/constituents.h"
#include "license/lease.h"
#include "license/licenses.h"
#include "license/limits.h"
#include "license/tombstones.h"
#include "license/undo_bytes.h"
#include "license/usage.h"
#include "wire/ids.h"

namespace tercet::license {

/// The small part of the book, kept whole for every entry.
struct Standing {
  Hash128 sum;      ///< of all objects' hashes, added
  int64_t cell_ms;  ///< times of the last entry
  int64_t wall_ms;
  int64_t forgotten_ms;  ///< checkouts sent before this may have had a tombstone that had to go early: STALE
  uint32_t ended;        ///< leases that operations ended in this millisecond of cell time …
  uint32_t purged;       ///< … and tombstones that they dropped: work that can wait is spread (expire.cc)
  uint32_t absent;       ///< bits of slots whose constituents count for no license
  uint32_t reserved;
  uint64_t seq;  ///< last applied entry
};

enum class Change : uint32_t {
  lease_added,
  lease_removed,
  lease_changed,
  tombstone_pushed,
  tombstone_dropped,
  tombstone_changed,
  license_added,
  license_changed,
  usage_changed,
  units_changed,
  cell_set,
  cell_changed,
};

class UndoLog {
 public:
  explicit UndoLog(const BookOptions& options);

  /// A new entry begins; `before` is what undoing it restores.
  void begin(const Standing& before);
  /// Notes a change of the entry that began last, with the image of what was there.
  template <class Image>
  void note(Change change, uint32_t number, const Image& image) {
    append(change, number, reinterpret_cast<const uint8_t*>(&image), sizeof image);
  }
  void note(Change change, uint32_t number) { append(change, number, nullptr, 0); }

  [[nodiscard]] bool empty() const { return first_ == end_; }
  struct Noted {
    Change change;
    uint32_t number;
  };
  /// Takes the newest change of the newest entry off; false when it has none left. Its image is then read by
  /// image().
  bool take(Noted& out);
  template <class Image>
  void image(Image& out) const {
    bytes_.read(bytes_.end() - taken_, reinterpret_cast<uint8_t*>(&out), sizeof out);
  }
  /// After its last change: takes the newest entry off and returns what was before it.
  Standing finish();
  /// Entries up to `seq` are not undone any more.
  void settle(uint64_t seq);
  void clear();
  /// Memory that was ever touched, of that which the changes take.
  [[nodiscard]] size_t touched_bytes() const { return bytes_.touched() * UndoBytes::kChunk; }

  struct Trailer {
    Change change;
    uint32_t number;
    uint32_t size;
    uint32_t reserved;
  };

 private:
  struct Mark {
    Standing before;
    uint64_t bytes_from;
  };
  void append(Change change, uint32_t number, const uint8_t* image, uint32_t size);
  void drop_oldest();
  Mark& mark(uint64_t n) { return marks_[n & (marks_.size() - 1)]; }

  Zeroed<Mark> marks_;  ///< a power of two; places count up for ever
  UndoBytes bytes_;
  uint64_t first_ = 0;
  uint64_t end_ = 0;
  size_t taken_ = 0;  ///< bytes of the newest entry, while it is taken back
};

/// The most that one entry changes: it ends leases with units, each of which pushes out a tombstone, drops as
/// many tombstones as it may, and imports a constituent or a notice.
inline constexpr size_t kUndoEntryMax =
    kExpiriesPerEntry *
        (sizeof(LeaseImage) + sizeof(uint64_t) + sizeof(Tombstone) + 4 * sizeof(UndoLog::Trailer)) +
    kPurgesPerEntry * (sizeof(Tombstone) + sizeof(UndoLog::Trailer)) + sizeof(License) + sizeof(Usage) +
    sizeof(Cell) + sizeof(LeaseImage) + sizeof(Tombstone) + 8 * sizeof(UndoLog::Trailer);
static_assert(BookOptions{}.undo_bytes >= kUndoneMax * kUndoEntryMax,
              "whatever is undecided can be taken back");

}  // namespace tercet::license
