#pragma once
// Checkpoints: the book → an image on the disk, a slice at each poll, while the backend works on; then the
// log begins behind it.
//
//   ordered entry ─► Machine::capture ─► slices ─► ImageDraft ─┐
//                       `usable` is decided and S is right ────┴► header, publish ─► Log::release
//
// What fails on the way (an entry that was cut, a disk that is full, a book that does not add up) gives this
// image up and nothing else: the log stays as long as it is. A draft leaves the log room for its next two
// segments, and gives way when the log is refused one all the same: without an image a backend votes on.
//
// Threads: the replica's.

#include "backend/book_machine.h"
#include "backend/pace.h"
#include "backend/store/image_draft.h"
#include "backend/store/log.h"
#include "quorum/acceptor.h"

namespace tercet::backend {

class Checkpoints {
 public:
  struct Counters {
    uint64_t written = 0;
    uint64_t given_up = 0;
    uint64_t bytes = 0;  ///< of the last image
  };
  /// All outlive it. `log_before`: the log's Lsn before the acceptor's first record. `older`: that of the
  /// image which the acceptor was restored from.
  Checkpoints(quorum::Acceptor& acceptor, BookMachine& machine, store::Log& log, store::Disk& disk,
              store::StoreId store, store::Lsn log_before, store::Lsn older);

  /// A slice; returns when to call again, unless the disk has done something before.
  MonoTime poll(MonoTime now);
  /// True if `done` was an image's.
  bool take(const store::IoDone& done);

  // For an image that comes from a peer (image_fetch.h).
  [[nodiscard]] store::ImageDraft& draft() { return draft_; }
  /// Of the next image. A number is used once, whatever comes of it.
  void begin_draft(uint64_t bytes) {
    draft_.begin(store::image_file(++last_number_), bytes, log_.room_ahead());
  }
  /// The draft is free, and is the caller's until it is published or dropped.
  [[nodiscard]] bool lend();
  void give_back() { lent_ = false; }
  /// All that was appended is durable, so that an image can say what it makes useless.
  [[nodiscard]] bool log_is_settled() const;
  [[nodiscard]] bool log_failed() const { return log_.failed(); }
  [[nodiscard]] bool log_wants_room() const { return log_.wants_room(); }
  void finish_peers(const quorum::Checkpoint& checkpoint);
  /// It was published: what lies before it goes.
  void installed(const quorum::Checkpoint& checkpoint);

  /// The newest image; false: there is none.
  [[nodiscard]] bool newest(store::FileId& image, Seq& seq) const;
  /// A peer reads the image of `checkpoint`: that is not removed for a while, whatever comes after it, and
  /// the entries behind it are kept, too.
  void being_read(Slot by, Seq checkpoint, MonoTime now) {
    read_at_ = now;
    acceptor_.feeds(by, checkpoint, now);
  }
  void clean_up(MonoTime now);
  [[nodiscard]] const Counters& counters() const { return counters_; }
  /// As ImageDraft: also of one that was to come from a peer.
  [[nodiscard]] uint64_t room_wanted() const { return draft_.room_wanted(); }

 private:
  void start();
  MonoTime write_slice(MonoTime now);
  void finish();
  void publish_done(MonoTime now);
  void abandon();
  void give_up();
  [[nodiscard]] store::ImageHeader header(const quorum::Acceptor::Kept& kept, store::Lsn older) const;
  void begins_at(const store::ImageHeader& header, Seq seq);

  quorum::Acceptor& acceptor_;
  BookMachine& machine_;
  store::Log& log_;
  store::Disk& disk_;
  const store::StoreId store_;
  const store::Lsn log_before_;
  store::ImageDraft draft_;
  Pace pace_;
  uint32_t number_ = 0;       ///< of the newest image; 0: none
  uint32_t last_number_ = 0;  ///< that was used
  uint32_t oldest_ = 0;       ///< that may be there
  Seq newest_;                ///< its checkpoint
  store::Lsn older_;          ///< its header's
  store::ImageHeader next_;   ///< of the one that is being published
  ImageBase base_{};          ///< of the one that is being written
  bool base_written_ = false;
  Seq writing_;       ///< its checkpoint; 0: none
  size_t taken_ = 0;  ///< of what the book's writer has ready
  bool lent_ = false;
  bool removing_ = false;
  MonoTime read_at_;
  Counters counters_;
};

}  // namespace tercet::backend
