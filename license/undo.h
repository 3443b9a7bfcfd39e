#pragma once
// Undo records: before-images of what undecided entries changed, newest last, in one bounded ring of bytes.
// When it is full the oldest entries can no longer be taken back; the acceptor then resets the book and
// replays.
//
//   mark of entry n-1 | mark of entry n | …       (another ring: what was before the entry, where its changes
//   begin) image, trailer | image, trailer | …           (read backwards from the end)

#include "base/hash.h"
#include "base/zeroed.h"
#include "license/limits.h"
#include "wire/ids.h"

namespace tercet::license {

/// The small part of the book, kept whole for every entry.
struct Standing {
  Hash128 sum;      ///< of all objects' hashes, added
  int64_t cell_ms;  ///< times of the last entry
  int64_t wall_ms;
  int64_t forgotten_ms;  ///< checkouts sent before this may have had a tombstone that had to go early: STALE
  uint64_t seq;          ///< last applied entry
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
  cell_set,
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
    copy_out(bytes_end_, reinterpret_cast<uint8_t*>(&out), sizeof out);
  }
  /// After its last change: takes the newest entry off and returns what was before it.
  Standing finish();
  /// Entries up to `seq` are not undone any more.
  void settle(uint64_t seq);
  void clear() { first_ = end_; }

 private:
  struct Mark {
    Standing before;
    uint64_t bytes_from;
  };
  struct Trailer {
    Change change;
    uint32_t number;
    uint32_t size;
    uint32_t reserved;
  };
  void append(Change change, uint32_t number, const uint8_t* image, uint32_t size);
  void copy_in(uint64_t at, const uint8_t* from, size_t size);
  void copy_out(uint64_t at, uint8_t* to, size_t size) const;
  Mark& mark(uint64_t n) { return marks_[n & (marks_.size() - 1)]; }

  Zeroed<Mark> marks_;  ///< both rings are powers of two; places count up for ever
  Zeroed<uint8_t> bytes_;
  uint64_t first_ = 0;
  uint64_t end_ = 0;
  uint64_t bytes_end_ = 0;
};

}  // namespace tercet::license
