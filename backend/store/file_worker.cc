#include "backend/store/file_worker.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

#include "backend/store/log_format.h"
#include "base/check.h"

namespace tercet::store {
namespace {

// Pieces in which a segment is zero-written, and how they are paced while writes come in: 64 MiB take half a
// second then.
constexpr size_t kPieceBytes = 128U << 10U;
constexpr Duration kPiecePause = milliseconds(1);
constexpr Duration kQuiet = milliseconds(100);
constexpr size_t kOpenFilesMax = 16;

MonoTime now() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return MonoTime{} + seconds(t.tv_sec) + nanoseconds(t.tv_nsec);
}

uint8_t* aligned_zeros(size_t size) {
  auto* bytes = static_cast<uint8_t*>(std::aligned_alloc(kIoAlignment, size));
  TERCET_CHECK(bytes != nullptr, "memory for a buffer");
  std::memset(bytes, 0, size);
  return bytes;
}

// 0, or errno.
int write_all(int fd, Offset offset, Bytes bytes, int flags) {
  while (!bytes.empty()) {
    iovec piece{};
    // pwritev2 takes what it only reads by pointer to non-const.
    piece.iov_base = const_cast<uint8_t*>(bytes.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
    piece.iov_len = bytes.size();
    const ssize_t n = ::pwritev2(fd, &piece, 1, static_cast<off_t>(offset), flags);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return errno;
    }
    if (n == 0 || n % kSectorBytes != 0) {
      return EIO;  // a part of a sector: nothing to go on from
    }
    offset += static_cast<Offset>(n);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return 0;
}

int fdatasync_of(int fd) { return ::fdatasync(fd) == 0 ? 0 : errno; }

}  // namespace

IoDone io_done(IoId id, int error) {
  IoDone done;
  done.id = id;
  done.os_error = error;
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    done.error = IoError::full;
  } else if (error != 0) {
    done.error = IoError::failed;
  }
  return done;
}

FileWorker::FileWorker(std::string directory, bool direct)
    : directory_(std::move(directory)), direct_(direct), zeros_(aligned_zeros(kPieceBytes)) {
  directory_fd_ = ::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  open_.reserve(kOpenFilesMax);
}

FileWorker::~FileWorker() {
  for (const Creation& creation : creations_) {
    abandon(creation);
  }
  while (!drafts_.empty()) {
    drop_draft(drafts_.back().image);
  }
  for (const File& file : open_) {
    ::close(file.fd);
    ::close(file.cached);
  }
  if (directory_fd_ >= 0) {
    ::close(directory_fd_);
  }
  std::free(zeros_);
}

std::string FileWorker::path_of(FileId file) const { return directory_ + "/" + file_name(file); }

FileWorker::File* FileWorker::open_file(FileId id) {
  const auto it = std::ranges::find(open_, id, &File::id);
  if (it != open_.end()) {
    std::rotate(it, it + 1, open_.end());
    return &open_.back();
  }
  if (open_.size() == kOpenFilesMax) {
    // The oldest is closed; what it has in the page cache would be nobody's to sync then.
    if (open_.front().dirty && refusal_ == 0) {
      refusal_ = fdatasync_of(open_.front().cached);
    }
    ::close(open_.front().fd);
    ::close(open_.front().cached);
    open_.erase(open_.begin());
  }
  const std::string path = path_of(id);
  File file;
  file.id = id;
  file.cached = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file.cached < 0) {
    return nullptr;
  }
  struct stat status {};
  file.fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | (direct_ ? O_DIRECT : 0));
  if (file.fd < 0 || ::fstat(file.fd, &status) != 0) {
    const int error = errno;
    ::close(file.cached);
    if (file.fd >= 0) {
      ::close(file.fd);
    }
    errno = error;
    return nullptr;
  }
  file.size = static_cast<uint64_t>(status.st_size);
  open_.push_back(file);
  return &open_.back();
}

int FileWorker::sync_dirty() {
  for (File& file : open_) {
    if (file.dirty) {
      if (const int error = fdatasync_of(file.cached); error != 0) {
        return error;
      }
      file.dirty = false;
    }
  }
  return 0;
}

int FileWorker::do_write(FileId file, Offset offset, Bytes bytes, Durability durability) {
  File* f = open_file(file);
  if (f == nullptr) {
    return errno;
  }
  if (refusal_ != 0) {
    return refusal_;  // the sync of a file that was closed to make room
  }
  if (offset + bytes.size() > f->size) {
    return EINVAL;
  }
  // What was written with `memory` before is promised along with it.
  if (durability == Durability::fsync && direct_ && std::ranges::none_of(open_, &File::dirty)) {
    return write_all(f->fd, offset, bytes, RWF_DSYNC);
  }
  const int error = write_all(f->cached, offset, bytes, 0);
  f->dirty = true;
  return error != 0 || durability == Durability::memory ? error : sync_dirty();
}

IoDone FileWorker::write(FileId file, Offset offset, Bytes bytes, IoId id, Durability durability) {
  if (is_image(file)) {
    return io_done(id, write_draft(file, offset, bytes));
  }
  last_write_ = now();
  if (refusal_ == 0) {
    refusal_ = do_write(file, offset, bytes, durability);
  }
  return io_done(id, refusal_);
}

void FileWorker::note_write() { last_write_ = now(); }

IoDone FileWorker::sync(IoId id) {
  // Every segment, not only those that this process wrote to: a predecessor may have left some in a cache.
  const FileRange all = segments_in(directory_);
  for (FileId file = all.first; file != all.end && refusal_ == 0; ++file) {
    File* f = open_file(file);
    if (f == nullptr) {
      if (errno != ENOENT) {
        refusal_ = errno;
      }
      continue;
    }
    if (refusal_ == 0) {
      refusal_ = fdatasync_of(f->cached);
      f->dirty = false;
    }
  }
  return io_done(id, refusal_);
}

IoDone FileWorker::read(FileId file, Offset offset, MutBytes bytes, IoId id) {
  File* f = open_file(file);
  if (f == nullptr) {
    return io_done(id, errno);
  }
  if (!direct_) {
    // Not what the cache believes, as far as that can be had: clean pages are dropped and read again.
    ::posix_fadvise(f->fd, static_cast<off_t>(offset), static_cast<off_t>(bytes.size()), POSIX_FADV_DONTNEED);
  }
  IoDone done = io_done(id, 0);
  while (done.bytes < bytes.size()) {
    const ssize_t n = ::pread(f->fd, bytes.data() + done.bytes, bytes.size() - done.bytes,
                              static_cast<off_t>(offset + done.bytes));
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return io_done(id, errno);
    }
    if (n == 0) {
      break;
    }
    done.bytes += static_cast<uint32_t>(n);
  }
  return done;
}

void FileWorker::create(FileId file, uint64_t size, IoId id) {
  Creation creation;
  creation.file = file;
  creation.size = size;
  creation.id = id;
  creations_.push_back(creation);
}

Duration FileWorker::pause() const {
  const MonoTime t = now();
  if (t - last_write_ >= kQuiet || t - last_piece_ >= kPiecePause) {
    return {};
  }
  return kPiecePause - (t - last_piece_);
}

std::optional<IoDone> FileWorker::step() {
  Creation& creation = creations_.front();
  int error = 0;
  if (creation.fd < 0) {
    error = begin(creation);
  }
  if (error == 0 && creation.written < creation.size) {
    const size_t n = std::min<uint64_t>(kPieceBytes, creation.size - creation.written);
    error = write_all(creation.fd, creation.written, {zeros_, n}, 0);
    creation.written += n;
    last_piece_ = now();
  }
  if (error == 0 && creation.written < creation.size) {
    return std::nullopt;
  }
  if (error == 0) {
    error = finish(creation);
  }
  if (error != 0) {
    abandon(creation);
  } else {
    ::close(creation.fd);
  }
  const IoDone done = io_done(creation.id, error);
  creations_.erase(creations_.begin());
  return done;
}

int FileWorker::begin(Creation& creation) const {
  if (::access(path_of(creation.file).c_str(), F_OK) == 0) {
    return EEXIST;
  }
  creation.fd = ::open(draft_of(creation.file).c_str(),
                       O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | (direct_ ? O_DIRECT : 0), 0600);
  if (creation.fd < 0) {
    return errno;
  }
  // Only a hint to lay it out in one piece (and to learn early that there is no room): writing to space that
  // is merely allocated costs 1.4-1.8 times as much as to written space, so the zeros follow.
  if (::fallocate(creation.fd, 0, 0, static_cast<off_t>(creation.size)) != 0 && errno != EOPNOTSUPP &&
      errno != EINVAL) {
    return errno;
  }
  return 0;
}

int FileWorker::finish(const Creation& creation) const { return give_name(creation.fd, creation.file); }

int FileWorker::sync_directory() const {
  return directory_fd_ >= 0 && ::fsync(directory_fd_) == 0 ? 0 : errno;
}

int FileWorker::give_name(int fd, FileId file) const {
  if (::fsync(fd) != 0) {
    return errno;
  }
  // link, not rename: it never replaces a file that is there.
  const std::string draft = draft_of(file);
  if (::link(draft.c_str(), path_of(file).c_str()) != 0 || ::unlink(draft.c_str()) != 0) {
    return errno;
  }
  return sync_directory();
}

void FileWorker::abandon(const Creation& creation) const {
  if (creation.fd >= 0) {
    ::close(creation.fd);
    ::unlink(draft_of(creation.file).c_str());
  }
}

// ---- images, and files that go

void FileWorker::forget(FileId file) {
  if (const auto it = std::ranges::find(open_, file, &File::id); it != open_.end()) {
    ::close(it->fd);
    ::close(it->cached);
    open_.erase(it);
  }
}

void FileWorker::drop_draft(FileId image) {
  if (const auto it = std::ranges::find(drafts_, image, &Draft::image); it != drafts_.end()) {
    ::close(it->fd);
    ::unlink(draft_of(image).c_str());
    drafts_.erase(it);
  }
}

/// 0, or errno.
int FileWorker::room_for(uint64_t size, uint64_t leave) const {
  struct statvfs space {};
  if (::fstatvfs(directory_fd_, &space) != 0) {
    return errno;
  }
  const uint64_t free = uint64_t{space.f_bavail} * space.f_frsize;
  return free >= size && free - size >= leave ? 0 : ENOSPC;
}

IoDone FileWorker::begin_image(FileId image, uint64_t size, uint64_t leave, IoId id) {
  drop_draft(image);
  if (::access(path_of(image).c_str(), F_OK) == 0) {
    return io_done(id, EEXIST);
  }
  if (const int error = room_for(size, leave); error != 0) {
    return io_done(id, error);
  }
  Draft draft{.image = image, .size = size};
  draft.fd = ::open(draft_of(image).c_str(),
                    O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | (direct_ ? O_DIRECT : 0), 0600);
  if (draft.fd < 0) {
    return io_done(id, errno);
  }
  drafts_.push_back(draft);
  // Not zero-written: it is written once, front to back, and synced once. That there is room is worth knowing
  // now.
  int error = ::fallocate(draft.fd, 0, 0, static_cast<off_t>(size)) == 0 ? 0 : errno;
  if (error == EOPNOTSUPP || error == EINVAL) {
    error = ::ftruncate(draft.fd, static_cast<off_t>(size)) == 0 ? 0 : errno;
  }
  if (error != 0) {
    drop_draft(image);
  }
  return io_done(id, error);
}

int FileWorker::write_draft(FileId image, Offset offset, Bytes bytes) {
  const auto draft = std::ranges::find(drafts_, image, &Draft::image);
  if (draft == drafts_.end()) {
    return ENOENT;
  }
  const int error = offset + bytes.size() > draft->size ? EINVAL : write_all(draft->fd, offset, bytes, 0);
  draft->error = draft->error != 0 ? draft->error : error;
  return error;
}

IoDone FileWorker::publish(FileId image, IoId id) {
  const auto draft = std::ranges::find(drafts_, image, &Draft::image);
  if (draft == drafts_.end()) {
    return io_done(id, ENOENT);
  }
  const int error = draft->error != 0 ? draft->error : give_name(draft->fd, image);
  if (error != 0) {
    drop_draft(image);
    return io_done(id, error);
  }
  ::close(draft->fd);
  drafts_.erase(draft);
  return io_done(id, 0);
}

IoDone FileWorker::drop(FileId image, IoId id) {
  drop_draft(image);
  return io_done(id, 0);
}

IoDone FileWorker::remove(FileId file, IoId id) {
  forget(file);
  if (::unlink(path_of(file).c_str()) != 0) {
    return io_done(id, errno == ENOENT ? 0 : errno);
  }
  return io_done(id, sync_directory());
}

IoDone FileWorker::recycle(FileId from, FileId to, IoId id) {
  forget(from);
  if (::access(path_of(to).c_str(), F_OK) == 0) {
    return io_done(id, EEXIST);
  }
  const bool done = ::rename(path_of(from).c_str(), path_of(to).c_str()) == 0;
  return io_done(id, done ? sync_directory() : errno);
}

namespace {

// Calls use(file, is a draft) for what is named like one of ours.
template <class Use>
void each_file(const std::string& directory, Use use) {
  DIR* dir = ::opendir(directory.c_str());
  if (dir == nullptr) {
    return;
  }
  while (const dirent* entry = ::readdir(dir)) {
    const std::string name = static_cast<const char*>(entry->d_name);
    FileId number = 0;
    if (std::sscanf(name.c_str(), "log-%u.tlog", &number) != 1) {
      if (std::sscanf(name.c_str(), "image-%u.timg", &number) != 1 || is_image(number)) {
        continue;
      }
      number = image_file(number);
    }
    if (name == file_name(number)) {
      use(number, false);
    } else if (name == file_name(number) + ".new") {
      use(number, true);
    }
  }
  ::closedir(dir);
}

}  // namespace

FileRange segments_in(const std::string& directory) {
  FileRange range;
  each_file(directory, [&range](FileId number, bool draft) {
    if (!draft && !is_image(number)) {
      range.first = range.first == range.end ? number : std::min(range.first, number);
      range.end = std::max(range.end, number + 1);
    }
  });
  return range;
}

std::vector<FileId> images_in(const std::string& directory) {
  std::vector<FileId> images;
  each_file(directory, [&images](FileId file, bool draft) {
    if (!draft && is_image(file)) {
      images.push_back(file);
    }
  });
  std::ranges::sort(images);
  return images;
}

void remove_drafts(const std::string& directory) {
  each_file(directory, [&directory](FileId file, bool draft) {
    if (draft) {
      ::unlink((directory + "/" + file_name(file) + ".new").c_str());
    }
  });
}

int try_direct(const std::string& directory) {
  const std::string path = directory + "/direct.new";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_DIRECT, 0600);
  if (fd < 0) {
    const int error = errno;
    ::unlink(path.c_str());  // some filesystems create first and refuse then
    return error;
  }
  uint8_t* page = aligned_zeros(kIoAlignment);
  int error = write_all(fd, 0, {page, kIoAlignment}, 0);
  if (error == 0) {
    error = write_all(fd, kSectorBytes, {page, kSectorBytes}, RWF_DSYNC);
  }
  if (error == 0 && ::pread(fd, page, kSectorBytes, kSectorBytes) != ssize_t{kSectorBytes}) {
    error = EIO;
  }
  ::close(fd);
  ::unlink(path.c_str());
  std::free(page);
  return error;
}

}  // namespace tercet::store
