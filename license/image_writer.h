#pragma once
// ImageWriter: captures the book at one entry while it works on. begin() only notes which objects there are
// (a bit each); slice() writes some of them at a time; and what is about to change or go before its turn, the
// book writes first, as it was. So the image is of one moment, and nobody waits for it.
//
// What is written waits in here until its owner has taken it. A book that changes faster than that fails the
// capture, never the book; so does taking back the captured entry. One thread: the book's.
//
// The sum of the hashes of what was written must be the one that the book had at that moment: a damaged book
// is not captured.

#include <array>

#include "base/bytes.h"
#include "base/zeroed.h"
#include "license/image_format.h"
#include "license/undo.h"

namespace tercet::license {

class State;

class ImageWriter {
 public:
  enum class Phase : uint8_t {
    idle,
    running,
    complete,  ///< all of it is written, or was taken
    undone,    ///< the captured entry was taken back, or the book reset
    overrun,   ///< the book changed faster than the image was taken
    damaged,   ///< the objects do not add up to the digest
  };
  /// `room`: bytes that may wait. A burst of entries can write as much at once.
  explicit ImageWriter(const BookOptions& options, size_t room = 16U << 20U);
  ~ImageWriter();
  ImageWriter(const ImageWriter&) = delete;
  ImageWriter& operator=(const ImageWriter&) = delete;

  /// Captures the book as it is now; it must outlive the capture. Drops what was written before.
  void begin(State& state);
  /// Writes at most `objects` more, and fewer if there is no room. Returns how many.
  size_t slice(size_t objects);
  /// What waits to be taken; good until the next call of anything here, or change of the book.
  [[nodiscard]] Bytes written() const { return {&room_[0], used_}; }
  void taken() { used_ = 0; }
  void stop();  ///< idle again, whatever was going on

  [[nodiscard]] Phase phase() const { return phase_; }
  [[nodiscard]] Seq captured() const { return Seq{standing_.seq}; }
  /// Of the whole image.
  [[nodiscard]] uint64_t bytes() const { return bytes_; }
  /// Objects in it, and those written so far.
  [[nodiscard]] uint64_t objects() const { return objects_; }
  [[nodiscard]] uint64_t objects_written() const { return written_; }

  // Of the book (state.cc) only: before an object changes or goes.
  void before_lease(uint32_t index) {
    if (pending(leases_, index)) {
      write_lease(index);
    }
  }
  void before_tombstone(uint32_t slot) {
    if (pending(tombstones_, slot)) {
      write_tombstone(slot);
    }
  }
  void before_license(uint32_t index) {
    if (pending(licenses_, index)) {
      write_license(index);
    }
  }
  void before_usage(uint32_t license) {
    if (pending(usages_, license)) {
      write_usage(license);
    }
  }
  void before_undo(uint64_t seq);  ///< of that entry

 private:
  [[nodiscard]] bool pending(const Zeroed<uint64_t>& set, uint32_t i) const {
    return phase_ == Phase::running && (set[i / 64] >> i % 64 & 1U) != 0;
  }
  /// The lowest in `set` from `from` on; kNone: none.
  static uint32_t next(const Zeroed<uint64_t>& set, uint32_t from);
  void write_lease(uint32_t index);
  void write_tombstone(uint32_t slot);
  void write_license(uint32_t index);
  void write_usage(uint32_t license);
  /// One object: its hash is added, its bit in `set` goes.
  void object(ImageKind kind, uint32_t number, Bytes body, const Hash128& hash, Zeroed<uint64_t>& set,
              uint32_t bit);
  void record(ImageKind kind, uint32_t number, Bytes body);
  /// The largest record does, and the end behind it.
  [[nodiscard]] bool fits() const;
  void finish_if_whole();
  void fail(Phase phase);

  State* state_ = nullptr;
  Phase phase_ = Phase::idle;
  Standing standing_{};  ///< of the captured entry
  Hash128 sum_;          ///< of what was written
  Hash128 hash_;         ///< of the stream
  uint64_t bytes_ = 0;
  uint64_t objects_ = 0;
  uint64_t written_ = 0;
  uint32_t first_slot_ = 0;  ///< of the oldest tombstone
  uint32_t slots_;
  // Not yet written, a bit each.
  Zeroed<uint64_t> leases_;
  Zeroed<uint64_t> tombstones_;  ///< by slot
  Zeroed<uint64_t> licenses_;
  Zeroed<uint64_t> usages_;
  uint32_t next_lease_ = 0, next_tombstone_ = 0;  ///< nothing is pending before
  size_t used_ = 0;
  Zeroed<uint8_t> room_;
};

}  // namespace tercet::license
