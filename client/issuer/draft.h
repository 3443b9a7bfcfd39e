#pragma once
// How an issuer's folder and a license file are written: one process at a time, and a license is on the disk
// before the record says that it was issued.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <tl/expected.hpp>

#include "base/file.h"
#include "wire/seal/license_file.h"

namespace tercet::issuer {

/// Holds the folder's lock; another process waits.
class FolderLock {
 public:
  explicit FolderLock(const std::string& folder)
      : fd_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    while (fd_ >= 0 && ::flock(fd_, LOCK_EX) != 0) {
      if (errno != EINTR) {
        ::close(fd_);
        fd_ = -1;
      }
    }
  }
  ~FolderLock() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  [[nodiscard]] bool held() const { return fd_ >= 0; }

 private:
  int fd_;
};

/// A license file on the disk beside its place, so that nothing can keep it from its place once its TMR-ID is
/// used up; gone again unless it was moved there.
class Draft {
 public:
  explicit Draft(const std::string& path) : path_(path) {}
  ~Draft() {
    if (written_) {
      ::unlink(beside_.c_str());
    }
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  tl::expected<void, std::string> write(const seal::LicenseFile& file) {
    if (auto done = seal::write_license_file(beside_, file); !done) {
      std::string text = done.error().text;
      if (text.starts_with(beside_)) {
        text.replace(0, beside_.size(), path_);
      }
      return tl::unexpected(text);
    }
    written_ = true;
    return {};
  }
  /// It is recorded first: a license that is in its place was always issued from here.
  tl::expected<void, std::string> record_and_move(const std::string& folder, const std::string& line) {
    if (auto done = append_line_durably(folder + "/issued.jsonl", line, 0600); !done) {
      return done;
    }
    if (auto moved = move_durably(beside_, path_); !moved) {
      return moved;
    }
    written_ = false;
    return {};
  }

 private:
  std::string path_;
  std::string beside_ = path_ + ".draft";
  bool written_ = false;
};

/// A license that is there is kept: its TMR-ID stands for nothing else. An empty file is a name that somebody
/// reserved for this one.
inline tl::expected<void, std::string> check_place(const std::string& path) {
  if (path.empty()) {
    return tl::unexpected(std::string("the license file has no name: give -o FILE"));
  }
  struct stat there {};
  if (::lstat(path.c_str(), &there) != 0) {
    return {};  // what else keeps a file from being there shows when its draft is written
  }
  if (!S_ISREG(there.st_mode)) {
    return tl::unexpected(path + ": is there and is not a regular file: name another one");
  }
  if (there.st_size > 0) {
    return tl::unexpected(path + ": is there already: name another file, or move that one away");
  }
  return {};
}

}  // namespace tercet::issuer
