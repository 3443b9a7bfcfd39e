#pragma once
// ImageDraft: an image on its way to the disk, while the log goes on: bytes in, as they come; a file at the
// end, or nothing.
//
//   begin ─► append … append ─► finish ─► done()
//
// Threads: the disk's owner's, who hands over what the disk has done (take). append does not allocate or
// wait. An error gives this draft up, and touches nothing else.

#include <cstdlib>
#include <memory>

#include "backend/store/image_file.h"

namespace tercet::store {

class ImageDraft {
 public:
  enum class Phase : uint8_t { idle, creating, writing, publishing, done, failed };
  explicit ImageDraft(Disk& disk);

  /// Of `bytes` bytes in all. It fails unless `leave` bytes of the disk are free beside it.
  void begin(FileId image, uint64_t bytes, uint64_t leave);
  /// How many bytes are taken now.
  [[nodiscard]] size_t room() const;
  /// At most room().
  void append(Bytes bytes);
  /// All of it was appended and is written: the header may follow.
  [[nodiscard]] bool written() const {
    return phase_ == Phase::writing && appended_ == bytes_ && !in_flight_ && filled_ == 0;
  }
  /// Once written(). `header.bytes` is set here.
  void finish(ImageHeader header, const ImageBase& base);
  /// Given up, at any time; what has become a file stays one. busy() until the disk has its space back.
  void drop();

  /// True if `done` was the draft's.
  bool take(const IoDone& done);
  [[nodiscard]] Phase phase() const { return phase_; }
  [[nodiscard]] FileId image() const { return image_; }
  /// Bytes that had to be free for the last one that was begun, and were not; 0: they were.
  [[nodiscard]] uint64_t room_wanted() const { return room_wanted_; }
  /// The disk has something of ours that it is not done with: no other draft may begin.
  [[nodiscard]] bool busy() const { return in_flight_; }

 private:
  struct Free {
    void operator()(uint8_t* p) const { std::free(p); }
  };
  void send();
  void give_back();

  Disk& disk_;
  Phase phase_ = Phase::idle;
  FileId image_ = kImages;
  uint64_t bytes_ = 0;
  uint64_t needs_ = 0;  ///< free space, as it is begun
  uint64_t room_wanted_ = 0;
  uint64_t appended_ = 0;
  Offset sent_ = 0;    ///< in the file: where the next block goes
  size_t filled_ = 0;  ///< of the block that is being filled
  bool in_flight_ = false;
  bool publish_ = false;  ///< the header is in flight; publishing follows
  bool dropped_ = false;  ///< and the disk has not been told
  std::unique_ptr<uint8_t[], Free> blocks_[2];
  unsigned filling_ = 0;
};

}  // namespace tercet::store
