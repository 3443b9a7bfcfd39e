#pragma once
// The worker behind FileDisk: one request after the other, and between them a piece of the segment that is
// being created. Everything here runs on the worker's thread. Answers are IoDone values; how they travel is
// FileDisk's business.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backend/store/disk.h"
#include "base/time.h"

namespace tercet::store {

class FileWorker {
 public:
  FileWorker(std::string directory, bool direct);
  FileWorker(const FileWorker&) = delete;
  FileWorker& operator=(const FileWorker&) = delete;
  /// A creation that is not finished leaves nothing behind.
  ~FileWorker();

  IoDone write(FileId file, Offset offset, Bytes bytes, IoId id, Durability durability);
  IoDone read(FileId file, Offset offset, MutBytes bytes, IoId id);
  IoDone sync(IoId id);
  IoDone publish(FileId image, IoId id);
  IoDone drop(FileId image, IoId id);
  IoDone remove(FileId file, IoId id);
  IoDone recycle(FileId from, FileId to, IoId id);
  IoDone begin_image(FileId image, uint64_t size, uint64_t leave, IoId id);

  /// A write by somebody else, as one of our own for the pace of creations.
  void note_write();
  /// Queues a creation; step() does it.
  void create(FileId file, uint64_t size, IoId id);
  [[nodiscard]] bool creating() const { return !creations_.empty(); }
  /// How long to wait for another request before step() is due; 0 = now. Only while creating().
  [[nodiscard]] Duration pause() const;
  /// One piece of the creation; its answer when it is done.
  std::optional<IoDone> step();

 private:
  struct File {
    FileId id = 0;
    int fd = -1;        ///< O_DIRECT where we can
    int cached = -1;    ///< through the page cache
    uint64_t size = 0;  ///< segments do not grow
    bool dirty = false;
  };
  struct Creation {
    FileId file = 0;
    uint64_t size = 0;
    IoId id = 0;
    int fd = -1;
    uint64_t written = 0;
  };
  /// An image that is being written.
  struct Draft {
    FileId image = 0;
    int fd = -1;
    uint64_t size = 0;
    int error = 0;  ///< errno of a write that failed
  };
  /// nullptr: errno says why.
  File* open_file(FileId file);
  void forget(FileId file);
  void drop_draft(FileId image);
  [[nodiscard]] int room_for(uint64_t size, uint64_t leave) const;
  int write_draft(FileId image, Offset offset, Bytes bytes);
  [[nodiscard]] int sync_directory() const;
  /// A draft becomes the file that it is a draft of, durable; errno or 0.
  [[nodiscard]] int give_name(int fd, FileId file) const;
  int do_write(FileId file, Offset offset, Bytes bytes, Durability durability);
  int sync_dirty();
  int begin(Creation& creation) const;
  int finish(const Creation& creation) const;
  void abandon(const Creation& creation) const;
  [[nodiscard]] std::string path_of(FileId file) const;
  [[nodiscard]] std::string draft_of(FileId file) const { return path_of(file) + ".new"; }

  std::string directory_;
  bool direct_;
  int directory_fd_ = -1;
  std::vector<File> open_;  ///< the one used last stands last
  std::vector<Creation> creations_;
  std::vector<Draft> drafts_;
  uint8_t* zeros_ = nullptr;
  int refusal_ = 0;  ///< errno of the write or sync after which nothing is written any more
  MonoTime last_write_;
  MonoTime last_piece_;
};

/// The answer to request `id` that ended with `error`, an errno or 0.
IoDone io_done(IoId id, int error);
/// The segments in `directory`.
FileRange segments_in(const std::string& directory);
/// The images in `directory`, in the order of their numbers.
std::vector<FileId> images_in(const std::string& directory);
/// Removes segments and images whose creation a crash interrupted. Nobody else may be working in the
/// directory.
void remove_drafts(const std::string& directory);
/// Tries whether files in `directory` can be read and written 512 bytes at a time with O_DIRECT. 0, or errno.
int try_direct(const std::string& directory);

}  // namespace tercet::store
